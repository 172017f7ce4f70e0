"""A group is cleared at once, at any size, and nothing else goes with it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.core.management import call_command
from pytest_django import Settings

from cacheadmin import clear, clear_group, groups
from cacheadmin.backend import AdaptiveCache
from cacheadmin.clear import ProtectedGroup
from cacheadmin.groups import Group
from cacheadmin.signals import cache_event
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]
NEVER_SENT = {"flushdb", "flushall", "keys", "swapdb", "eval", "evalsha", "script", "config|set", "scan"}


@pytest.fixture
def own_group() -> Iterator[Group]:
    """A group that only this test declares."""
    group = Group("tests", label="Tests", ttl=100)
    groups.register(group)
    yield group
    del groups._registry["tests"]
    groups._claim()


@pytest.fixture
def events() -> Iterator[list[dict[str, Any]]]:
    """Every event of a cache, as it comes."""
    seen: list[dict[str, Any]] = []

    def receive(**event: Any) -> None:
        seen.append(event)

    cache_event.connect(receive)
    yield seen
    cache_event.disconnect(receive)


# --- Lives ---


def test_a_group_gives_its_entries_their_life_and_spreads_the_ends(
    new_cache: CacheMaker, redis_server: RedisServer, own_group: Group
) -> None:
    cache = new_cache("redis", location=redis_server.url(), TIMEOUT=5000)
    cache.set_many({f"tests:{number}": number for number in range(50)})
    cache.set("tests:explicit", 1, 77)
    cache.set("no-group", 1)
    with redis_server.client() as client:
        lives = [client.pttl(cache.full_key(f"tests:{number}")) for number in range(50)]
        assert all(89_000 < life <= 100_000 for life in lives)
        assert len({life // 100 for life in lives}) > 10
        assert 76_000 < client.pttl(cache.full_key("tests:explicit")) <= 77_000
        assert 4_900_000 < client.pttl(cache.full_key("no-group")) <= 5_000_000


def test_an_entry_without_an_end_still_ends_one_day_in_redis(
    new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    cache = new_cache("redis", location=redis_server.url())
    cache.set("a", 1, None)
    cache.set_many({"b": 1}, None)
    cache.add("c", 1, None)
    cache.set("d", 1, 5)
    cache.touch("d", None)
    thirty_days = 30 * 24 * 3600
    with redis_server.client() as client:
        assert all(thirty_days - 60 < client.ttl(cache.full_key(key)) <= thirty_days for key in "abcd")


# --- Clearing ---


def test_a_group_is_cleared_and_the_others_stay(cache: AdaptiveCache) -> None:
    cache.set_many({"content:1": 1, "users:1": 2, "plain": 3, "lists:1": 4})
    cache.set("content:1", 5, version=2)
    clear_group("content")
    assert cache.get_many(["content:1", "users:1", "plain", "lists:1"]) == {
        "users:1": 2,
        "plain": 3,
        "lists:1": 4,
    }
    assert cache.get("content:1", version=2) is None
    cache.set("content:1", 6)
    assert cache.get("content:1") == 6


def test_clear_all_spares_what_is_protected(cache: AdaptiveCache) -> None:
    cache.set_many({"content:1": 1, "sessions:1": 2, "ratelimit:1": 3, "plain": 4})
    cache.set("django.contrib.sessions.cacheabc", 5)
    result = clear.clear()
    assert "content" in result.groups
    assert set(result.spared) == {"sessions", "ratelimit"}
    assert cache.get_many(["content:1", "sessions:1", "ratelimit:1", "plain"]) == {
        "sessions:1": 2,
        "ratelimit:1": 3,
    }
    assert cache.get("django.contrib.sessions.cacheabc") == 5


def test_clearing_the_default_cache_leaves_the_sessions_and_limits_alone(engine: str) -> None:
    for alias in ("default", "sessions", "ratelimit"):
        caches[alias].set("content:a", alias)
    clear.clear()
    caches["default"].clear()
    assert [caches[alias].get("content:a") for alias in ("default", "sessions", "ratelimit")] == [
        None,
        "sessions",
        "ratelimit",
    ]


def test_a_group_that_nobody_declared_cannot_be_cleared(new_cache: CacheMaker) -> None:
    cache = new_cache("memory")
    cache.set("content:1", 1)
    with pytest.raises(KeyError, match="contents"):
        clear.clear(["content", "contents"])
    assert cache.get("content:1") == 1


def test_a_protected_group_is_cleared_only_where_it_is_all_there_is(new_cache: CacheMaker) -> None:
    mixed = new_cache("memory")
    mixed.set("sessions:1", 1)
    with pytest.raises(ProtectedGroup, match="sessions"):
        clear.clear(["content", "sessions"])
    assert mixed.get("sessions:1") == 1
    own = new_cache("memory", alias="sessions", GROUP="sessions")
    own.set("anything", 1)
    clear.clear(["sessions"], alias="sessions")
    assert own.get("anything") is None


def test_a_clear_is_told_with_its_cause(new_cache: CacheMaker, events: list[dict[str, Any]]) -> None:
    new_cache("memory")
    clear.clear(["content", "lists"], actor="the test")
    (event,) = [event for event in events if event["kind"] == "clear"]
    assert event["groups"] == ("content", "lists")
    assert event["actor"] == "the test"
    assert event["alias"] == "default"
    assert 0 <= event["ms"] < 1000


def test_a_receiver_that_fails_stops_no_clear(new_cache: CacheMaker) -> None:
    def fail(**event: Any) -> None:
        raise RuntimeError("not the cache's business")

    cache = new_cache("memory")
    cache.set("content:1", 1)
    cache_event.connect(fail)
    try:
        clear.clear(["content"])
    finally:
        cache_event.disconnect(fail)
    assert cache.get("content:1") is None


# --- What else is in the same Redis ---


@pytest.fixture
def neighbours(redis_server: RedisServer) -> Callable[[], dict[bytes, bytes]]:
    """Other programs' keys in the same database of the same Redis, some with names much like ours."""
    names = [
        "queue",
        "session:1",
        ":1:content:1",
        "test_",
        "cacheadmin",
        "content:1",
        "site-data:1:content:1",
    ]
    with redis_server.client() as client:
        for name in names:
            client.set(name, f"theirs: {name}")

    def look() -> dict[bytes, bytes]:
        with redis_server.client() as client:
            found = client.mget(names)
        return {name.encode(): value for name, value in zip(names, found, strict=True)}

    return look


