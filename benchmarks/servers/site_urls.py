"""What the benchmark asks for: the smallest answer, who answers, one that waits, one that reads a body."""

from __future__ import annotations

import os
import time

from django.contrib.auth.hashers import make_password
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from config.urls import handler400, handler403, handler404, handler500
from config.urls import urlpatterns as site_urlpatterns

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def tiny(request: HttpRequest) -> HttpResponse:
    """Two letters, through every middleware."""
    return HttpResponse("ok", content_type="text/plain")


def worker(request: HttpRequest) -> HttpResponse:
    """The process that answers."""
    return HttpResponse(str(os.getpid()), content_type="text/plain")


def wait(request: HttpRequest) -> HttpResponse:
    """100 ms during which nothing is computed: a mail server, a database on another machine."""
    time.sleep(0.1)
    return HttpResponse("waited", content_type="text/plain")


def password(request: HttpRequest) -> HttpResponse:
    """What a login costs: one Argon2 hash, computed outside of Python's lock."""
    return HttpResponse(make_password("a password of nobody"), content_type="text/plain")


@csrf_exempt
def upload(request: HttpRequest) -> HttpResponse:
    """The length of a body, all of it read."""
    return HttpResponse(str(len(request.body)), content_type="text/plain")


urlpatterns = [
    path("benchmark/tiny/", tiny),
    path("benchmark/worker/", worker),
    path("benchmark/wait/", wait),
    path("benchmark/password/", password),
    path("benchmark/upload/", upload),
    *site_urlpatterns,
]
