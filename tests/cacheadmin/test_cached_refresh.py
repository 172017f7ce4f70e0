"""``.refresh()``: a value computed from now on, and the present one for the others meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial

import pytest

from cacheadmin import cached, flights
from cacheadmin.backend import AdaptiveCache
from tests.cacheadmin.counter import Counter, in_background
from tests.cacheadmin.redis_engines import MINIMAL
from tests.cacheadmin.waiting import Stopwatch, wait_until
from tests.cacheadmin.workers import Worker
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]
WorkerMaker = Callable[..., Worker]


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
            running[mine] = in_background(partial(refresh, mine))
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


def test_a_user_of_redis_with_few_rights_may_refresh(
    new_cache: CacheMaker, new_redis: Callable[..., RedisServer]
) -> None:
    server = new_redis(acl=[f"user site on >secret ~p:* {MINIMAL}"])
    cache = new_cache("redis", location=server.url(username="site", password="secret"), KEY_PREFIX="p")
    numbers = iter(range(10))

    @cached("content", ttl=60)
    def compute() -> int:
        return next(numbers)

    assert (compute(), compute.refresh(), compute(), compute.refresh()) == (0, 1, 1, 2)
    assert cache.space.selector.status().engine == "redis"
    assert not flights._held
