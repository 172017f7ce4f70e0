"""Redis goes away under use: requests go on, nobody waits twice, and nothing old comes back with it."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import caches

from cacheadmin import cached
from cacheadmin.backend import AdaptiveCache
from cacheadmin.health import cache_health
from cacheadmin.signals import cache_event
from tests.cacheadmin.waiting import Stopwatch, wait_until
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]
# One answer timeout is 0.25 s; the rest is for a busy machine.
ONE_TIMEOUT = 0.6
BACK_WITHIN = 2.0


def kill(server: RedisServer) -> None:
    server.kill()


def freeze(server: RedisServer) -> None:
    server.pause()


def revive(server: RedisServer) -> None:
    server.start().resume()


@pytest.fixture(params=["redis", "auto"])
def live(request: pytest.FixtureRequest, new_cache: CacheMaker, redis_server: RedisServer) -> AdaptiveCache:
    """A cache that is on Redis, by choice or by itself."""
    cache = new_cache(request.param, location=redis_server.url())
    cache.set("warm", 1)
    assert engine_of(cache) == "redis"
    return cache


def engine_of(cache: AdaptiveCache) -> str:
    return cache.space.selector.status().engine


@pytest.fixture
def events() -> Iterator[list[dict[str, Any]]]:
    """The outages and switches, as they are told."""
    seen: list[dict[str, Any]] = []

    def receive(**event: Any) -> None:
        seen.append({"kind": event["kind"], "engine": event.get("engine"), "detail": event.get("detail")})

    cache_event.connect(receive)
    yield seen
    cache_event.disconnect(receive)


@pytest.mark.parametrize("harm", [kill, freeze])
def test_every_operation_goes_on(
    live: AdaptiveCache, redis_server: RedisServer, harm: Callable[[RedisServer], None]
) -> None:
    live.set("n", 1)
    harm(redis_server)
    with Stopwatch() as watch:
        assert live.get("warm", "nothing") == "nothing"
        live.set("a", ("served", "by files"))
        assert live.get("a") == ("served", "by files")
        assert live.add("a", 2) is False
        assert live.set_many({"b": 2, "c": 3}) == []
        assert live.get_many(["a", "b"]) == {"a": ("served", "by files"), "b": 2}
        assert live.incr("b") == 3
        assert live.touch("b", 60) is True
        assert live.delete("c") is True
        live.delete_many(["b"])
        live.clear()
        with pytest.raises(ValueError, match="not found"):
            live.incr("n")
    assert engine_of(live) == "file"
    assert watch.seconds < ONE_TIMEOUT


def sync_now(cache: AdaptiveCache) -> None:
    cache.space._synced = 0
    cache.space.sync()


FIRST: dict[str, Callable[[AdaptiveCache], object]] = {
    "get": lambda cache: cache.get("a"),
    "set": lambda cache: cache.set("a", 1),
    "add": lambda cache: cache.add("a", 1),
    "touch": lambda cache: cache.touch("a"),
    "delete": lambda cache: cache.delete("a"),
    "get_many": lambda cache: cache.get_many(["a", "b"]),
    "set_many": lambda cache: cache.set_many({"a": 1, "b": 2}),
    "delete_many": lambda cache: cache.delete_many(["a", "b"]),
    "get_or_set": lambda cache: cache.get_or_set("a", 1),
    "replace": lambda cache: cache.replace("a", lambda old: old),
    "invalidate": lambda cache: cache.invalidate("a"),
    "clear": lambda cache: cache.clear(),
    "clear_groups": lambda cache: cache.clear_groups(["content"]),
    "contents": lambda cache: cache.space.contents(),
    "sync": lambda cache: sync_now(cache),
}


@pytest.mark.parametrize("name", FIRST)
def test_whatever_meets_the_silence_first_waits_once(
    new_cache: CacheMaker, redis_server: RedisServer, name: str
) -> None:
    cache = new_cache("redis", location=redis_server.url())
    cache.set("warm", 1)
    redis_server.pause()
    with Stopwatch() as watch:
        FIRST[name](cache)
        for _ in range(50):
            cache.get("a")
    assert watch.seconds < ONE_TIMEOUT
    assert engine_of(cache) == "file"


def test_fifty_calls_to_an_address_that_swallows_everything_cost_one_timeout(new_cache: CacheMaker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        cache = new_cache("redis", location=f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        with Stopwatch() as watch:
            for number in range(50):
                cache.set(f"key{number}", number)
        assert cache.get("key49") == 49
        assert engine_of(cache) == "file"
    assert watch.seconds < 1.2


def test_many_threads_that_meet_the_silence_wait_together(
    live: AdaptiveCache, redis_server: RedisServer
) -> None:
    redis_server.pause()
    failures: list[BaseException] = []

    def use() -> None:
        try:
            for number in range(20):
                caches["default"].set(f"key{number}", number)
                caches["default"].get(f"key{number}")
        except BaseException as error:  # noqa: BLE001 (it fails the test, from any thread)
            failures.append(error)

    threads = [threading.Thread(target=use) for _ in range(16)]
    with Stopwatch() as watch:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failures
    assert watch.seconds < 2


@pytest.mark.parametrize("harm", [kill, freeze])
def test_it_comes_back_by_itself_and_shows_nothing_old(
    live: AdaptiveCache, redis_server: RedisServer, harm: Callable[[RedisServer], None]
) -> None:
    live.set("price", "old", None)
    live.set("untouched", "before", None)
    harm(redis_server)
    assert live.get("price") is None
    live.set("price", "new", None)
    assert live.space.selector.is_degraded
    revive(redis_server)
    took = wait_until(lambda: engine_of(live) == "redis", seconds=5)
    assert took < BACK_WITHIN
    assert live.get("price") != "old"
    assert not live.space.selector.is_degraded
    live.set("price", "newest")
    assert live.get("price") == "newest"


def test_a_deleted_value_does_not_rise_again(live: AdaptiveCache, redis_server: RedisServer) -> None:
    live.set("session", "logged in", None)
    redis_server.pause()
    live.delete("session")
    redis_server.resume()
    wait_until(lambda: engine_of(live) == "redis", seconds=5)
    assert live.get("session") is None
    with redis_server.client() as client:
        # It is still there, under a name that nobody will ever form again.
        assert list(client.scan_iter("*session*"))


def test_a_cached_function_invalidated_in_the_outage_is_computed_anew(
    live: AdaptiveCache, redis_server: RedisServer
) -> None:
    row = ["old"]

    @cached("content")
    def read() -> str:
        return row[0]

    assert read() == "old"
    redis_server.pause()
    row[0] = "new"
    read.invalidate()
    assert read() == "new"
    redis_server.resume()
    wait_until(lambda: engine_of(live) == "redis", seconds=5)
    assert read() == "new"


def test_a_second_outage_shows_nothing_of_the_first(live: AdaptiveCache, redis_server: RedisServer) -> None:
    redis_server.pause()
    live.set("price", "in the first outage", None)
    redis_server.resume()
    wait_until(lambda: engine_of(live) == "redis", seconds=5)
    live.set("price", "between", None)
    redis_server.pause()
    assert live.get("price") is None
    live.set("price", "in the second", None)
    assert live.get("price") == "in the second"


def test_the_state_is_told_while_it_is_away_and_when_it_is_back(
    live: AdaptiveCache,
    redis_server: RedisServer,
    events: list[dict[str, Any]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "cacheadmin")
    assert cache_health()["degraded"] is False
    redis_server.kill()
    for _ in range(10):
        live.get("a")
    health = cache_health()
    assert (health["engine"], health["degraded"], health["reason"]) == ("file", True, "refused")
    redis_server.start()
    wait_until(lambda: cache_health()["engine"] == "redis", seconds=5)
    assert cache_health()["degraded"] is False
    wait_until(lambda: len(events) == 2, seconds=2)
    assert events == [
        {"kind": "outage", "engine": "file", "detail": "refused"},
        {"kind": "return", "engine": "redis", "detail": "found"},
    ]
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.getMessage() for record in warnings] == ["Cache engine: redis -> file (refused)"]


def test_a_redis_whose_memory_is_full_is_left_and_the_write_is_kept(
    new_cache: CacheMaker, new_redis: Callable[..., RedisServer]
) -> None:
    server = new_redis(options=("maxmemory", "3mb", "maxmemory-policy", "noeviction"))
    cache = new_cache("redis", location=server.url())
    cache.set("price", "old")
    for number in range(100):
        cache.set(f"big{number}", os.urandom(100_000))
        if engine_of(cache) == "file":
            break
    assert cache.space.selector.status().reason.word == "out of memory"
    cache.set("price", "new")
    assert cache.get("price") == "new"
    with server.client() as client:
        client.config_set("maxmemory", "100mb")
    wait_until(lambda: engine_of(cache) == "redis", seconds=5)
    assert cache.get("price") in (None, "new")


def test_a_redis_that_becomes_a_replica_is_left(
    new_cache: CacheMaker, new_redis: Callable[..., RedisServer]
) -> None:
    server = new_redis()
    cache = new_cache("redis", location=server.url())
    cache.set("price", "old")
    with server.client() as client:
        client.replicaof("127.0.0.1", "1")
    cache.set("price", "new")
    assert cache.get("price") == "new"
    assert cache.space.selector.status().reason.word == "read only"
    with server.client() as client:
        client.replicaof("NO", "ONE")
    wait_until(lambda: engine_of(cache) == "redis", seconds=5)
    assert cache.get("price") in (None, "new")


def test_a_connection_that_the_server_closed_meanwhile_is_no_outage(
    live: AdaptiveCache, redis_server: RedisServer
) -> None:
    live.set("a", 1)
    with redis_server.client() as client:
        client.client_kill_filter(_type="normal", skipme=True)
    assert live.get("a") == 1
    assert engine_of(live) == "redis"


def test_without_redis_and_without_a_directory_memory_serves(
    new_cache: CacheMaker, redis_server: RedisServer, tmp_path: Any
) -> None:
    in_the_way = tmp_path / "a file"
    in_the_way.write_text("where the directory should be")
    cache = new_cache("redis", location=redis_server.url(), DIRECTORY=str(in_the_way / "cache"))
    cache.set("a", 1)
    redis_server.kill()
    cache.set("a", 2)
    assert (engine_of(cache), cache.get("a")) == ("memory", 2)
    redis_server.start()
    wait_until(lambda: engine_of(cache) == "redis", seconds=5)
