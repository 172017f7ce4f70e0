"""Other WSGI and ASGI code between the page cache and Django, and misuse."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.core.asgi import get_asgi_application
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from pytest_django import Settings

from cacheadmin import pagecache
from cacheadmin.pagecache import AsyncPageCache, PageCache
from tests.cacheadmin.pages import asking
from tests.cacheadmin.pages.conftest import FrontMaker

Start = Callable[..., Any]


def test_an_application_that_writes_is_passed_on() -> None:
    written: list[bytes] = []

    def writing(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", "2")])(b"ab")
        return []

    def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Callable[[bytes], object]:
        assert ("Cache-Status", "cacheadmin; fwd=miss") in headers
        return written.append

    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/x/", "HTTP_HOST": "a.example"}
    assert list(PageCache(writing)(environ, start)) == []
    assert written == [b"ab"]


def test_an_application_that_starts_late_is_passed_on() -> None:
    def late(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        start_response("404 Not Found", [])
        yield b"late"

    answer = asking.wsgi(PageCache(late))("/x/")
    assert (answer.status, answer.body, answer.cache) == (404, b"late", "fwd=miss")


def test_a_middleware_around_django_is_kept_with_the_page(engine: str) -> None:
    django = get_wsgi_application()

    def adding(environ: dict[str, Any], start_response: Start) -> Any:
        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            return start_response(status, [*headers, ("X-Added", "yes")], *more)

        return django(environ, start)

    ask = asking.wsgi(PageCache(adding))
    for how in ("fwd=miss", "hit"):
        answer = ask("/things/a/")
        assert (answer.cache, answer.headers["x-added"]) == (how, "yes")


def test_an_application_that_fails_holds_nobody_up() -> None:
    def failing(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        asking.wsgi(PageCache(failing))("/x/")


def test_what_is_no_request_goes_through() -> None:
    seen: list[str] = []

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    asyncio.run(AsyncPageCache(application)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]


def test_pages_want_an_adaptive_cache(settings: Settings, new_front: FrontMaker) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    with pytest.raises(ImproperlyConfigured, match="AdaptiveCache"):
        new_front()("/things/a/")
    with pytest.raises(ImproperlyConfigured, match="AdaptiveCache"):
        pagecache.forget("a:b")


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_a_hit_is_a_request_like_others_once_a_second(kind: str) -> None:
    front = PageCache(get_wsgi_application()) if kind == "wsgi" else AsyncPageCache(get_asgi_application())
    ask = asking.wsgi(front) if kind == "wsgi" else asking.asgi(front)
    ask("/things/a/")
    heard: list[str] = []

    def hear(signal: Any, **_kwargs: Any) -> None:
        heard.append("begins" if signal is request_started else "ends")

    for signal in (request_started, request_finished):
        signal.connect(hear)
    try:
        front._next_look = float("inf")
        assert {ask("/things/a/").cache for _ in range(5)} == {"hit"}
        assert heard == []
        front._next_look = float("-inf")
        assert {ask("/things/a/").cache for _ in range(2)} == {"hit"}
    finally:
        for signal in (request_started, request_finished):
            signal.disconnect(hear)
    assert heard[:2] == ["begins", "ends"]
