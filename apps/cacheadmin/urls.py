"""The URLs of the cache page; include them before the admin's own."""

from __future__ import annotations

from django.urls import path, re_path

from cacheadmin.views import connection, page

app_name = "cacheadmin"

urlpatterns = [
    path("", page.page, name="page"),
    # With and without a slash: a redirect would lose the POST.
    re_path(r"^test-redis/?$", connection.test_redis, name="test_redis"),
    re_path(r"^test-advanced/?$", connection.test_advanced, name="test_advanced"),
    re_path(r"^clear/?$", page.clear, name="clear"),
]
