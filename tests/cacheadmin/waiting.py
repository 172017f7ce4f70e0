"""Waiting for what has to become true."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


def wait_until(is_so: Callable[[], bool], *, seconds: float) -> float:
    """Ask until it is so, and return how many seconds it took; more than *seconds* fail the test."""
    began = time.monotonic()
    while not is_so():
        passed = time.monotonic() - began
        assert passed < seconds, f"still not so after {passed:.1f} s"
        time.sleep(0.02)
    return time.monotonic() - began


class Stopwatch:
    """``with Stopwatch() as watch: …`` and then ``watch.seconds``."""

    seconds = 0.0

    def __enter__(self) -> Stopwatch:
        self._began = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.monotonic() - self._began


@contextmanager
def threads(number: int, target: Callable[[], object]) -> Iterator[None]:
    """Run *target* in so many threads, and wait for them at the end."""
    running = [threading.Thread(target=target) for _ in range(number)]
    for thread in running:
        thread.start()
    yield
    for thread in running:
        thread.join()


@contextmanager
def held_elsewhere(lock: threading.Lock) -> Iterator[None]:
    """Have another thread hold *lock*."""
    taken, over = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            taken.set()
            over.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait(30)
    yield
    over.set()
    thread.join()
