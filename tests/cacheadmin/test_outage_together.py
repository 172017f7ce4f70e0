"""The workers of one machine lose Redis together and come back together; one timeout each at the most."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cacheadmin.waiting import wait_until
from tests.cacheadmin.workers import Worker
from tests.servers.redis import RedisServer

WorkerMaker = Callable[..., Worker]
# What a request asks of the cache, in small.
PAGE = "[cache.get(f'part{number}') for number in range(10)]"


@pytest.fixture(params=["redis", "auto"])
def pair(
    request: pytest.FixtureRequest, redis_server: RedisServer, new_worker: WorkerMaker
) -> tuple[Worker, Worker]:
    """Two workers that are on Redis."""
    first, second = (new_worker(request.param, location=redis_server.url()) for _ in range(2))
    first("cache.set('price', 'old', None)")
    assert second("cache.get('price')") == "old"
    return first, second


def test_who_meets_the_silence_spares_the_other_the_timeout(
    pair: tuple[Worker, Worker], redis_server: RedisServer
) -> None:
    first, second = pair
    redis_server.pause()
    first(PAGE)
    assert 0.2 < first.seconds < 0.6
    second(PAGE)
    assert second.seconds < 0.1
    first(PAGE)
    assert first.seconds < 0.1
    assert (first.engine, second.engine) == ("file", "file")


def test_what_one_writes_in_the_outage_the_other_reads(
    pair: tuple[Worker, Worker], redis_server: RedisServer
) -> None:
    first, second = pair
    redis_server.kill()
    first("cache.set('price', 'new')")
    assert second("cache.get('price')") == "new"
    first("cache.delete('price')")
    assert second("cache.get('price')") is None


@pytest.mark.parametrize("how", ["kill", "pause"])
def test_both_come_back_and_neither_sees_the_old_value(
    pair: tuple[Worker, Worker], redis_server: RedisServer, how: str
) -> None:
    first, second = pair
    getattr(redis_server, how)()
    first("cache.set('price', 'new')")
    redis_server.start().resume()
    # Only one of them gets requests; the other one sleeps all the while.
    took = wait_until(lambda: first.engine == "redis", seconds=5)
    assert took < 2
    assert second("cache.get('price')") != "old"
    assert second.engine == "redis"
    first("cache.set('price', 'newest')")
    assert second("cache.get('price')") == "newest"


def test_it_comes_back_although_the_one_that_asked_for_it_died(
    pair: tuple[Worker, Worker], redis_server: RedisServer
) -> None:
    first, second = pair
    redis_server.pause()
    first("cache.get('price')")
    first.kill()
    redis_server.resume()
    began = time.monotonic()
    while second.engine != "redis":
        second.request()
        assert time.monotonic() - began < 5
    assert time.monotonic() - began < 2


def test_a_worker_that_starts_in_the_outage_is_served_by_files_at_once(
    pair: tuple[Worker, Worker], redis_server: RedisServer, new_worker: WorkerMaker
) -> None:
    first, _second = pair
    redis_server.kill()
    first("cache.set('price', 'new')")
    choice = first("cache.space.selector.plan.choice")
    third = new_worker(choice, location=redis_server.url())
    assert third("cache.get('price')") == "new"
    assert third.seconds < 1
    assert third("cache.space.selector.is_degraded") is True
    redis_server.start()
    wait_until(lambda: third.engine == "redis", seconds=5)
    assert first.engine == "redis"


@pytest.fixture
def machines(redis_server: RedisServer, new_worker: WorkerMaker, tmp_path: Path) -> tuple[Worker, Worker]:
    """Two machines: directories of their own, one Redis. They agree, and both have the old price."""
    here = new_worker("redis", location=redis_server.url())
    there = new_worker("redis", location=redis_server.url(), directory=tmp_path / "elsewhere")
    for machine in (here, there):
        machine("cache.get('content:price')")
    here.request()
    here("cache.set_many({'content:price': 'old', 'plain': 2}, None)")
    wait_until(lambda: price_at(there) == "old", seconds=3)
    return here, there


def price_at(machine: Worker) -> object:
    """What a request to *machine* would show."""
    machine.request()
    return machine("cache.get('content:price')")


def test_another_machine_learns_that_values_changed_in_its_neighbours_outage(
    machines: tuple[Worker, Worker],
) -> None:
    here, there = machines
    # Only this one loses sight of Redis, for a moment.
    here(
        "from cacheadmin.engines.base import EngineUnavailable\nfrom cacheadmin.verdicts import Verdict\n"
        "cache.space.selector.fall_back(1, EngineUnavailable(Verdict.TIMED_OUT))"
    )
    assert here.engine == "file"
    here("cache.set('content:price', 'new', None)")
    wait_until(lambda: here.engine == "redis", seconds=5)
    took = wait_until(lambda: price_at(there) is None, seconds=4)
    assert took < 2
    assert price_at(here) is None


def test_a_clear_on_one_machine_is_a_clear_on_the_other_within_two_seconds(
    machines: tuple[Worker, Worker],
) -> None:
    here, there = machines
    here("cacheadmin.clear_group('content')")
    took = wait_until(lambda: price_at(there) is None, seconds=4)
    assert took < 2
    assert there("cache.get('plain')") == 2


def test_what_is_deleted_by_a_pattern_out_of_reach_of_redis_is_told_as_well(
    machines: tuple[Worker, Worker],
) -> None:
    here, _there = machines
    here(
        "from cacheadmin.engines.base import EngineUnavailable\nfrom cacheadmin.verdicts import Verdict\n"
        "cache.space.publish_changes = lambda: None\n"
        "cache.space.selector.fall_back(1, EngineUnavailable(Verdict.TIMED_OUT))\n"
        "cache.set('content:price', 'new', None)\n"
        "deleted = cache.delete_pattern('content:*')\n"
        "noted = set(cache.space._changed)"
    )
    assert (here("deleted"), here("noted")) == (1, {"content"})
