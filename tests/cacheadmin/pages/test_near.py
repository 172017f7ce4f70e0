"""While pages are kept on Redis, each worker has the last ones at hand for a second."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from pytest_django import Settings

from cacheadmin import pagecache
from cacheadmin.backend import AdaptiveCache
from cacheadmin.pagecache import keeper, near
from cacheadmin.pagecache.page import Page
from tests.cacheadmin.pages.asking import Asker
from tests.cacheadmin.pages.conftest import FrontMaker
from tests.cacheadmin.pages.urls import made
from tests.cacheadmin.redis_engines import Counted
from tests.servers.redis import RedisServer


@pytest.fixture
def cache(redis_server: RedisServer, new_cache: Callable[..., AdaptiveCache]) -> AdaptiveCache:
    """The cache of the pages, on Redis."""
    return new_cache("redis", location=redis_server.url())


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """What makes it a second later."""
    passed = [0.0]
    now = time.monotonic
    monkeypatch.setattr("cacheadmin.pagecache.near.time.monotonic", lambda: now() + passed[0])

    def pass_by() -> None:
        passed[0] += near.LIFE

    return pass_by


def gets(server: RedisServer, ask: Callable[[], object], times: int = 20) -> int:
    """How often Redis is asked for something while a page is."""
    with Counted(server) as seen:
        for _ in range(times):
            ask()
    return seen.commands.get("get", 0)


def test_a_hit_is_one_question_and_the_next_ones_are_none(
    cache: AdaptiveCache, redis_server: RedisServer, ask_either: Asker, later: Callable[[], None]
) -> None:
    ask_either("/things/a/")
    assert gets(redis_server, lambda: ask_either("/things/a/")) == 1
    later()
    assert gets(redis_server, lambda: ask_either("/things/a/")) == 1
    assert made["a"] == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda: pagecache.forget("thing:a"),
        pagecache.forget_all,
        lambda: keeper.cache_of_pages().clear(),
    ],
    ids=["its mark", "all pages", "the cache"],
)
def test_no_worker_shows_what_another_one_has_made_void(
    cache: AdaptiveCache, new_front: FrontMaker, change: Callable[[], object]
) -> None:
    workers = [new_front(), new_front("asgi"), new_front()]
    for ask in workers:
        ask("/things/a/")
        assert ask("/things/a/").cache == "hit"
    change()
    assert [ask("/things/a/").cache for ask in workers] == ["fwd=miss", "hit", "hit"]
    assert made["a"] == 2


def test_a_page_removed_by_its_key_is_missed_within_a_second(
    cache: AdaptiveCache, redis_server: RedisServer, ask: Asker, later: Callable[[], None]
) -> None:
    ask("/things/a/")
    ask("/things/a/")
    redis_server.client().flushall()
    later()
    assert ask("/things/a/").cache == "fwd=miss"


def test_a_lost_redis_is_noticed_within_a_second(
    cache: AdaptiveCache, redis_server: RedisServer, ask: Asker, later: Callable[[], None]
) -> None:
    ask("/things/a/")
    assert ask("/things/a/").cache == "hit"
    redis_server.kill()
    assert ask("/things/a/").cache == "hit"
    later()
    assert [ask("/things/a/").cache for _ in range(2)] == ["fwd=miss", "hit"]
    assert cache.space.selector.status().engine == "file"


def test_a_page_is_not_remembered_beyond_its_end(cache: AdaptiveCache, later: Callable[[], None]) -> None:
    cache.get("anything")
    memory = near.Near(cache.space, 1000)
    page = Page((), time.time() + near.LIFE / 2, 0, "", "", [], b"", "")
    memory.keep("a", page, memory.now())
    later()
    assert memory.find("a") is None
    memory.keep("b", page._replace(ends_at=time.time() - 1), memory.now())
    assert memory.find("b") is None


def test_what_was_read_during_a_change_is_not_remembered(cache: AdaptiveCache) -> None:
    cache.get("anything")
    memory = near.Near(cache.space, 1000)
    page = Page((), time.time() + 100, 0, "", "", [], b"", "")
    with cache.space.selector.words.change():
        memory.keep("a", page, memory.now())
        assert memory.find("a") is None
    before = memory.now()
    pagecache.forget("thing:a")
    memory.keep("a", page, before)
    assert memory.find("a") is None
    memory.keep("a", page, memory.now())
    assert memory.find("a") == page


def test_it_holds_so_many_bytes_and_no_more(cache: AdaptiveCache) -> None:
    cache.get("anything")
    memory = near.Near(cache.space, 1000)
    page = Page((), time.time() + 100, 0, "", "", [], bytes(400), "")
    for name in "aab":
        memory.keep(name, page, memory.now())
    assert [memory.find(name) == page for name in "ab"] == [True, True]
    memory.keep("c", page, memory.now())
    assert [memory.find(name) == page for name in "abc"] == [False, False, True]
    memory.keep("d", page._replace(body=bytes(1001)), memory.now())
    assert memory.find("d") is None


def test_it_can_be_switched_off(
    cache: AdaptiveCache, redis_server: RedisServer, settings: Settings, new_front: FrontMaker
) -> None:
    settings.CACHEADMIN = {"PAGES_NEAR": 0}
    ask = new_front()
    ask("/things/a/")
    assert gets(redis_server, lambda: ask("/things/a/")) == 20


@pytest.mark.parametrize("name", ["file", "memory"])
def test_other_engines_need_none(
    name: str, new_cache: Callable[..., AdaptiveCache], new_front: FrontMaker
) -> None:
    cache, ask = new_cache(name), new_front()
    for _ in range(3):
        ask("/things/a/")
    # Removed by its key, it is missed at once.
    for key in list(cache.space.engine().names()):
        cache.space.engine().delete(key)
    assert ask("/things/a/").cache == "fwd=miss"
