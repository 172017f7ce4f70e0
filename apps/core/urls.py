"""Addresses that belong to no language."""

from __future__ import annotations

from django.urls import path

from core import files

app_name = "core"

urlpatterns = [
    path("media/<path:path>", files.media, name="media"),
    path("robots.txt", files.robots, name="robots"),
]
