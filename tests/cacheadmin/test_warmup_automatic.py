"""What a clear or a switch has emptied is filled again by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from cacheadmin import shared, warm_automatically
from cacheadmin.backend import AdaptiveCache
from cacheadmin.warmers import Warmer
from tests.cacheadmin.waiting import wait_until
from tests.cacheadmin.warming import warm_key
from tests.cacheadmin.workers import Worker
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]
DECLARE = (
    "from cacheadmin import clear, events, upkeep, warmers, warmup, watcher\n"
    "warmers.register(warmers.Warmer('keys', 'content', "
    "warm=lambda n: cache.get_or_set(f'content:{n}', n), items=lambda: range(100)))\n"
    "told = []\n"
    "from cacheadmin.signals import cache_event\n"
    "def receive(**event): told.append((event['kind'], event.get('automatic')))\n"
    "cache_event.connect(receive)\n"
    "def keep_house():\n"
    "    upkeep._kept_house_at = float('-inf')\n"
    "    upkeep.housekeeping()\n"
    "def count(): return len(cache.get_many([f'content:{n}' for n in range(100)]))\n"
)


@pytest.fixture
def plain(new_worker: Callable[..., Worker], redis_server: RedisServer) -> Callable[..., Worker]:
    """A worker whose requests keep house, with a warmer of a hundred keys."""

    def start(**more: Any) -> Worker:
        worker = new_worker("redis", location=redis_server.url(), **more)
        worker.request()
        worker("cache.get('a')")
        worker(DECLARE)
        return worker

    return start


def test_a_clear_is_followed_by_a_warm_up_in_a_thread(plain: Callable[..., Worker]) -> None:
    worker = plain()
    worker("keep_house()")
    assert worker("count()") == 0
    worker("clear.clear(['content']) and None")
    worker("keep_house()")
    wait_until(lambda: worker("('warm', True) in told"), seconds=10)
    assert worker("count()") == 100
    worker("keep_house()")
    assert worker("told.count(('warm', True))") == 1


def test_another_process_takes_up_what_a_command_has_emptied(plain: Callable[..., Worker]) -> None:
    worker, command = plain(), plain()
    command("clear.clear(['content']) and None")
    worker("keep_house()")
    wait_until(lambda: worker("count()") == 100, seconds=10)


def test_a_return_is_followed_by_one_too(plain: Callable[..., Worker], redis_server: RedisServer) -> None:
    worker = plain()
    redis_server.kill()
    worker("cache.get('a')")
    assert worker.engine == "file"
    worker("keep_house()")
    assert worker("count()") == 0
    redis_server.start()
    wait_until(lambda: worker.engine == "redis", seconds=10)
    worker("keep_house()")
    wait_until(lambda: worker("count()") == 100, seconds=10)


def test_where_no_thread_runs_it_is_done_in_slices(plain: Callable[..., Worker]) -> None:
    worker = plain(CACHEADMIN={"THREADS": False})
    worker("from cacheadmin import warm_automatically; warm_automatically.SLICE = 0")
    worker("clear.clear(['content']) and None")
    worker("keep_house()")
    assert worker("count()") < 100
    worker("[keep_house() for _ in range(150)] and None")
    assert worker("count()") == 100
    assert worker("told.count(('warm', True))") == 1


def test_it_can_be_turned_off(plain: Callable[..., Worker]) -> None:
    worker = plain(CACHEADMIN={"WARM_AUTOMATICALLY": False, "THREADS": False})
    worker("clear.clear(['content']) and None")
    worker("[keep_house() for _ in range(5)] and None")
    assert worker("count()") == 0


def test_it_waits_for_one_that_is_running(plain: Callable[..., Worker]) -> None:
    first, second = plain(CACHEADMIN={"THREADS": False}), plain(CACHEADMIN={"THREADS": False})
    first("other = warmup.WarmUp(); other.begin()")
    first("clear.clear(['content']) and None")
    second("keep_house()")
    assert second("count()") == 0
    first("other.go_on() and None")
    second("[keep_house() for _ in range(3)] and None")
    assert second("('warm', True) in told")


def test_while_tests_run_nothing_begins_by_itself(new_cache: CacheMaker, only: Callable[..., None]) -> None:
    cache = new_cache("file")
    only(Warmer("keys", "content", warm=warm_key, items=lambda: range(3)))
    cache.space.selector.words.write(shared.COLD, 1)
    warm_automatically.go_on()
    assert cache.get("content:1") is None
    assert cache.space.selector.words.read(shared.COLD) == 1


def test_threads_that_keep_house_at_once_begin_one_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []
    is_inside, may_end = threading.Event(), threading.Event()

    def begin() -> bool:
        begun.append(1)
        is_inside.set()
        may_end.wait(30)
        return False

    monkeypatch.setattr(warm_automatically, "_begin", begin)
    other = threading.Thread(target=warm_automatically.go_on)
    other.start()
    assert is_inside.wait(30)
    warm_automatically.go_on()
    may_end.set()
    other.join()
    assert begun == [1]
