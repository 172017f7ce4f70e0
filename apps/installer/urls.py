"""The addresses of the installer. All of them are gone (404) once the site is installed."""

from __future__ import annotations

from django.urls import path

from installer import trials, views, wizard

app_name = "installer"

urlpatterns = [
    path("", views.start, name="start"),
    path("redis-guide/", views.redis_guide, name="redis_guide"),
    path("progress/", wizard.how_far, name="progress"),
    path("test-port/", trials.test_port, name="test_port"),
    path("test-redis/", trials.test_redis, name="test_redis"),
    path("test-advanced/", trials.test_advanced, name="test_advanced"),
    path("measure/", trials.measure, name="measure"),
    path("check-password/", trials.check_password, name="check_password"),
    path("<slug:slug>/", wizard.step, name="step"),
]
