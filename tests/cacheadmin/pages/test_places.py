"""Where the file of a page is, and that odd addresses have none."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from cacheadmin.pagecache.asked import Asked
from cacheadmin.pagecache.page import make
from cacheadmin.pagecache.places import place_of
from tests.cacheadmin.pages.asking import HOST

A = f"http/{HOST}/things/a/index.html"


@pytest.mark.parametrize("path", ["", "//", "/a", "/../", "/./a/", "/a//b/", "/" + "a/" * 21, "x/"])
def test_odd_paths_have_no_place(path: str) -> None:
    assert place_of(_asked(path=path), _page()) is None


@pytest.mark.parametrize(
    "host", ["..", "a..b", ".a", "a/b", "pages.example.", "a" * 256, "[::1]", "", "other"]
)
def test_odd_hosts_have_no_place_even_where_all_are_allowed(settings: Settings, host: str) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert place_of(_asked(host=host), _page()) is None
    assert place_of(_asked(), _page()) is None
    settings.ALLOWED_HOSTS = ["*", ".example"]
    assert place_of(_asked(), _page()) == A
    assert place_of(_asked(host=host), _page()) is None


def test_a_page_with_headers_that_the_web_server_does_not_add_is_no_file(settings: Settings) -> None:
    assert place_of(_asked(), _page(("X-Frame-Options", "DENY"), ("Content-Language", "fr"))) == A
    assert place_of(_asked(), _page(("X-Frame-Options", "SAMEORIGIN"))) is None
    assert place_of(_asked(), _page(("Content-Security-Policy", "default-src 'self'"))) is None
    assert place_of(_asked(), make([("Content-Type", "application/atom+xml")], b"a", 0, "")) is None


def _asked(host: str = HOST, path: str = "/things/a/") -> Asked:
    sent = path.encode().decode("latin-1")
    return Asked("http", host, sent, "", True, False, "gzip", "", "")


def _page(*headers: tuple[str, str]) -> Any:
    return make([("Content-Type", "text/html; charset=utf-8"), *headers], b"page", 0, "")
