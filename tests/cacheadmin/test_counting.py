"""Counting and ``add`` are exact when four processes do it at once, on what the processes share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.cacheadmin.workers import Worker
from tests.servers.redis import RedisServer

WorkerMaker = Callable[..., Worker]
PROCESSES = 4


@pytest.fixture(params=["redis", "file"])
def four(request: pytest.FixtureRequest, redis_server: RedisServer, new_worker: WorkerMaker) -> list[Worker]:
    """Four processes on one engine."""
    location = redis_server.url() if request.param == "redis" else ""
    return [new_worker(request.param, location=location) for _ in range(PROCESSES)]


def together(workers: list[Worker], code: str) -> list[Any]:
    """Do *code* in all of them at once."""
    for worker in workers:
        worker.begin(code)
    return [worker.finish() for worker in workers]


def test_no_increment_is_lost(four: list[Worker]) -> None:
    four[0]("cache.set('visits', 0, 300)")
    seen = together(four, "[cache.incr('visits') for _ in range(250)]")
    assert four[1]("cache.get('visits')") == 1000
    # Nobody was told a number that somebody else was told too: that is what a limit needs.
    assert sorted(number for numbers in seen for number in numbers) == list(range(1, 1001))


def test_of_all_who_add_exactly_one_succeeds(four: list[Worker]) -> None:
    won = together(four, "[cache.add(f'seat{number}', os.getpid(), 300) for number in range(200)]")
    assert [sum(round_) for round_ in zip(*won, strict=True)] == [1] * 200


def test_an_increment_keeps_the_remaining_life(four: list[Worker]) -> None:
    four[0]("cache.set('attempts', 1, 1.5)")
    together(four, "time.sleep(0.5) or cache.incr('attempts')")
    assert four[0]("cache.get('attempts')") == 5
    assert four[0]("time.sleep(1.1) or cache.get('attempts')") is None


def test_what_one_process_stores_the_others_read(four: list[Worker]) -> None:
    four[0]("cache.set('page', ('text', {1, 2}))")
    assert together(four, "cache.get('page')") == [("text", {1, 2})] * PROCESSES
    four[2]("cache.delete('page')")
    assert together(four, "cache.get('page')") == [None] * PROCESSES
