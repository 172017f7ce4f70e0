"""What is held, by group: true where it was counted, scaled where it was estimated, else not available."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from cacheadmin import groups
from cacheadmin.backend import AdaptiveCache
from cacheadmin.holdings import holdings
from tests.cacheadmin.conftest import CacheMaker
from tests.cacheadmin.redis_engines import MINIMAL
from tests.servers.redis import RedisServer


@pytest.fixture(autouse=True)
def _groups() -> Iterator[None]:
    groups.register(groups.Group("content", ttl=120))
    yield
    groups.autodiscover()


def fill(cache: AdaptiveCache, number: int = 12) -> None:
    for one in range(number):
        cache.set(f"content:{one}", "x" * 50)
    cache.set_many({"plain": 1, "other-one": 2}, version=2)
    cache.set("sessions:a", 1)


def test_each_engine_tells_its_entries_by_group(cache: AdaptiveCache, engine: str) -> None:
    fill(cache)
    found = holdings()
    assert found.engine == engine
    assert found.entries == 15
    assert found.groups == {"content": 12, "other": 2, "sessions": 1}
    assert found.cleared == 0
    assert found.is_complete
    assert found.is_of_one_process is (engine == "memory")
    assert (found.size is None) is (engine == "redis")
    assert found.is_exact is (engine != "redis")
    assert (found.server is None) is (engine != "redis")


def test_what_a_clear_left_behind_is_no_entry_of_a_group(cache: AdaptiveCache) -> None:
    fill(cache)
    cache.clear_groups(["content"])
    cache.set("content:new", 1)
    found = holdings()
    assert found.groups == {"content": 1, "other": 2, "sessions": 1}
    assert found.cleared == 12


def test_an_alias_with_one_group_and_no_prefix(new_cache: CacheMaker, redis_url: str) -> None:
    cache = new_cache("redis", location=redis_url, KEY_PREFIX="", GROUP="sessions")
    cache.set("whatever:1", 1)
    assert holdings().groups == {"sessions": 1}
    cache = new_cache("redis", location=redis_url, KEY_PREFIX="")
    cache.set("content:1", 1)
    assert (holdings().groups or {})["content"] == 1


def test_foreign_keys_of_a_redis_are_counted_and_not_ours(
    new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    cache = new_cache("redis", location=redis_server.url())
    fill(cache)
    client = redis_server.client()
    for number in range(7):
        client.set(f"queue:{number}", "foreign")
    found = holdings()
    assert found.server is not None
    assert found.entries == 15
    # Beside the entries there are some numbers that the machines share.
    assert found.server.keys == client.dbsize()
    assert found.server.foreign_keys is not None
    assert found.server.foreign_keys == 7
    assert found.server.used_memory is not None
    assert found.server.used_memory > 100_000
    assert found.server.max_memory == 0
    assert found.server.missing == ()


def test_a_large_redis_is_estimated_from_a_part(new_cache: CacheMaker, redis_server: RedisServer) -> None:
    cache = new_cache("redis", location=redis_server.url(), MAX_ENTRIES=100_000)
    cache.set_many({f"content:{number}": number for number in range(6_000)})
    client = redis_server.client()
    client.mset({f"queue:{number}": 1 for number in range(6_000)})
    found = holdings(keys=3_000)
    assert found.looked_at == 3_000
    assert not found.is_complete
    assert not found.is_exact
    assert found.entries == pytest.approx(6_000, rel=0.1)
    assert found.server is not None
    assert found.server.foreign_keys == pytest.approx(6_000, rel=0.1)
    assert sum((found.groups or {}).values()) == found.entries


def test_a_redis_that_may_not_be_asked_says_what_is_missing(
    new_cache: CacheMaker, new_redis: Callable[..., RedisServer]
) -> None:
    server = new_redis(acl=[f"user site on >secret ~* {MINIMAL}"])
    cache = new_cache("redis", location=server.url(username="site", password="secret"))
    cache.set("content:1", 1)
    found = holdings()
    assert found.engine == "redis"
    assert (found.entries, found.groups, found.cleared) == (None, None, None)
    assert found.server is not None
    assert found.server.missing == ("INFO", "DBSIZE", "SCAN")
    assert found.server.used_memory is None
    assert found.server.foreign_keys is None


def test_files_beyond_the_budget_are_scaled(new_cache: CacheMaker) -> None:
    cache = new_cache("file", MAX_ENTRIES=10_000)
    cache.set_many({f"content:{number}": number for number in range(400)})
    found = holdings(keys=100)
    assert found.entries == 400
    assert found.looked_at == 100
    assert found.groups == {"content": 400}
