"""Locks: one holder at a time, on each engine, and nobody frees what is somebody else's."""

from __future__ import annotations

import threading
import time

import pytest
from redis.exceptions import LockError, LockNotOwnedError

from cacheadmin.backend import AdaptiveCache
from cacheadmin.locks import Lock


def test_one_holds_it_and_the_next_waits(cache: AdaptiveCache) -> None:
    first, second = cache.lock("l", timeout=60), cache.lock("l", timeout=60)
    assert first.acquire() is True
    assert (first.owned(), second.owned(), second.locked()) == (True, False, True)
    assert second.acquire(blocking=False) is False
    began = time.monotonic()
    assert second.acquire(blocking_timeout=0.15, sleep=0.05) is False
    assert time.monotonic() - began < 1
    first.release()
    assert (first.owned(), second.locked()) == (False, False)
    assert second.acquire(blocking=False) is True
    second.release()


def test_it_is_free_the_moment_it_is_given_back(cache: AdaptiveCache) -> None:
    for _ in range(20):
        with cache.lock("l", timeout=5, blocking=False):
            pass


def test_a_holder_that_came_too_late_frees_nobody_elses(cache: AdaptiveCache) -> None:
    first, second = cache.lock("l", timeout=0.05), cache.lock("l", timeout=60)
    first.acquire()
    time.sleep(0.08)
    assert second.acquire(blocking=False) is True
    with pytest.raises(LockNotOwnedError):
        first.release()
    assert second.owned() is True
    with pytest.raises(LockNotOwnedError):
        second_again(cache, second)


def second_again(cache: AdaptiveCache, lock: Lock) -> None:
    cache.delete("l")
    lock.release()


def test_what_was_never_held_cannot_be_given_back(cache: AdaptiveCache) -> None:
    lock = cache.lock("l", timeout=5)
    for attempt in (lock.release, lock.reacquire, lambda: lock.extend(5)):
        with pytest.raises(LockError):
            attempt()


def test_it_can_be_made_to_last(cache: AdaptiveCache) -> None:
    lock = cache.lock("l", timeout=20)
    lock.acquire()
    assert lock.extend(30) is True
    assert cache.ttl("l") in (49, 50)
    assert lock.extend(60, replace_ttl=True) is True
    assert cache.ttl("l") in (59, 60)
    assert lock.reacquire() is True
    assert cache.ttl("l") in (19, 20)
    cache.delete("l")
    for attempt in (lock.reacquire, lambda: lock.extend(5)):
        with pytest.raises(LockNotOwnedError):
            attempt()


def test_without_a_timeout_there_is_nothing_to_extend(cache: AdaptiveCache) -> None:
    lock = cache.lock("l")
    lock.acquire()
    assert cache.ttl("l") is None
    for attempt in (lock.reacquire, lambda: lock.extend(5)):
        with pytest.raises(LockError, match="no timeout"):
            attempt()


def test_with_says_when_it_was_not_free_in_time(cache: AdaptiveCache) -> None:
    cache.lock("l", timeout=60).acquire()
    with pytest.raises(LockError, match="not free"), cache.lock("l", blocking_timeout=0.05, sleep=0.01):
        pytest.fail("it is somebody else's")


def test_what_went_wrong_inside_is_told_and_not_that_the_lock_ended(cache: AdaptiveCache) -> None:
    with pytest.raises(ZeroDivisionError), cache.lock("l", timeout=60):
        cache.delete("l")
        raise ZeroDivisionError
    with pytest.raises(LockNotOwnedError), cache.lock("l", timeout=60):
        cache.delete("l")


def test_a_token_of_ones_own_tells_the_holder(cache: AdaptiveCache) -> None:
    lock = cache.lock("l", timeout=60)
    lock.acquire(token="worker 7")
    assert cache.get("l") == "worker 7"


def test_another_thread_is_another_holder_unless_it_is_said_otherwise(cache: AdaptiveCache) -> None:
    for thread_local, owned in ((True, False), (False, True)):
        lock = cache.lock(f"l{thread_local}", timeout=60, thread_local=thread_local)
        lock.acquire()
        seen: list[bool] = []
        thread = threading.Thread(target=lambda lock=lock, seen=seen: seen.append(lock.owned()))
        thread.start()
        thread.join()
        assert seen == [owned]


def test_of_many_threads_one_is_inside(cache: AdaptiveCache) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        for _ in range(5):
            with cache.lock("l", timeout=60, sleep=0.002):
                inside.append(number)
                most.append(len(inside))
                time.sleep(0.001)
                inside.remove(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(most), max(most)) == (30, 1)
