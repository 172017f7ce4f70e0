"""The URLs of the cache page; include them before the admin's own."""

from __future__ import annotations

from django.urls import path, re_path

from cacheadmin.views import (
    benchmarking,
    choosing,
    clearing,
    connection,
    diagnosing,
    following,
    helping,
    keys,
    lifetimes,
    page,
    rollback,
    warming,
)

app_name = "cacheadmin"

urlpatterns = [
    path("", page.page, name="page"),
    # With and without a slash: a redirect would lose the POST.
    re_path(r"^test-redis/?$", connection.test_redis, name="test_redis"),
    re_path(r"^test-advanced/?$", connection.test_advanced, name="test_advanced"),
    re_path(r"^engine/?$", choosing.choose, name="engine"),
    re_path(r"^following/?$", following.show, name="following"),
    re_path(r"^address/?$", choosing.save_address, name="address"),
    re_path(r"^clear/?$", clearing.clear, name="clear"),
    re_path(r"^warmup/?$", warming.warm, name="warmup"),
    re_path(r"^warmup/progress/?$", warming.progress, name="progress"),
    re_path(r"^lifetime/?$", lifetimes.save, name="lifetime"),
    re_path(r"^benchmark/?$", benchmarking.measure, name="benchmark"),
    re_path(r"^keys/?$", keys.search, name="keys"),
    re_path(r"^keys/look/?$", keys.look, name="look"),
    re_path(r"^keys/delete/?$", keys.delete, name="delete"),
    re_path(r"^rollback/?$", rollback.roll_back, name="rollback"),
    re_path(r"^help/?$", helping.show, name="help"),
    re_path(r"^diagnostics/?$", diagnosing.show, name="diagnostics"),
]
