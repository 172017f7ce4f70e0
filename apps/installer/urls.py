"""The addresses of the installer: one for now. It is gone (404) once the site is installed."""

from __future__ import annotations

from django.urls import path

from installer import views

app_name = "installer"

urlpatterns = [path("", views.start, name="start")]
