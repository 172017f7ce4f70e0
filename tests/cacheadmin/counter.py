"""A cached function whose computations a test can hold up."""

from __future__ import annotations

import threading
from collections.abc import Callable

from cacheadmin import cached
from cacheadmin.decorators import CachedFunction


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


def in_background(target: Callable[[], object]) -> threading.Thread:
    """Run *target* in a thread."""
    thread = threading.Thread(target=target)
    thread.start()
    return thread
