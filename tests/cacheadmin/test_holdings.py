"""What is held, by group: true where it was counted, scaled where it was estimated, else not available."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from cacheadmin import groups, watcher
from cacheadmin.backend import AdaptiveCache
from cacheadmin.holdings import Holdings, contents, holdings
from tests.cacheadmin.conftest import CacheMaker
from tests.cacheadmin.redis_engines import MINIMAL
from tests.servers.redis import RedisServer


@pytest.fixture(autouse=True)
def _groups(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # This process serves, and is no command.
    monkeypatch.setattr(watcher, "_has_answered", True)
    groups.register(groups.Group("content", ttl=120))
    yield
    groups.autodiscover()


def numbers(found: Holdings) -> dict[str, int] | None:
    """How many entries each group has."""
    return None if found.groups is None else {name: one.entries for name, one in found.groups.items()}


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
    assert numbers(found) == {"content": 12, "other": 2, "sessions": 1}
    assert found.cleared is not None
    assert (found.cleared.entries, found.cleared.size) == (0, 0)
    assert found.is_complete
    assert found.is_of_one_process is (engine == "memory")
    assert found.is_exact is (engine != "redis")
    assert (found.server is None) is (engine != "redis")


def test_what_a_clear_left_behind_is_no_entry_of_a_group(cache: AdaptiveCache) -> None:
    fill(cache)
    cache.clear_groups(["content"])
    cache.set("content:new", 1)
    found = holdings()
    assert numbers(found) == {"content": 1, "other": 2, "sessions": 1}
    assert found.cleared is not None
    assert found.cleared.entries == 12


def test_the_sizes_of_the_groups_are_that_of_the_whole(cache: AdaptiveCache, engine: str) -> None:
    fill(cache)
    cache.set("content:large", "x" * 50_000)
    found = holdings()
    assert found.groups is not None
    sizes = {name: one.size or 0 for name, one in found.groups.items()}
    assert found.size == sum(sizes.values())
    assert 50_600 < sizes["content"] < 60_000
    assert 0 < sizes["sessions"] < sizes["other"] < 2_000


def test_a_command_cannot_see_the_memory_of_the_workers(
    new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_cache("memory").set("content:1", 1)
    assert (holdings().entries, contents().entries) == (1, 1)
    monkeypatch.setattr(watcher, "_has_answered", False)
    found = holdings()
    assert (found.entries, found.size, found.groups, found.cleared) == (None, None, None, None)
    assert found.is_of_one_process
    assert not found.is_exact
    assert (contents().entries, contents().size) == (None, None)


def test_a_cache_that_is_off_holds_nothing(new_cache: CacheMaker) -> None:
    new_cache("off").set("content:1", 1)
    found = holdings()
    assert (found.engine, found.entries, found.size, found.groups, found.is_exact) == ("off", 0, 0, {}, True)


def test_an_alias_with_one_group_and_no_prefix(new_cache: CacheMaker, redis_url: str) -> None:
    cache = new_cache("redis", location=redis_url, KEY_PREFIX="", GROUP="sessions")
    cache.set("whatever:1", 1)
    assert numbers(holdings()) == {"sessions": 1}
    cache = new_cache("redis", location=redis_url, KEY_PREFIX="")
    cache.set("content:1", 1)
    assert numbers(holdings()) == {"content": 1}


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
    assert sum((numbers(found) or {}).values()) == found.entries
    by_client = int(client.memory_usage(next(client.scan_iter("*content:1@*"))) or 0)
    assert found.size == pytest.approx(6_000 * by_client, rel=0.2)


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


def test_what_a_redis_does_not_say_is_not_made_up(
    new_cache: CacheMaker, new_redis: Callable[..., RedisServer]
) -> None:
    server = new_redis(acl=[f"user site on >secret ~* {MINIMAL} +scan"])
    cache = new_cache("redis", location=server.url(username="site", password="secret"))
    cache.set_many({f"content:{number}": number for number in range(40)})
    found = holdings()
    assert (found.entries, numbers(found), found.is_complete) == (40, {"content": 40}, True)
    assert found.size is None
    assert found.server is not None
    assert found.server.missing == ("INFO", "DBSIZE", "MEMORY USAGE")
    # Of a part, nobody can say how much of the whole it is.
    part = holdings(keys=20)
    assert (part.entries, part.groups, part.looked_at, part.is_complete) == (None, None, 20, False)


def test_a_redis_that_is_lost_meanwhile_is_not_told_of(
    new_cache: CacheMaker, new_redis: Callable[..., RedisServer]
) -> None:
    server = new_redis()
    new_cache("redis", location=server.url()).set("content:1", 1)
    server.kill()
    found = holdings()
    assert (found.engine, found.entries, found.server) == ("file", 0, None)


def test_files_beyond_the_budget_are_scaled(new_cache: CacheMaker) -> None:
    cache = new_cache("file", MAX_ENTRIES=10_000)
    cache.set_many({f"content:{number}": number for number in range(400)})
    found = holdings(keys=100)
    assert found.entries == 400
    assert found.looked_at == 100
    assert numbers(found) == {"content": 400}
    assert found.groups is not None
    assert found.groups["content"].size == pytest.approx(found.size, rel=0.05)
