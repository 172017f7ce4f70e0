"""The shared words, written over by somebody: nothing raises, and they mend themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cacheadmin import checks, shared, state, upkeep
from cacheadmin.backend import AdaptiveCache
from cacheadmin.health import cache_health
from cacheadmin.plan import Code
from cacheadmin.report import report
from cacheadmin.verdicts import Verdict
from tests.cacheadmin.waiting import wait_until
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]
NONSENSE = [77, Code.OFF, 2**64 - 1]


@pytest.fixture(params=["redis", "file", "memory"])
def live(request: pytest.FixtureRequest, new_cache: CacheMaker, redis_server: RedisServer) -> AdaptiveCache:
    """A cache on each engine, in use."""
    cache = new_cache(request.param, location=redis_server.url())
    cache.set("a", 1)
    assert cache.space.selector.status().engine == request.param
    return cache


def write_over(cache: AdaptiveCache, cell: int, number: int) -> None:
    """As somebody who writes into the file does."""
    words = cache.space.selector.words
    with words.change():
        words.write(cell, number)


def tick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a second brings."""
    monkeypatch.setattr(upkeep, "_mended_at", float("-inf"))
    state.look_again_soon()
    upkeep.tick()


def known(cache: AdaptiveCache) -> tuple[str, bool]:
    status = cache.space.selector.status()
    return status.engine, status.is_degraded


@pytest.mark.parametrize("number", [0, *NONSENSE])
def test_an_engine_that_does_not_exist_is_decided_anew(live: AdaptiveCache, number: int) -> None:
    before = known(live)
    write_over(live, shared.ACTIVE, number)
    # What stood there may have been another engine, with changes that this one has not seen.
    assert live.get("a") is None
    live.set("a", 2)
    assert live.get("a") == 2
    assert known(live) == before


@pytest.mark.parametrize("number", NONSENSE)
def test_so_is_one_that_ought_to_be_live(
    live: AdaptiveCache, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = known(live)
    write_over(live, shared.HOME, number)
    assert known(live)[0] == before[0]
    live.set("a", 2)
    tick(monkeypatch)
    assert known(live) == before


def test_who_asks_for_a_lost_engine_finds_out_which(new_cache: CacheMaker, redis_server: RedisServer) -> None:
    cache = new_cache("redis", location=redis_server.url())
    cache.set("a", 1)
    write_over(cache, shared.HOME, 77)
    cache.space.selector._return_home()
    assert known(cache) == ("redis", False)


@pytest.mark.django_db
@pytest.mark.parametrize("number", [777, 2**64 - 1])
def test_a_reason_that_nobody_knows_is_unknown(live: AdaptiveCache, number: int) -> None:
    write_over(live, shared.REASON, number)
    assert live.space.selector.status().reason is Verdict.UNKNOWN
    assert cache_health()["reason"] == "unknown"
    assert report().reason
    assert checks.check_owner() == []


@pytest.mark.django_db
def test_a_plan_of_nobody_is_replaced_by_what_is_saved(
    live: AdaptiveCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    tick(monkeypatch)
    before = known(live)
    write_over(live, shared.PLAN, 77)
    # It may be a newer choice, which is why nobody overrules it before a second look.
    tick(monkeypatch)
    assert live.space.selector.is_behind
    tick(monkeypatch)
    live.set("a", 2)
    assert (live.get("a"), known(live)) == (2, before)


def test_where_nothing_can_be_saved_either(live: AdaptiveCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "_store", None)
    write_over(live, shared.PLAN, 77)
    tick(monkeypatch)
    tick(monkeypatch)
    live.set("a", 2)
    assert live.get("a") == 2


@pytest.mark.parametrize("number", [2**62, 2**64 - 1])
def test_a_generation_that_can_be_none_is_begun_anew(live: AdaptiveCache, number: int) -> None:
    words = live.space.selector.words
    cell = words.generation_cell(live.space.namespace, "other")
    with words.change():
        words.cells[cell] = number
        words.cells[cell + 1] = number
    # Redis knows it; elsewhere nobody does any more.
    assert live.get("a") == (1 if known(live)[0] == "redis" else None)
    live.set("a", 2)
    assert live.get("a") == 2
    live.clear_groups(["other"])
    assert live.get("a") is None
    live.space._synced = float("-inf")
    live.space.sync()
    assert 0 < words.generation(cell) < 2**62
    assert 0 < words.publish(cell) < 2**62


def test_a_generation_on_redis_that_can_be_none_is_replaced(
    new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    cache = new_cache("redis", location=redis_server.url())
    cache.set("a", 1)
    with redis_server.client() as client:
        client.set(cache.space.exchange.name_of("other"), 9_999_999_999_999_999_999)
    cache.space._synced = float("-inf")
    cache.space.sync()
    assert cache.get("a") == 1
    words = cache.space.selector.words
    ours = words.generation(words.generation_cell(cache.space.namespace, "other"))
    with redis_server.client() as client:
        assert int(client.get(cache.space.exchange.name_of("other")) or 0) == ours


def test_an_order_to_move_that_nobody_gave_is_forgotten(live: AdaptiveCache) -> None:
    write_over(live, shared.MOVED, 77)
    assert live.get("a") == 1
    assert live.space.selector.words.read(shared.MOVED) == 0


def test_a_look_in_the_future_is_none(
    new_cache: CacheMaker, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = new_cache("redis", location=redis_server.url())
    cache.set("a", 1)
    write_over(cache, shared.LOOKED, 2**64 - 1)
    looks: list[Any] = []
    decide = cache.space.selector._decide

    def count(home: Code) -> Any:
        looks.append(home)
        return decide(home)

    monkeypatch.setattr(cache.space.selector, "_decide", count)
    cache.space.selector._settle_here()
    assert looks == [Code.REDIS]


def test_a_candidate_that_does_not_exist_is_the_last_one(live: AdaptiveCache) -> None:
    write_over(live, shared.CANDIDATE, 2**64 - 1)
    assert live.space.selector.address()
    live.set("a", 2)
    wait_until(lambda: live.get("a") == 2, seconds=2)
