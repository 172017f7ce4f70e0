"""Switched off: no data is cached, and what is no copy of anything goes on, exact and shared."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from django.core.cache import caches
from django.core.management import call_command

from cacheadmin import groups, state
from cacheadmin.backend import AdaptiveCache
from cacheadmin.health import cache_health
from tests.cacheadmin.conftest import nobodys_address
from tests.cacheadmin.workers import Worker
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]
WorkerMaker = Callable[..., Worker]
SPARED = ("sessions", "ratelimit")


@pytest.fixture(params=["redis", "file"])
def location(
    request: pytest.FixtureRequest, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The address of a Redis, or of none: what ``auto`` makes of it is in ``engine_of("sessions")``."""
    monkeypatch.setattr("cacheadmin.detect.LOCALHOST", "")
    return redis_server.url() if request.param == "redis" else nobodys_address()


@pytest.fixture
def off(new_cache: CacheMaker, location: str) -> AdaptiveCache:
    """Three aliases at one address, all switched off."""
    data = new_cache("off", location=location)
    for alias in SPARED:
        new_cache("off", location=location, alias=alias, GROUP=alias)
    return data


def handle_of(alias: str) -> AdaptiveCache:
    return cast(AdaptiveCache, caches[alias])


def engine_of(alias: str) -> str:
    return cache_health(alias)["engine"]  # type: ignore[no-any-return]


def expected(location: str, redis_server: RedisServer) -> str:
    return "redis" if location == redis_server.url() else "file"


def test_nothing_of_the_data_is_kept(off: AdaptiveCache) -> None:
    off.set("a", 1)
    off.set_many({"a": 1, "content:b": 2})
    assert (off.get("a"), off.get_many(["a", "content:b"])) == (None, {})
    assert (off.add("a", 1), off.delete("a"), engine_of("default")) == (True, False, "off")
    # A key of a protected group in a cache that holds other things is data like all of it.
    off.set("sessions:a", 1)
    assert off.get("sessions:a") is None


@pytest.mark.parametrize("alias", SPARED)
def test_what_is_no_copy_of_anything_goes_on(
    off: AdaptiveCache, alias: str, location: str, redis_server: RedisServer
) -> None:
    cache = handle_of(alias)
    assert cache.add("count", 0, 60) is True
    assert cache.add("count", 0, 60) is False
    assert [cache.incr("count") for _ in range(3)] == [1, 2, 3]
    cache.set("a", "kept", 60)
    assert (cache.get("a"), cache.get_many(["a"]), cache.ttl("a")) == ("kept", {"a": "kept"}, 60)
    assert cache.is_shared
    assert set(cache.keys("*")) == {"a", "count"}
    assert engine_of(alias) == expected(location, redis_server)


def test_it_can_be_cleared_where_it_is_named(off: AdaptiveCache) -> None:
    cache = handle_of("ratelimit")
    cache.set("a", 1)
    handle_of("sessions").set("a", 2)
    cache.clear()
    assert (cache.get("a"), handle_of("sessions").get("a")) == (None, 2)


def test_a_group_that_an_app_protects_is_spared_and_another_is_not(
    new_cache: CacheMaker, location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"baskets": groups.Group("baskets", protected=True), "pages": groups.Group("pages")}
    monkeypatch.setattr(groups, "_registry", {**groups._registry, **known})
    for group in known:
        cache = new_cache("off", location=location, GROUP=group)
        cache.set("a", 1)
        assert cache.get("a") == (1 if group == "baskets" else None)


@pytest.mark.django_db
def test_a_saved_choice_does_the_same_and_comes_back_without_anything_old(
    new_cache: CacheMaker, location: str, redis_server: RedisServer
) -> None:
    new_cache("auto", location=location)
    limits = new_cache("auto", location=location, alias="ratelimit", GROUP="ratelimit")
    data = handle_of("default")
    data.set("a", "old")
    state.save_choice(engine="off")
    assert data.get("a") is None
    limits.set("count", 1)
    # While it is off nobody tells the cache what has changed.
    data.delete("a")
    assert limits.get("count") == 1
    assert (engine_of("default"), engine_of("ratelimit")) == ("off", expected(location, redis_server))
    state.save_choice(engine="auto")
    assert data.get("a") is None
    data.set("a", "new")
    assert data.get("a") == "new"


def test_an_outage_is_ridden_out_as_ever(
    off: AdaptiveCache, location: str, redis_server: RedisServer
) -> None:
    cache = handle_of("ratelimit")
    cache.set("a", 1)
    redis_server.kill()
    assert cache.get("a") == (None if location == redis_server.url() else 1)
    cache.set("a", 2)
    assert (cache.get("a"), engine_of("ratelimit")) == (2, "file")
    assert cache_health("ratelimit")["degraded"] is (location == redis_server.url())
    # The data has no engine that it could miss.
    assert cache_health("default")["degraded"] is False


@pytest.mark.django_db
def test_the_command_says_which_is_which(
    off: AdaptiveCache, location: str, redis_server: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    said = {}
    for alias in ("default", "ratelimit"):
        call_command("cache", "status", "--alias", alias, "--json")
        said[alias] = json.loads(capsys.readouterr().out)
    assert [(one["choice"], one["engine"]) for one in said.values()] == [
        ("off", "off"),
        ("off", expected(location, redis_server)),
    ]
    assert said["default"]["reason"] == "This engine is chosen in the settings."
    assert said["ratelimit"]["reason"] != said["default"]["reason"]


@pytest.mark.parametrize("engine", ["redis", "file"])
def test_limits_are_exact_over_workers_while_the_data_is_off(
    engine: str, new_worker: WorkerMaker, redis_server: RedisServer, tmp_path: Path
) -> None:
    location = redis_server.url() if engine == "redis" else nobodys_address()
    entry = {
        "BACKEND": "cacheadmin.backend.AdaptiveCache",
        "LOCATION": location,
        "KEY_PREFIX": "limits",
        "OPTIONS": {"ENGINE": "off", "DIRECTORY": str(tmp_path / "cache"), "GROUP": "ratelimit"},
    }
    workers = [new_worker("off", location=location, CACHES={"default": entry}) for _ in range(2)]
    workers[0]("cache.add('count', 0, 60)")
    for worker in workers:
        worker.begin("[cache.incr('count') for _ in range(100)]")
    seen = sorted(number for worker in workers for number in worker.finish())
    assert seen == list(range(1, 201))
