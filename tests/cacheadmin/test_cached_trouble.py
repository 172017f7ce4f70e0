"""``@cached`` in trouble: engines that fail, functions that fail, processes that end."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from cacheadmin import cached, flights, processes
from cacheadmin.backend import AdaptiveCache
from cacheadmin.engines.base import MISSING
from cacheadmin.leases import Lease
from cacheadmin.processes import Holder
from tests.cacheadmin.waiting import Stopwatch, threads, wait_until
from tests.cacheadmin.workers import Worker
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]
WorkerMaker = Callable[..., Worker]
ELSEWHERE = Holder("another machine", 1, 1)


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
    here = processes.this_process()
    assert here.pid == os.getpid()
    assert processes.is_running(here.pid, here.began)
    # The number is used again.
    assert not processes.is_running(here.pid, here.began + 1)
    # Where nothing more is known, the number decides.
    assert processes.is_running(here.pid, 0)
    # Somebody else's.
    assert processes.is_running(1, 0)


def test_a_process_that_has_ended_is_not_alive_even_before_its_parent_has_noticed() -> None:
    child = subprocess.Popen(["sleep", "60"])
    began = processes._stat(child.pid)[1]
    assert processes.is_running(child.pid, began)
    child.kill()
    wait_until(lambda: not processes.is_running(child.pid, began), seconds=5)
    child.wait()
    assert not processes.is_running(child.pid, began)


def test_without_proc_the_number_alone_tells(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(processes, "_PROC", tmp_path)
    assert processes.is_running(os.getpid(), 5)
    assert processes._machine() == os.uname().nodename


def test_a_process_that_may_not_be_touched_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr("os.kill", refuse)
    assert processes.is_running(os.getpid(), 0)


def test_a_child_starts_with_no_flights(new_worker: WorkerMaker) -> None:
    worker = new_worker("memory")
    worker("from cacheadmin import flights\nfrom cacheadmin.processes import this_process as here")
    worker("flights.begin('of the parent'); before = here()")
    worker("child = os.fork()\nif not child: os._exit(len(flights.held()) + (here() == before))")
    assert worker("os.waitpid(child, 0)[1]") == 0
    assert worker("len(flights.held())") == 1


@pytest.mark.parametrize("engine_name", ["file", "memory"])
def test_a_result_that_is_slow_to_put_into_bytes_keeps_nobody_waiting(
    new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch, engine_name: str
) -> None:
    # So small a cache has one shard, and so one lock.
    cache = new_cache(engine_name, MAX_ENTRIES=100)
    asked, answered = threading.Event(), threading.Event()

    class Lazy:
        """Like a queryset, which asks its database when it is pickled."""

        def __reduce__(self) -> Any:
            asked.set()
            assert answered.wait(10)
            return list, ([1],)

    @cached("content")
    def compute() -> Any:
        return Lazy()

    thread = threading.Thread(target=compute)
    thread.start()
    assert asked.wait(5)
    with Stopwatch() as watch:
        cache.set("a", 1)
        assert (cache.incr("a"), cache.get("a"), cache.delete("a")) == (2, 2, True)
    answered.set()
    thread.join()
    assert watch.seconds < 1
    assert cache.space.selector.status().engine == engine_name
    assert compute() == [1]


@pytest.mark.parametrize("engine_name", ["file", "memory"])
def test_what_is_replaced_meanwhile_is_changed_once_more(new_cache: CacheMaker, engine_name: str) -> None:
    cache = new_cache(engine_name)
    cache.set("a", [1], None)
    seen = []

    def change(old: list[int]) -> list[int]:
        seen.append(old)
        if len(seen) == 1:
            cache.set("a", [2], None)
        return [*old, 3]

    assert cache.replace("a", change) == [2, 3]
    assert (seen, cache.get("a")) == ([[1], [2]], [2, 3])

    def remove(old: list[int]) -> list[int]:
        cache.delete("a")
        return old

    assert cache.replace("a", remove) is MISSING
    assert cache.get("a") is None
