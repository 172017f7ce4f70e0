"""``@cached`` among many callers: one computes, the others wait, and what was invalidated is not kept."""

from __future__ import annotations

import asyncio
import pickle
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cacheadmin import cached
from cacheadmin.backend import AdaptiveCache
from tests.cacheadmin.waiting import wait_until
from tests.cacheadmin.workers import Worker
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]
WorkerMaker = Callable[..., Worker]


class Calls:
    """Counts how often something was computed."""

    def __init__(self) -> None:
        self.made: list[Any] = []

    def __call__(self, *what: Any) -> None:
        self.made.append(what)

    def __len__(self) -> int:
        return len(self.made)


@pytest.fixture
def calls() -> Calls:
    return Calls()


# --- Trouble ---


def test_an_exception_is_passed_on_and_the_next_caller_computes_at_once(
    cache: AdaptiveCache, calls: Calls
) -> None:
    @cached("content")
    def fail_once() -> str:
        calls()
        if len(calls) == 1:
            raise ZeroDivisionError
        return "value"

    with pytest.raises(ZeroDivisionError):
        fail_once()
    began = time.monotonic()
    assert fail_once() == "value"
    assert time.monotonic() - began < 1
    assert fail_once() == "value"
    assert len(calls) == 2


def test_a_result_that_cannot_be_stored_is_an_error_for_each_caller_and_a_wait_for_none(
    cache: AdaptiveCache,
) -> None:
    @cached("content")
    def compute() -> Callable[[], None]:
        return lambda: None

    began = time.monotonic()
    for _ in range(2):
        with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
            compute()
    assert time.monotonic() - began < 1


def test_what_was_invalidated_while_it_was_computed_is_handed_out_but_not_kept(cache: AdaptiveCache) -> None:
    row = ["old"]

    @cached("content")
    def read() -> str:
        value = row[0]
        if value == "old":
            # Meanwhile, somebody changes it.
            row[0] = "new"
            read.invalidate()
        return value

    assert read() == "old"
    assert read() == "new"


def test_what_was_cleared_while_it_was_computed_is_not_kept(cache: AdaptiveCache) -> None:
    row = ["old"]

    @cached("content")
    def read() -> str:
        value = row[0]
        if value == "old":
            row[0] = "new"
            cache.clear()
        return value

    assert (read(), read()) == ("old", "new")


def test_a_late_result_leaves_a_newer_one_as_it_is(cache: AdaptiveCache) -> None:
    inside, outside = threading.Event(), threading.Event()
    row = ["old"]

    @cached("content")
    def read() -> str:
        value = row[0]
        if value == "old":
            inside.set()
            outside.wait(5)
        return value

    late = threading.Thread(target=read)
    late.start()
    inside.wait(5)
    row[0] = "new"
    read.invalidate()
    assert read() == "new"
    outside.set()
    late.join()
    assert read() == "new"


def test_off_computes_every_time(new_cache: CacheMaker, calls: Calls) -> None:
    new_cache("off")

    @cached("content")
    def count() -> int:
        calls()
        return len(calls)

    assert [count(), count(), count()] == [1, 2, 3]


# --- One at a time ---


