"""What a Redis that swallows everything costs, counted: one question for all calls of all workers."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest
from pytest_django import Settings

from cacheadmin.backend import AdaptiveCache
from tests.cacheadmin.redis_engines import Counted
from tests.cacheadmin.waiting import wait_until
from tests.cacheadmin.workers import Worker
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]
WorkerMaker = Callable[..., Worker]
# Nobody looks whether it is back, and nobody looks at anything else, so whatever is counted are the calls.
# A busy machine may keep a Redis that is well waiting for a while.
STILL = {"PROBE_INTERVAL": 3600, "REFRESH_INTERVAL": 3600, "ANSWER_TIMEOUT": 1.0}
FIFTY_CALLS = """
for number in range(10):
    cache.set(f"key{number}", number)
    cache.get(f"key{number}")
    cache.get_many([f"key{number}", "a"])
    cache.add("a", 1)
    cache.touch("a")
"""
BOTH = pytest.mark.parametrize("choice", ["redis", "auto"])


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Who takes every connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        silent.setblocking(False)
        yield silent


def address_of(listener: socket.socket) -> str:
    return f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


def connections_at(listener: socket.socket) -> int:
    """How many have connected so far; the kernel keeps them until somebody asks."""
    found = 0
    while True:
        try:
            connection, _ = listener.accept()
        except BlockingIOError:
            return found
        connection.close()
        found += 1


@BOTH
def test_fifty_calls_try_it_once(
    choice: str, listener: socket.socket, new_cache: CacheMaker, settings: Settings
) -> None:
    settings.CACHEADMIN = {**settings.CACHEADMIN, **STILL}
    cache = new_cache(choice, location=address_of(listener))
    exec(FIFTY_CALLS, {"cache": cache})
    assert cache.get("key9") == 9
    assert connections_at(listener) == 1


@BOTH
def test_fifty_calls_in_each_of_three_workers_try_it_once(
    choice: str, listener: socket.socket, new_worker: WorkerMaker
) -> None:
    workers = [new_worker(choice, location=address_of(listener), CACHEADMIN=STILL) for _ in range(3)]
    for worker in workers:
        worker.begin(FIFTY_CALLS)
    for worker in workers:
        worker.finish()
    assert [worker("cache.get('key9')") for worker in workers] == [9, 9, 9]
    assert connections_at(listener) == 1


@BOTH
def test_where_it_falls_silent_in_use_only_the_first_call_of_the_machine_asks(
    choice: str, redis_server: RedisServer, new_worker: WorkerMaker
) -> None:
    first, *others = (new_worker(choice, location=redis_server.url(), CACHEADMIN=STILL) for _ in range(3))
    for worker in (first, *others):
        worker("cache.set('a', 1)")
    # What waits for it while it is frozen, it does once it goes on.
    with Counted(redis_server) as seen:
        redis_server.pause()
        first("cache.get('a')")
        for worker in (first, *others):
            worker(FIFTY_CALLS)
        redis_server.resume()
    assert seen.commands == {"get": 1}
    assert [worker.engine for worker in (first, *others)] == ["file"] * 3


def test_all_workers_that_meet_the_silence_together_ask_once_each(
    redis_server: RedisServer, new_worker: WorkerMaker
) -> None:
    workers = [new_worker("redis", location=redis_server.url(), CACHEADMIN=STILL) for _ in range(3)]
    for worker in workers:
        worker("cache.set('a', 1)")
    with Counted(redis_server) as seen:
        redis_server.pause()
        for worker in workers:
            worker.begin(FIFTY_CALLS)
        for worker in workers:
            worker.finish()
        redis_server.resume()
    assert 1 <= sum(seen.commands.values()) <= len(workers)


def test_one_of_all_workers_asks_whether_it_is_back(listener: socket.socket, new_worker: WorkerMaker) -> None:
    workers = [new_worker("redis", location=address_of(listener), CACHEADMIN=STILL) for _ in range(3)]
    for worker in workers:
        worker.begin(FIFTY_CALLS)
    for worker in workers:
        worker.finish()
    probing = "[thread.name for thread in threading.enumerate()].count('cacheadmin-prober')"
    # The others find somebody at it, and end.
    wait_until(lambda: sum(worker(probing) for worker in workers) == 1, seconds=10)
