"""The URLs of the cache page; include them before the admin's own."""

from __future__ import annotations

from django.urls import path, re_path

from cacheadmin import views

app_name = "cacheadmin"

urlpatterns = [
    path("", views.page, name="page"),
    # With and without a slash: a redirect would lose the POST.
    re_path(r"^clear/?$", views.clear, name="clear"),
]
