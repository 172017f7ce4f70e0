"""One address."""

from __future__ import annotations

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.urls import path


def read(request: HttpRequest) -> HttpResponse:
    """Read one key."""
    cache.get("content:1")
    return HttpResponse("read")


urlpatterns = [path("", read)]
