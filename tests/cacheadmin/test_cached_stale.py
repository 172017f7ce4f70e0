"""``@cached``: what readers are given while the next value is computed."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from cacheadmin import cached, clear_group, flights, leases
from cacheadmin.backend import AdaptiveCache
from cacheadmin.decorators import CachedFunction
from cacheadmin.leases import Holder, Kept, Lease
from tests.cacheadmin.waiting import Stopwatch, wait_until
from tests.cacheadmin.workers import Worker
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]
WorkerMaker = Callable[..., Worker]


class Counter:
    """A function that counts, and that can be held up in its middle."""

    def __init__(self, *, ttl: float | None = 0.3, stale: float = 60.0) -> None:
        self.count = 0
        self.may_end = threading.Event()
        self.may_end.set()
        self.inside = threading.Event()
        self.error: Exception | None = None

        @cached("content", ttl=ttl, stale_while_revalidate=stale, wait=5)
        def compute(number: int = 0) -> int:
            self.count += 1
            mine = self.count
            self.inside.set()
            self.may_end.wait(10)
            if self.error is not None:
                raise self.error
            return mine

        self.call: CachedFunction[..., int] = compute

    def hold(self) -> None:
        """Keep the next computation from ending."""
        self.may_end.clear()
        self.inside.clear()


@pytest.fixture
def counter(cache: AdaptiveCache) -> Counter:
    return Counter()


def in_background(target: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=target)
    thread.start()
    return thread


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
    dead = Lease(("theirs",), Holder(leases.this_process().machine, 2**22 + 1, 1), now)
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
        await asyncio.sleep(0.3)
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


# --- Refresh ---


@pytest.fixture
def lasting(cache: AdaptiveCache) -> Counter:
    return Counter(ttl=60, stale=0)


def test_a_refresh_computes_and_replaces(lasting: Counter, cache: AdaptiveCache) -> None:
    assert lasting.call() == 1
    assert lasting.call.refresh() == 2
    assert lasting.call() == 2
    assert cache.get(lasting.call.key()) == 2
    # Of what was not there before, too.
    assert lasting.call.refresh(7) == 3
    assert lasting.call(7) == 3


@pytest.mark.parametrize("name", ["redis", "file"])
def test_while_a_refresh_computes_the_others_read_the_old_value(
    new_cache: CacheMaker, redis_server: RedisServer, name: str
) -> None:
    new_cache(name, location=redis_server.url())
    lasting = Counter(ttl=60, stale=0)
    lasting.call()
    lasting.hold()
    refreshing = in_background(lasting.call.refresh)
    lasting.inside.wait(10)
    with Stopwatch() as watch:
        assert lasting.call() == 1
    assert watch.seconds < 1
    lasting.may_end.set()
    refreshing.join()
    assert lasting.call() == 2


def test_a_refresh_that_fails_leaves_what_was_there(new_cache: CacheMaker, redis_server: RedisServer) -> None:
    cache = new_cache("redis", location=redis_server.url())
    lasting = Counter(ttl=60, stale=0)
    lasting.call()
    lasting.error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        lasting.call.refresh()
    assert lasting.call() == 1
    with redis_server.client() as client:
        assert 50_000 < client.pttl(cache.full_key(lasting.call.key())) <= 60_000


@pytest.mark.parametrize("there", [True, False])
def test_what_is_invalidated_during_a_refresh_is_not_stored(lasting: Counter, there: bool) -> None:
    if there:
        lasting.call()
    lasting.hold()
    refreshing = in_background(lasting.call.refresh)
    lasting.inside.wait(10)
    lasting.call.invalidate()
    lasting.may_end.set()
    refreshing.join()
    before = lasting.count
    assert lasting.call() == before + 1


def test_of_two_refreshes_the_later_one_counts_whichever_ends_first(
    new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    new_cache("redis", location=redis_server.url())
    gates = {"first": threading.Event(), "second": threading.Event()}
    inside = {"first": threading.Event(), "second": threading.Event()}
    name = threading.local()

    @cached("content", ttl=60)
    def compute() -> str:
        mine: str = getattr(name, "value", "before")
        if mine in gates:
            inside[mine].set()
            gates[mine].wait(10)
        return mine

    def refresh(mine: str) -> None:
        name.value = mine
        compute.refresh()

    for order in (("first", "second"), ("second", "first")):
        compute.invalidate()
        assert compute() == "before"
        for event in (*gates.values(), *inside.values()):
            event.clear()
        running = {}
        for mine in ("first", "second"):
            running[mine] = in_background(lambda mine=mine: refresh(mine))
            inside[mine].wait(10)
        for mine in order:
            gates[mine].set()
            running[mine].join()
            # What ended first is there at once, unless it knows less than what is there.
            assert compute() == ("second" if "second" in (mine, order[0]) else "first")
        assert compute() == "second"


def test_a_refresh_does_not_settle_for_what_was_begun_before(
    new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    new_cache("redis", location=redis_server.url())
    lasting = Counter(ttl=60, stale=0)
    lasting.hold()
    early = in_background(lasting.call)
    lasting.inside.wait(10)
    lasting.inside.clear()
    refreshing = in_background(lasting.call.refresh)
    assert lasting.inside.wait(10)
    lasting.may_end.set()
    early.join()
    refreshing.join()
    assert lasting.call() == 2


def test_a_refresh_in_one_process_is_read_by_the_others(
    new_worker: WorkerMaker, redis_server: RedisServer
) -> None:
    for engine in ("redis", "file", "memory"):
        workers = [new_worker(engine, location=redis_server.url(), SECRET_KEY=engine) for _ in range(2)]
        for worker in workers:
            worker(
                "from cacheadmin import cached\n"
                "row = ['old']\n"
                "@cached('content', ttl=60)\n"
                "def read():\n"
                "    return row[0]\n"
            )
            assert worker("read()") == "old"
            worker("row[0] = 'new'")
        assert workers[0]("read.refresh()") == "new"
        assert [worker("read()") for worker in workers] == ["new", "new"]


def test_a_refresh_by_a_worker_that_is_behind_leaves_the_others_nothing_old(
    new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = new_cache("file")

    @cached("content", ttl=60)
    def read() -> str:
        return row[0]

    row = ["old"]
    assert read() == "old"
    row[0] = "new"
    with monkeypatch.context() as behind:
        behind.setattr(type(cache.space.selector), "is_behind", True)
        assert read.refresh() == "new"
    assert read() == "new"


def test_refreshing_async_functions(cache: AdaptiveCache) -> None:
    counted: list[int] = []

    @cached("content")
    async def compute() -> int:
        counted.append(1)
        return len(counted)

    async def story() -> None:
        assert await compute() == 1
        assert await compute.refresh() == 2
        assert await compute() == 2

    asyncio.run(story())
    wait_until(lambda: not flights._held, seconds=1)
