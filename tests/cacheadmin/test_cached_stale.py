"""``@cached``: what readers are given while the next value is computed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from cacheadmin import cached, clear_group, processes
from cacheadmin.backend import AdaptiveCache
from cacheadmin.leases import Kept, Lease
from cacheadmin.processes import Holder
from tests.cacheadmin.counter import Counter, in_background
from tests.cacheadmin.waiting import Stopwatch
from tests.cacheadmin.workers import Worker
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]
WorkerMaker = Callable[..., Worker]


@pytest.fixture
def counter(cache: AdaptiveCache) -> Counter:
    return Counter()


# --- Stale while it is computed anew ---


def test_after_its_time_one_caller_computes_and_the_others_get_the_old_value(counter: Counter) -> None:
    assert (counter.call(), counter.call()) == (1, 1)
    time.sleep(0.35)
    counter.hold()
    results: list[int] = []
    refreshing = in_background(lambda: results.append(counter.call()))
    counter.inside.wait(10)
    with Stopwatch() as watch:
        assert [counter.call() for _ in range(20)] == [1] * 20
    assert watch.seconds < 2
    counter.may_end.set()
    refreshing.join()
    # Who computes waits for what it computes.
    assert results == [2]
    assert counter.call() == 2
    assert counter.count == 2


def test_who_finds_that_somebody_has_just_computed_it_anew_does_not_do_it_again(
    counter: Counter, cache: AdaptiveCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter.call()
    time.sleep(0.35)
    engine = cache.space.engine()
    get = engine.get

    def get_late(key: str) -> object:
        # Between this look and what follows from it, another caller has gone the whole way.
        found = get(key)
        monkeypatch.setattr(engine, "get", get)
        assert counter.call() == 2
        return found

    monkeypatch.setattr(engine, "get", get_late)
    assert counter.call() == 2
    assert counter.count == 2


def test_a_value_is_not_given_out_longer_than_it_may_be(cache: AdaptiveCache) -> None:
    counter = Counter(ttl=0.2, stale=0.2)
    assert counter.call() == 1
    time.sleep(0.5)
    assert cache.get(counter.call.key()) is None
    assert counter.call() == 2


def test_beyond_its_last_moment_the_old_value_is_waited_over(cache: AdaptiveCache) -> None:
    counter = Counter(ttl=0.2, stale=0.5)
    counter.call()
    time.sleep(0.25)
    counter.hold()
    refreshing = in_background(counter.call)
    counter.inside.wait(10)
    time.sleep(0.6)
    results: list[int] = []
    waiting = in_background(lambda: results.append(counter.call()))
    time.sleep(0.2)
    assert results == []
    counter.may_end.set()
    refreshing.join()
    waiting.join()
    assert (results, counter.count) == ([2], 2)


@pytest.mark.parametrize("how", ["one", "group", "all"])
def test_what_was_invalidated_is_not_given_out_as_stale(
    counter: Counter, cache: AdaptiveCache, how: str
) -> None:
    forget: dict[str, Callable[[], object]] = {
        "one": counter.call.invalidate,
        "group": lambda: clear_group("content"),
        "all": cache.clear,
    }
    counter.call()
    time.sleep(0.35)
    forget[how]()
    assert counter.call() == 2
    # While it is computed anew, too.
    time.sleep(0.35)
    counter.hold()
    late = in_background(counter.call)
    counter.inside.wait(10)
    forget[how]()
    counter.inside.clear()
    results: list[int] = []
    reader = in_background(lambda: results.append(counter.call()))
    assert counter.inside.wait(10)
    counter.may_end.set()
    late.join()
    reader.join()
    assert results == [4]
    assert counter.call() == 4


def test_an_error_while_computing_anew_leaves_the_old_value_to_the_others(counter: Counter) -> None:
    assert counter.call() == 1
    time.sleep(0.35)
    counter.hold()
    counter.error = ZeroDivisionError()
    failed: list[str] = []

    def fail() -> None:
        try:
            counter.call()
        except ZeroDivisionError:
            failed.append("told")

    failing = in_background(fail)
    counter.inside.wait(10)
    assert counter.call() == 1
    counter.may_end.set()
    failing.join()
    assert failed == ["told"]
    counter.error = None
    # The next caller computes at once.
    assert counter.call() == 3


def test_who_died_while_computing_anew_is_followed_at_once(counter: Counter, cache: AdaptiveCache) -> None:
    key = counter.call.key()
    now = time.time()
    dead = Lease(("theirs",), Holder(processes.this_process().machine, 2**22 + 1, 1), now)
    cache.set(key, Kept("old", now - 1, now + 60, dead), 60)
    assert counter.call() == 1
    alive = Lease(("theirs",), Holder("another machine", 1, 1), now)
    cache.set(key, Kept("old", now - 1, now + 60, alive), 60)
    assert str(counter.call()) == "old"


def test_what_does_not_end_is_kept_without_an_end(new_cache: CacheMaker, redis_server: RedisServer) -> None:
    cache = new_cache("redis", location=redis_server.url(), TIMEOUT=None)

    @cached("undeclared", stale_while_revalidate=10)
    def compute() -> list[int]:
        return [1]

    assert (compute(), compute()) == ([1], [1])
    kept = cache.get(compute.key())
    assert kept.fresh_until == float("inf")
    assert (compute.refresh(), compute()) == ([1], [1])
    assert cache.get(compute.key()).lease is None


def test_the_life_in_the_cache_is_both_times_together(
    new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    cache = new_cache("redis", location=redis_server.url())

    @cached("content", ttl=1000, stale_while_revalidate=500)
    def compute() -> int:
        return 1

    compute()
    with redis_server.client() as client:
        assert 1_499_000 < client.pttl(cache.full_key(compute.key())) <= 1_500_000


def test_async_functions_give_out_the_old_value_too(cache: AdaptiveCache) -> None:
    counted: list[int] = []

    @cached("content", ttl=0.3, stale_while_revalidate=60)
    async def compute() -> int:
        counted.append(1)
        mine = len(counted)
        # Long enough for the others to ask meanwhile, however busy the machine is.
        await asyncio.sleep(2 if mine > 1 else 0)
        return mine

    async def story() -> None:
        assert await compute() == 1
        await asyncio.sleep(0.35)
        found = await asyncio.gather(*(compute() for _ in range(10)))
        assert sorted(found) == [1] * 9 + [2]

    asyncio.run(story())
    assert len(counted) == 2


def test_several_processes_compute_anew_once(new_worker: WorkerMaker, redis_server: RedisServer) -> None:
    workers = [new_worker("redis", location=redis_server.url()) for _ in range(3)]
    for worker in workers:
        worker(
            "from cacheadmin import cached\n"
            "computed = []\n"
            "@cached('content', ttl=0.5, stale_while_revalidate=60)\n"
            "def dear():\n"
            "    computed.append(1)\n"
            "    time.sleep(1)\n"
            "    return os.getpid()\n"
        )
    first = workers[0]("dear()")
    workers[0]("time.sleep(0.6)")
    for worker in workers:
        worker.begin("dear()")
    found = [worker.finish() for worker in workers]
    assert sorted(worker("len(computed)") for worker in workers[1:]) in ([0, 0], [0, 1])
    assert sum(worker("len(computed)") for worker in workers) == 2
    assert found.count(first) >= 2
    assert len({worker("dear()") for worker in workers}) == 1