def test_what_others_keep_in_the_same_redis_survives_everything(
    new_cache: CacheMaker,
    redis_server: RedisServer,
    neighbours: Callable[[], dict[bytes, bytes]],
) -> None:
    before = neighbours()
    cache = new_cache("redis", location=redis_server.url())
    cache.set_many({f"content:{number}": number for number in range(100)})
    cache.set("content:1", 1, version=2)
    cache.clear()
    clear.clear()
    clear_group("content")
    call_command("cache", "clear", stdout=io.StringIO())
    call_command("cache", "clear", "--group", "content", "--json", stdout=io.StringIO())
    call_command("cache", "status", "--json", stdout=io.StringIO())
    cache.delete_many(["content:1", "queue"])
    new_cache("redis", location=redis_server.url(), KEY_PREFIX="").clear()
    assert neighbours() == before
    assert all(before.values())


def test_no_command_that_touches_everything_is_ever_sent(
    new_cache: CacheMaker, new_redis: Callable[..., RedisServer]
) -> None:
    server = new_redis()
    cache = new_cache("redis", location=server.url())
    cache.set_many({f"content:{number}": number for number in range(10)})
    cache.get_many(["content:1", "content:2"])
    cache.incr("content:1")
    cache.touch("content:1", 5)
    cache.clear()
    clear.clear()
    call_command("cache", "clear", stdout=io.StringIO())
    cache.space.sync()
    assert not NEVER_SENT & set(server.commands_seen())


@pytest.mark.parametrize("action", ["clear_group", "clear", "clear_all"])
def test_a_clear_costs_redis_the_same_at_any_size(
    new_cache: CacheMaker, new_redis: Callable[..., RedisServer], action: str
) -> None:
    server = new_redis()
    cache = new_cache("redis", location=server.url())
    actions: dict[str, Callable[[], object]] = {
        "clear_group": lambda: clear_group("content"),
        "clear": cache.clear,
        "clear_all": clear.clear,
    }

    def cost() -> dict[str, int]:
        before = server.commands_seen()
        actions[action]()
        after = server.commands_seen()
        return {name: calls - before.get(name, 0) for name, calls in after.items() if name != "info"}

    cache.set("content:0", 0)
    actions[action]()
    small = cost()
    cache.set_many({f"content:{number}": number for number in range(5000)})
    large = cost()
    assert {name: calls for name, calls in large.items() if calls} == {
        name: calls for name, calls in small.items() if calls
    }
    assert cache.get("content:4999") is None


def test_a_group_clear_touches_no_file(new_cache: CacheMaker, tmp_path: Path) -> None:
    cache = new_cache("file")
    cache.set_many({f"content:{number}": number for number in range(200)})
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*") if path.is_file()}
    clear_group("content")
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*") if path.is_file()}
    changed = {path.name for path in after if after[path] != before.get(path)}
    assert all(name.startswith("state-") for name in changed)
    assert cache.get_many([f"content:{number}" for number in range(200)]) == {}


def test_clear_gives_the_room_on_disk_back(new_cache: CacheMaker) -> None:
    cache = new_cache("file")
    cache.set_many({f"content:{number}": "x" * 1000 for number in range(100)})
    contents = cache.space.contents()
    assert contents.entries == 100
    assert contents.size is not None
    assert contents.size > 100_000
    cache.clear()
    assert cache.space.contents() == type(contents)(entries=0, size=0)


def test_more_groups_than_there_are_slots_clear_too_much_but_never_too_little(
    new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cacheadmin.shared.SLOTS", 4)
    cache = new_cache("memory")
    for name in [f"crowd{number}" for number in range(8)]:
        monkeypatch.setitem(groups._registry, name, Group(name))
    cache.set_many({f"crowd{number}:1": number for number in range(8)})
    cache.clear_groups(["crowd7"])
    assert cache.get("crowd7:1") is None
    assert cache.get("crowd0:1") == 0


def test_a_group_that_only_an_alias_names_is_cleared_with_it(
    cache: AdaptiveCache, settings: Settings
) -> None:
    entry = settings.CACHES["default"]
    options = {**entry["OPTIONS"], "GROUP": "of this alias alone"}
    own = AdaptiveCache(entry["LOCATION"], {**entry, "OPTIONS": options})
    own.set("a", 1)
    assert own.get("a") == 1
    own.clear()
    assert own.get("a") is None
