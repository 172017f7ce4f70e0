"""The small site on each engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.asgi import get_asgi_application
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from pytest_django import Settings

from cacheadmin.pagecache import AsyncPageCache, PageCache
from tests.cacheadmin.pages import asking, urls
from tests.cacheadmin.pages.asking import Asker

FrontMaker = Callable[..., Asker]


@pytest.fixture(autouse=True)
def _small_site(settings: Settings) -> None:
    settings.ROOT_URLCONF = urls.__name__
    settings.ALLOWED_HOSTS = [asking.HOST, "other.example"]
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    settings.MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"
    settings.MIDDLEWARE = [
        "django.middleware.gzip.GZipMiddleware",
        "django.middleware.http.ConditionalGetMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ]
    urls.made.clear()
    urls.meanwhile.clear()


@pytest.fixture(autouse=True)
def _connections_of_other_tests() -> Iterator[None]:
    """Leave them alone, as Django's own test client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def new_front() -> FrontMaker:
    """Make a front as one worker has it: ``new_front("asgi", version="2")``."""

    def make(kind: str = "wsgi", **options: Any) -> Asker:
        if kind == "asgi":
            return asking.asgi(AsyncPageCache(get_asgi_application(), **options))
        return asking.wsgi(PageCache(get_wsgi_application(), **options))

    return make


@pytest.fixture
def ask(new_front: FrontMaker) -> Asker:
    """Ask the small site, over WSGI."""
    return new_front()


@pytest.fixture(params=["wsgi", "asgi"])
def ask_either(request: pytest.FixtureRequest, new_front: FrontMaker) -> Asker:
    """Ask it over WSGI, and in another run of the test over ASGI."""
    return new_front(request.param)
