"""The moment in which an engine is taken again: one new beginning, and the others hear of it at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cacheadmin.backend import AdaptiveCache
from tests.cacheadmin.waiting import wait_until
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]


@pytest.fixture
def lost(new_cache: CacheMaker, redis_server: RedisServer) -> AdaptiveCache:
    """A cache whose Redis is gone, with a count on files."""
    cache = new_cache("redis", location=redis_server.url())
    cache.set("warm", 1)
    redis_server.kill()
    cache.add("count", 7)
    assert cache.space.selector.status().engine == "file"
    return cache


def come_back(cache: AdaptiveCache, server: RedisServer) -> None:
    server.start()
    wait_until(lambda: cache.space.selector.status().engine == "redis", seconds=5)


def test_counts_go_on_until_the_very_moment_and_begin_anew_only_once(
    lost: AdaptiveCache, redis_server: RedisServer
) -> None:
    counted: list[tuple[str, int | None]] = []

    def count() -> None:
        # As a request that comes while the other machines are told, before and after.
        counted.append((lost.space.selector.status().engine, lost.get("count")))
        lost.add("count", 0)
        lost.incr("count")

    lost.space.selector.around_return.append(count)
    come_back(lost, redis_server)
    wait_until(lambda: len(counted) > 1, seconds=5)
    assert counted == [("file", 7), ("redis", None)]
    assert lost.get("count") == 1


def test_the_generation_that_is_used_then_is_known_on_redis(
    lost: AdaptiveCache, redis_server: RedisServer
) -> None:
    told: list[bool] = []

    def look() -> None:
        with redis_server.client() as client:
            remote = int(client.get(lost.space.exchange.name_of("other")) or 0)
        cell = lost.space.selector.words.generation_cell(lost.space.namespace, "other")
        told.append(remote == lost.space.selector.words.generation(cell))

    lost.space.selector.around_return.append(look)
    come_back(lost, redis_server)
    wait_until(lambda: len(told) > 1, seconds=5)
    assert told == [True, True]
