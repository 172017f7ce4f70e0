"""``@cached``: who waits for whom, how long, and what it costs."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cacheadmin import cached, flights, leases
from cacheadmin.backend import AdaptiveCache
from cacheadmin.leases import Holder, Lease
from tests.cacheadmin.waiting import Stopwatch, wait_until
from tests.cacheadmin.workers import Worker
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]
WorkerMaker = Callable[..., Worker]
ELSEWHERE = Holder("another machine", 1, 1)


class Counted:
    """Counts what an engine is asked."""

    def __init__(self, cache: AdaptiveCache, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        engine = cache.space.engine()
        for name in ("get", "set", "add", "modify", "delete", "remaining"):
            monkeypatch.setattr(engine, name, self._counting(name, getattr(engine, name)))

    def _counting(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.asked.append(name)
            return method(*args, **kwargs)

        return call


@contextmanager
def threads(number: int, target: Callable[[], object]) -> Iterator[None]:
    """Run *target* in so many threads, and wait for them at the end."""
    running = [threading.Thread(target=target) for _ in range(number)]
    for thread in running:
        thread.start()
    yield
    for thread in running:
        thread.join()


# --- What a call costs ---


def test_a_hit_is_one_read_and_a_miss_four_questions(
    cache: AdaptiveCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    @cached("content")
    def compute(number: int) -> int:
        return number

    counted = Counted(cache, monkeypatch)
    compute(1)
    assert counted.asked == ["get", "add", "modify"]
    counted.asked.clear()
    compute(1)
    assert counted.asked == ["get"]


def test_threads_that_wait_for_another_thread_leave_the_engine_alone(
    cache: AdaptiveCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed = []

    @cached("content")
    def compute() -> str:
        computed.append(1)
        time.sleep(0.8)
        return "dear"

    counted = Counted(cache, monkeypatch)
    with threads(10, compute):
        pass
    assert len(computed) == 1
    # Each looks when it comes, and may try for the lease; then four times a second, and at the end.
    assert counted.asked.count("get") <= 10 * 7
    assert counted.asked.count("modify") == 1


def test_of_threads_that_wait_for_another_process_one_asks(
    cache: AdaptiveCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    @cached("content", wait=5)
    def compute() -> str:
        return "ours"

    held = Lease(("theirs",), ELSEWHERE, time.time())
    cache.add(compute.key(), held, 60)
    results: list[str] = []
    counted = Counted(cache, monkeypatch)
    with threads(20, lambda: results.append(compute())):
        time.sleep(0.6)
        cache.set(compute.key(), "theirs")
    assert results == ["theirs"] * 20
    # 0.6 s of one who asks every 2 to 50 ms, and two looks for each of the others.
    assert counted.asked.count("get") < 80
    assert not flights._watched


# --- Whom nobody waits for ---


def test_nobody_waits_longer_than_the_bound_and_the_first_result_is_kept(cache: AdaptiveCache) -> None:
    computed = []

    @cached("content", wait=0.2)
    def compute() -> int:
        computed.append(1)
        return len(computed)

    cache.add(compute.key(), Lease(("theirs",), ELSEWHERE, time.time()), 60)
    with Stopwatch() as watch:
        assert compute() == 1
    assert 0.2 <= watch.seconds < 1
    # What it computed for want of patience is as good as any: nobody waits again.
    assert (compute(), len(computed)) == (1, 1)


def test_whoever_is_first_stores_and_the_others_do_not(cache: AdaptiveCache) -> None:
    numbers = iter(range(1, 100))
    slow = threading.Event()
    inside = threading.Event()

    @cached("content", wait=0.1)
    def compute() -> int:
        number = next(numbers)
        if number == 1:
            inside.set()
            slow.wait(10)
        return number

    with threads(1, compute):
        inside.wait(10)
        assert compute() == 2
        slow.set()
    assert compute() == 2


def test_without_patience_everybody_computes_and_one_result_is_kept(cache: AdaptiveCache) -> None:
    @cached("content", wait=0)
    def compute() -> int:
        time.sleep(0.2)
        return threading.get_ident()

    results: list[int] = []
    with Stopwatch() as watch, threads(5, lambda: results.append(compute())):
        pass
    assert watch.seconds < 5
    assert len(set(results)) == 5
    assert compute() in results


def test_another_machines_lease_is_believed_for_half_a_minute(cache: AdaptiveCache) -> None:
    @cached("content", wait=5)
    def compute() -> str:
        return "ours"

    cache.add(compute.key(), Lease(("theirs",), ELSEWHERE, time.time() - 31), 60)
    with Stopwatch() as watch:
        assert compute() == "ours"
    assert watch.seconds < 1
    assert cache.get(compute.key()) == "ours"


def test_a_lease_that_this_process_has_lost_holds_nobody_up(cache: AdaptiveCache) -> None:
    @cached("content", wait=5)
    def compute() -> str:
        return "value"

    # As after an engine that failed when the lease was to be given back.
    cache.add(compute.key(), leases.lease(("lost",)), 60)
    with Stopwatch() as watch:
        assert compute() == "value"
    assert watch.seconds < 1


def test_a_function_that_comes_back_to_itself_does_not_wait_for_itself(cache: AdaptiveCache) -> None:
    depth = []

    @cached("content", wait=5)
    def compute() -> int:
        depth.append(1)
        return compute() + 1 if len(depth) == 1 else 10

    with Stopwatch() as watch:
        assert compute() == 11
    assert watch.seconds < 1
    assert (compute(), len(depth)) == (11, 2)


def test_tasks_of_a_computation_may_ask_for_the_same(cache: AdaptiveCache) -> None:
    depth = []

    @cached("content", wait=5)
    async def compute() -> int:
        depth.append(1)
        if len(depth) > 1:
            return 10
        return sum(await asyncio.gather(compute(), compute()))

    with Stopwatch() as watch:
        assert asyncio.run(compute()) == 20
    assert watch.seconds < 2


# --- Async ---


def test_tasks_wait_without_blocking_their_loop(cache: AdaptiveCache) -> None:
    ticks = []

    @cached("content")
    async def compute() -> str:
        await asyncio.sleep(0.5)
        return "dear"

    async def tick() -> None:
        while True:
            ticks.append(time.monotonic())
            await asyncio.sleep(0.02)

    async def story() -> list[str]:
        ticking = asyncio.create_task(tick())
        found = await asyncio.gather(*(compute() for _ in range(20)))
        ticking.cancel()
        return found

    assert asyncio.run(story()) == ["dear"] * 20
    assert len(ticks) > 10


def test_tasks_wait_for_another_machine_too(cache: AdaptiveCache) -> None:
    @cached("content", wait=0.3)
    async def compute() -> str:
        return "ours"

    cache.add(compute.key(), Lease(("theirs",), ELSEWHERE, time.time()), 60)

    async def story() -> list[str]:
        return await asyncio.gather(*(compute() for _ in range(5)))

    with Stopwatch() as watch:
        assert asyncio.run(story()) == ["ours"] * 5
    assert 0.3 <= watch.seconds < 3


def test_a_task_that_is_cancelled_while_it_waits_leaves_nothing_behind(cache: AdaptiveCache) -> None:
    @cached("content")
    async def compute() -> str:
        await asyncio.sleep(0.5)
        return "dear"

    async def story() -> str:
        first = asyncio.create_task(compute())
        await asyncio.sleep(0.2)
        second = asyncio.create_task(compute())
        await asyncio.sleep(0.1)
        second.cancel()
        return await first

    assert asyncio.run(story()) == "dear"
    assert not flights._held
    assert not flights._watched


def test_a_coroutine_that_is_thrown_away_leaves_its_lease_to_others(cache: AdaptiveCache) -> None:
    computed = []

    class Forever:
        def __await__(self) -> Iterator[None]:
            yield None

    @cached("content", wait=5)
    async def compute() -> str:
        computed.append(1)
        if len(computed) == 1:
            await Forever()
        return "value"

    async def story() -> str:
        thrown = compute()
        # Step by step to the middle of the computation, and no further.
        waits = thrown.__await__()
        while not computed:
            step = next(waits)
            if step is not None:
                await asyncio.wait([step])
                step._asyncio_future_blocking = False
        thrown.close()
        with Stopwatch() as watch:
            found = await compute()
        assert watch.seconds < 2
        return found

    assert asyncio.run(story()) == "value"


# --- Trouble ---


@pytest.mark.parametrize("moment", ["before", "while"])
def test_an_engine_that_fails_costs_neither_the_result_nor_a_wait(
    new_cache: CacheMaker, new_redis: Callable[..., RedisServer], moment: str
) -> None:
    server = new_redis()
    cache = new_cache("redis", location=server.url())
    cache.set("a", 1)

    @cached("content", wait=5)
    def compute() -> str:
        if moment == "while":
            server.kill()
        return "value"

    if moment == "before":
        server.kill()
    with Stopwatch() as watch:
        assert compute() == "value"
        assert compute() == "value"
    assert watch.seconds < 3
    assert not flights._held


def test_who_waits_on_an_engine_that_is_lost_goes_on_at_once(
    new_cache: CacheMaker, new_redis: Callable[..., RedisServer]
) -> None:
    server = new_redis()
    cache = new_cache("redis", location=server.url())

    @cached("content", wait=20)
    def compute() -> str:
        return "ours"

    cache.add(compute.key(), Lease(("theirs",), ELSEWHERE, time.time()), 60)
    results: list[str] = []
    with Stopwatch() as watch, threads(3, lambda: results.append(compute())):
        wait_until(lambda: bool(flights._watched), seconds=5)
        server.kill()
    assert results == ["ours"] * 3
    assert watch.seconds < 5


def test_off_waits_for_nobody(new_cache: CacheMaker) -> None:
    new_cache("off")

    @cached("content", wait=5)
    def compute() -> int:
        time.sleep(0.2)
        return threading.get_ident()

    results: list[int] = []
    with Stopwatch() as watch, threads(5, lambda: results.append(compute())):
        pass
    assert watch.seconds < 2
    assert len(set(results)) == 5
    assert compute.refresh() == threading.get_ident()


def test_an_engine_that_takes_nothing_in_delays_nobody(
    cache: AdaptiveCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    @cached("content", wait=5)
    def compute() -> str:
        return "value"

    monkeypatch.setattr(cache.space.engine(), "add", lambda *args: False)
    with Stopwatch() as watch:
        assert (compute(), compute.refresh()) == ("value", "value")
    assert watch.seconds < 1


def test_an_error_keeps_its_cause_and_its_context(cache: AdaptiveCache) -> None:
    @cached("content")
    def fail(error: str) -> None:
        try:
            raise KeyError("inner")
        except KeyError as inner:
            if error == "cause":
                raise ValueError("outer") from inner
            raise StopIteration("outer")  # noqa: B904 (the context is what this is about)

    with pytest.raises(ValueError, match="outer") as caught:
        fail("cause")
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(StopIteration) as stopped:
        fail("context")
    assert isinstance(stopped.value.__context__, KeyError)
    assert stopped.value.__suppress_context__ is False


# --- Who is alive ---


def test_a_process_is_known_by_its_number_and_its_beginning() -> None:
    here = leases.this_process()
    assert here.pid == os.getpid()
    assert leases.is_running(here.pid, here.began)
    # The number is used again.
    assert not leases.is_running(here.pid, here.began + 1)
    # Where nothing more is known, the number decides.
    assert leases.is_running(here.pid, 0)
    # Somebody else's.
    assert leases.is_running(1, 0)


def test_a_process_that_has_ended_is_not_alive_even_before_its_parent_has_noticed() -> None:
    child = subprocess.Popen(["sleep", "60"])
    began = leases._stat(child.pid)[1]
    assert leases.is_running(child.pid, began)
    child.kill()
    wait_until(lambda: not leases.is_running(child.pid, began), seconds=5)
    child.wait()
    assert not leases.is_running(child.pid, began)


def test_without_proc_the_number_alone_tells(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(leases, "_PROC", tmp_path)
    assert leases.is_running(os.getpid(), 5)
    assert leases._machine() == os.uname().nodename


def test_a_process_that_may_not_be_touched_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr("os.kill", refuse)
    assert leases.is_running(os.getpid(), 0)


def test_a_child_starts_with_no_flights(new_worker: WorkerMaker) -> None:
    worker = new_worker("memory")
    worker("from cacheadmin import flights, leases")
    worker("flights.begin('of the parent'); before = leases.this_process()")
    worker(
        "child = os.fork()\nif not child: os._exit(len(flights.held()) + (leases.this_process() == before))"
    )
    assert worker("os.waitpid(child, 0)[1]") == 0
    assert worker("len(flights.held())") == 1