def test_of_many_threads_one_computes(cache: AdaptiveCache, calls: Calls) -> None:
    @cached("content")
    def compute() -> str:
        calls()
        time.sleep(0.3)
        return "dear"

    results: list[str] = []
    threads = [threading.Thread(target=lambda: results.append(compute())) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["dear"] * 16
    assert len(calls) == 1


# --- Async ---


def test_an_async_function_is_kept_too(cache: AdaptiveCache, calls: Calls) -> None:
    @cached("content")
    async def compute(number: int) -> list[int]:
        calls(number)
        await asyncio.sleep(0.1)
        return [number]

    async def story() -> None:
        assert await asyncio.gather(*(compute(1) for _ in range(10))) == [[1]] * 10
        assert len(calls) == 1
        compute.invalidate(1)
        assert await compute(1) == [1]
        assert await compute.refresh(1) == [1]
        assert len(calls) == 3

    asyncio.run(story())


def test_an_async_function_that_fails_or_is_cancelled_gives_its_lease_back(
    cache: AdaptiveCache, calls: Calls
) -> None:
    is_computing = asyncio.Event()

    @cached("content")
    async def compute() -> str:
        calls()
        if len(calls) == 1:
            raise ZeroDivisionError
        if len(calls) == 2:
            is_computing.set()
            await asyncio.sleep(60)
        return "value"

    async def story() -> None:
        with pytest.raises(ZeroDivisionError):
            await compute()
        cancelled = asyncio.create_task(compute())
        # Not after some time: on a busy machine it may not have begun by then.
        await is_computing.wait()
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        began = time.monotonic()
        assert await compute() == "value"
        assert time.monotonic() - began < 1

    asyncio.run(story())


# --- Several processes ---

COMPUTE = """
from cacheadmin import cached
computed = []
row = ["old"]

@cached("content", ttl=60)
def dear(number):
    computed.append(number)
    value = (number, row[0])
    time.sleep(0.5)
    return value
"""

FAIL = """
fails = [True]

@cached("content", ttl=60)
def risky():
    time.sleep(0.5)
    if fails[0]:
        raise ZeroDivisionError
    return "value"

def tried():
    try:
        return risky()
    except ZeroDivisionError as error:
        return type(error).__name__
"""


@pytest.fixture(params=["redis", "file"])
def pair(
    request: pytest.FixtureRequest, redis_server: RedisServer, new_worker: WorkerMaker
) -> tuple[Worker, Worker]:
    """Two processes with the same cached function, each with a row of its own to read from."""
    location = redis_server.url() if request.param == "redis" else ""
    first, second = (new_worker(request.param, location=location) for _ in range(2))
    for worker in (first, second):
        worker(COMPUTE)
    return first, second


def test_of_two_processes_one_computes(pair: tuple[Worker, Worker]) -> None:
    for worker in pair:
        worker.begin("dear(1)")
    assert [worker.finish() for worker in pair] == [(1, "old")] * 2
    assert sorted(worker("len(computed)") for worker in pair) == [0, 1]


def test_an_invalidation_by_another_process_keeps_the_old_value_out(pair: tuple[Worker, Worker]) -> None:
    late, quick = pair
    late.begin("dear(1)")
    quick("while cache.get(dear.key(1)) is None: time.sleep(0.005)")
    quick("row[0] = 'new'; dear.invalidate(1)")
    assert quick("dear(1)") == (1, "new")
    assert late.finish() == (1, "old")
    assert late("dear(1)") == quick("dear(1)") == (1, "new")


def test_who_dies_while_computing_keeps_nobody_waiting(pair: tuple[Worker, Worker]) -> None:
    dying, other = pair
    dying.begin("dear(1)")
    other("while cache.get(dear.key(1)) is None: time.sleep(0.005)")
    dying.kill()
    assert other("dear(1)") == (1, "old")
    # The half second of its own computation, and no wait.
    assert other.seconds < 2
    assert other("type(cache.get(dear.key(1)))") is tuple


def test_of_many_who_wait_for_a_dead_process_one_takes_over(
    pair: tuple[Worker, Worker],
) -> None:
    dying, other = pair
    dying.begin("dear(1)")
    other("while cache.get(dear.key(1)) is None: time.sleep(0.005)")
    other("threads = [threading.Thread(target=dear, args=(1,)) for _ in range(8)]")
    other("[thread.start() for thread in threads] and None")
    dying.kill()
    assert other("dear(1)") == (1, "old")
    other("[thread.join() for thread in threads] and None")
    assert other("len(computed)") == 1


def test_a_group_clear_by_another_process_keeps_the_old_value_out(pair: tuple[Worker, Worker]) -> None:
    late, quick = pair
    late.begin("dear(1)")
    quick("while cache.get(dear.key(1)) is None: time.sleep(0.005)")
    quick("row[0] = 'new'; cacheadmin.clear_group('content')")
    assert late.finish() == (1, "old")
    assert quick("dear(1)") == (1, "new")
    assert late("dear(1)") == (1, "new")


def test_a_switch_of_the_engine_there_and_back_keeps_the_old_value_out(
    new_worker: WorkerMaker, redis_server: RedisServer, tmp_path: Path
) -> None:
    database = tmp_path / "db.sqlite3"
    workers = [new_worker("file", location=redis_server.url(), database=database) for _ in range(2)]
    late, quick = workers
    quick("from django.core.management import call_command; call_command('migrate', verbosity=0)")
    for worker in workers:
        worker(COMPUTE.replace("0.5", "2.0"))
    late.begin("dear(1)")
    quick("while cache.get(dear.key(1)) is None: time.sleep(0.005)")
    quick("from cacheadmin import state; row[0] = 'new'")
    quick("state.save_choice(engine='redis') or cache.get('a')")
    quick("state.save_choice(engine='file') or cache.get('a')")
    assert late.finish() == (1, "old")
    late.request()
    assert late("cache.get(dear.key(1))") is None
    assert quick("dear(1)") == (1, "new")


def test_on_memory_an_invalidation_reaches_what_another_worker_computes(
    new_worker: WorkerMaker, tmp_path: Path
) -> None:
    late, quick = (new_worker("memory") for _ in range(2))
    # The others cannot look into its memory: it says itself that it is in the middle of it.
    inside = tmp_path / "inside"
    for worker in (late, quick):
        worker(
            COMPUTE.replace("    time.sleep(0.5)", f"    open({str(inside)!r}, 'w').close(); time.sleep(1)")
        )
    late.begin("dear(1)")
    wait_until(inside.exists, seconds=10)
    quick("row[0] = 'new'; dear.invalidate(1)")
    assert late.finish() == (1, "old")
    assert late("cache.get(dear.key(1))") is None
    late("row[0] = 'new'")
    assert late("dear(1)") == (1, "new")


def test_an_exception_in_one_process_has_another_compute_at_once(pair: tuple[Worker, Worker]) -> None:
    for worker in pair:
        worker(FAIL)
    failing, other = pair
    failing.begin("tried()")
    other("while cache.get(risky.key()) is None: time.sleep(0.005)")
    other("fails[0] = False")
    assert other("risky()") == "value"
    assert other.seconds < 2
    assert failing.finish() == "ZeroDivisionError"
