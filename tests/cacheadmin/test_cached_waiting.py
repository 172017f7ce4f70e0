"""``@cached``: who waits for whom, how long, and what it costs."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Generator
from typing import Any

import pytest

from cacheadmin import cached, flights, leases
from cacheadmin.backend import AdaptiveCache
from cacheadmin.leases import Lease
from cacheadmin.processes import Holder
from tests.cacheadmin.waiting import Stopwatch, threads
from tests.cacheadmin.workers import Worker

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
    with Stopwatch() as watch, threads(20, lambda: results.append(compute())):
        time.sleep(0.6)
        cache.set(compute.key(), "theirs")
    assert results == ["theirs"] * 20
    # In 0.6 s one asks every 2 to 50 ms, and each of the others looks twice. All twenty would ask 240 times.
    assert counted.asked.count("get") < 160 * max(1, watch.seconds / 0.6)
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


def test_a_first_computation_that_ends_after_all_is_kept_although_somebody_has_joined_it(
    cache: AdaptiveCache,
) -> None:
    gates = [threading.Event(), threading.Event()]
    inside = [threading.Event(), threading.Event()]
    numbers = iter(range(10))

    @cached("content", wait=0.1)
    def compute() -> int:
        number = next(numbers)
        inside[number].set()
        gates[number].wait(10)
        return number

    running = []
    for number in (0, 1):
        running.append(threading.Thread(target=compute))
        running[number].start()
        assert inside[number].wait(10)
    for number in (0, 1):
        gates[number].set()
        running[number].join()
        assert (compute(), cache.get(compute.key())) == (0, 0)


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
    async def story() -> list[str]:
        begun, enough = asyncio.Event(), asyncio.Event()

        @cached("content")
        async def compute() -> str:
            begun.set()
            # Whoever waits for this while holding the loop would wait for ever.
            await asyncio.wait_for(enough.wait(), 60)
            return "dear"

        async def tick() -> None:
            await begun.wait()
            for _ in range(50):
                await asyncio.sleep(0.001)
            enough.set()

        ticking = asyncio.create_task(tick())
        found = await asyncio.gather(*(compute() for _ in range(20)))
        await ticking
        return found

    assert asyncio.run(story()) == ["dear"] * 20


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
        def __await__(self) -> Generator[None, None, None]:
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
