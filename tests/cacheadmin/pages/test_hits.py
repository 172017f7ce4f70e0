"""What is answered from the cache, and how."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from email.utils import formatdate

import pytest
from pytest_django import Settings

from cacheadmin import clear_group, pagecache, state
from cacheadmin.pagecache import keeper
from tests.cacheadmin.pages.asking import Asker
from tests.cacheadmin.pages.conftest import FrontMaker
from tests.cacheadmin.pages.urls import FILLING, made
from tests.servers.redis import RedisServer


def test_the_second_visitor_gets_what_the_first_one_got(engine: str, ask_either: Asker) -> None:
    first, second = ask_either("/things/a/"), ask_either("/things/a/")
    assert (first.cache, second.cache) == ("fwd=miss", "hit")
    assert second.status == 200
    assert second.body == first.body
    assert second.text.startswith("a 1 http://pages.example/things/a/ ")
    assert first.headers.pop("cache-status") != second.headers.pop("cache-status")
    assert second.headers == {**first.headers, **_dates(second.headers)}
    assert made["a"] == 1


def _dates(headers: dict[str, str]) -> dict[str, str]:
    # It is said from the next second on, whenever that begins.
    return {name: value for name, value in headers.items() if name == "last-modified"}


def test_every_worker_finds_it(new_front: FrontMaker, engine: str) -> None:
    assert new_front()("/things/a/").cache == "fwd=miss"
    assert new_front()("/things/a/").cache == "hit"


def test_pages_are_kept_compressed_and_sent_as_asked(engine: str, ask_either: Asker) -> None:
    for accepted, sent in (
        ("gzip, br", "gzip"),
        ("", None),
        ("br", None),
        ("gzip;q=0, *", None),
        ("*", "gzip"),
    ):
        for _ in range(2):
            answer = ask_either("/things/a/", Accept_Encoding=accepted)
            assert answer.headers.get("content-encoding") == sent
            assert int(answer.headers["content-length"]) == len(answer.body)
            assert FILLING in answer.text
            assert answer.headers["vary"] == "Accept-Encoding"
    assert made["a"] == 1


def test_what_compression_makes_no_smaller_is_sent_as_it_is(engine: str, ask: Asker) -> None:
    for _ in range(2):
        answer = ask("/tiny/")
        assert answer.body == b"tiny"
        assert "content-encoding" not in answer.headers
    assert made["tiny"] == 1


def test_a_head_is_a_get_without_its_body(engine: str, ask_either: Asker) -> None:
    assert ask_either("/things/a/", "HEAD").cache == "fwd=miss"
    whole = ask_either("/things/a/")
    head = ask_either("/things/a/", "HEAD")
    assert (whole.cache, head.cache, head.body) == ("fwd=miss", "hit", b"")
    assert head.headers["content-length"] == str(len(whole.body))
    assert head.headers["etag"] == whole.headers["etag"]


@pytest.mark.parametrize("form", ["{tag}", "W/{tag}", '"other", {tag}', "*", "{plain}"])
def test_who_has_the_page_is_told_so(ask_either: Asker, form: str) -> None:
    first = ask_either("/things/a/")
    tag = first.headers["etag"]
    known = form.format(tag=tag, plain=tag.replace("-gzip", ""))
    again = ask_either("/things/a/", If_None_Match=known)
    assert (again.status, again.body, again.cache) == (304, b"", "hit")
    assert again.headers["etag"] == tag
    assert again.headers["cache-control"] == "no-cache"
    other = ask_either("/things/a/", If_None_Match='"something else"')
    assert (other.status, other.text) == (200, first.text)


def test_a_first_visitor_who_has_the_page_is_told_so_too(ask_either: Asker) -> None:
    tag = ask_either("/things/a/").headers["etag"]
    clear_group("pages")
    made["a"] = 0
    again = ask_either("/things/a/", If_None_Match=tag)
    assert (again.status, again.cache) == (304, "fwd=miss")


def test_a_date_counts_only_once_no_other_page_can_have_the_same(
    ask: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = int(time.time())
    monkeypatch.setattr("cacheadmin.pagecache.page.time.time", lambda: now + 0.5)
    dated = formatdate(now, usegmt=True)
    assert "last-modified" not in ask("/things/a/").headers
    assert ask("/things/a/", If_Modified_Since=dated).status == 200
    monkeypatch.setattr("cacheadmin.pagecache.page.time.time", lambda: now + 1.5)
    assert ask("/things/a/").headers["last-modified"] == dated
    assert ask("/things/a/", If_Modified_Since=dated).status == 304
    # A tag says more than a date.
    assert ask("/things/a/", If_Modified_Since=dated, If_None_Match='"other"').status == 200
    assert ask("/things/a/", If_Modified_Since=formatdate(now + 60, usegmt=True)).status == 200


def test_browsers_ask_each_time_and_others_keep_what_they_are_allowed(
    settings: Settings, new_front: FrontMaker
) -> None:
    assert new_front()("/things/a/").headers["cache-control"] == "no-cache"
    settings.CACHEADMIN = {"PAGES_CDN_SECONDS": 60, "PAGES_NGINX_SECONDS": 2}
    for _ in range(2):
        headers = new_front()("/things/a/").headers
        assert headers["cache-control"] == "max-age=0, must-revalidate, s-maxage=60"
        assert headers["x-accel-expires"] == "2"
        # Before 1.23, nginx follows the one that it reads first.
        assert list(headers).index("x-accel-expires") < list(headers).index("cache-control")
        assert headers["vary"] == "Accept-Encoding"


def test_a_front_follows_changed_settings(settings: Settings, ask: Asker) -> None:
    ask("/things/a/")
    assert ask("/things/a/").cache == "hit"
    settings.CACHEADMIN = {"PAGES": False}
    assert ask("/things/a/").cache == "fwd=bypass"


def test_nothing_is_kept_while_developing(settings: Settings, new_front: FrontMaker) -> None:
    settings.DEBUG = True
    ask = new_front()
    assert [ask("/things/a/").cache for _ in range(2)] == ["fwd=bypass"] * 2
    settings.CACHEADMIN = {"PAGES": True}
    assert [ask("/things/a/").cache for _ in range(2)] == ["fwd=miss", "hit"]


def test_another_release_makes_its_own_pages(new_front: FrontMaker, engine: str) -> None:
    old, new = new_front(version="1"), new_front(version="2")
    assert [ask("/things/a/").cache for ask in (old, new, old, new)] == ["fwd=miss", "fwd=miss", "hit", "hit"]


def test_a_view_on_the_event_loop_is_kept_too(engine: str, new_front: FrontMaker) -> None:
    ask = new_front("asgi")
    assert [ask("/async/").cache for _ in range(2)] == ["fwd=miss", "hit"]
    assert [ask("/async/", query="a=1").cache for _ in range(2)] == ["fwd=miss", "fwd=miss"]


def test_a_page_lives_as_long_as_its_group(engine: str, ask: Asker) -> None:
    assert state.lifetime("pages") == 120
    for seconds, second in ((3, "hit"), (0, "fwd=miss"), (100_000, "hit")):
        clear_group("pages")
        assert ask(f"/ending/{seconds}/").cache == "fwd=miss"
        assert ask(f"/ending/{seconds}/").cache == second


def test_a_page_that_ends_is_made_anew(engine: str, ask: Asker) -> None:
    ask("/ending/1/")
    deadline = time.monotonic() + 10
    while ask("/ending/1/").cache == "hit":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert made["ending"] == 2


def test_the_switch_reaches_pages(
    settings: Settings, new_cache: Callable[..., object], new_front: FrontMaker
) -> None:
    new_cache("off")
    ask = new_front()
    assert [ask("/things/a/").cache for _ in range(3)] == ["fwd=miss"] * 3


def test_an_outage_shows_nothing_old(
    settings: Settings, redis_server: RedisServer, new_cache: Callable[..., object], new_front: FrontMaker
) -> None:
    settings.CACHEADMIN = {"PAGES_NEAR": 0}
    new_cache("redis", location=redis_server.url())
    ask = new_front()
    ask("/things/a/")
    assert ask("/things/a/").cache == "hit"
    redis_server.kill()
    assert [ask("/things/a/").cache for _ in range(2)] == ["fwd=miss", "hit"]


def test_small_pages_are_pickled_bytes_of_gzip(engine: str, ask: Asker) -> None:
    body = ask("/things/a/").body
    assert len(body) < len(gzip.decompress(body)) / 4


def test_visitors_are_counted_and_nothing_else(engine: str, ask: Asker) -> None:
    counted = keeper.cache_of_pages().space.tally("pages")
    counted.take()
    ask("/things/a/")
    ask("/things/a/")
    pagecache.forget("thing:a")
    ask("/things/a/")
    assert dict(counted.take()) == {"hits": 1, "misses": 2, "writes": 2}
