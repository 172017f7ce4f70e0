"""What is counted for one group of one cache in this process."""

from __future__ import annotations

import itertools
import os
import random
import threading
from collections import Counter
from collections.abc import Iterator

from cacheadmin import conf, groups
from cacheadmin.stats import histogram
from cacheadmin.stats.sketch import Sketch

# What there is a number for.
KINDS = ("hits", "misses", "writes", "deletes", "errors")

# One read in 32 is timed and its key noted, at random: a sequence that repeats after a prime number of
# steps never walks in step with the program that reads. The first ones are all noted, so that a quiet
# group has figures too.
_EVERY = 32
_STEPS = 4099
_FIRST = 128
# Keys that are kept in mind for each group.
_KEPT_KEYS = 256


class Tally:
    """The counters of one group of one cache.

    An operation counts by ``next(tally.hits)``: a step in C that no other thread can come between,
    without a lock. ``next(tally.samples)`` says whether this one is to be timed, and for how many it
    stands. How much was counted since the last time only ``take()`` finds out.

    Args:
        cache: the name of the cache: an alias.
        group: the name of the group.
        stands_in: whether the engine that serves it takes the place of another one that was lost.
    """

    __slots__ = (
        "_keys", "_latencies", "_lock", "_seen", "_void", "cache", "deletes", "errors", "group", "hits",
        "misses", "samples", "stands_in", "unfit", "writes",
    )  # fmt: skip

    def __init__(self, cache: str, group: str, *, stands_in: bool) -> None:
        self.cache, self.group, self.stands_in = cache, group, stands_in
        self.begin()

    def begin(self) -> None:
        """Count from nothing."""
        self.hits, self.misses = itertools.count(), itertools.count()
        self.writes, self.deletes = itertools.count(), itertools.count()
        self.errors = itertools.count()
        # Hits whose value turned out to be none: they are misses.
        self.unfit = itertools.count()
        self.samples: Iterator[int] = _samples() if is_on() else itertools.repeat(0)
        self._seen = dict.fromkeys((*KINDS, "unfit"), 0)
        self._void = 0
        self._lock = threading.Lock()
        self._latencies: Counter[int] = Counter()
        # The keys of sessions and limits name people.
        self._keys = None if _is_protected(self.group) else Sketch[str](_KEPT_KEYS)

    def sample(self, key: object, nanoseconds: int, weight: int) -> None:
        """Note how long one read took, and its key, for *weight* reads."""
        # Whoever finds the lock taken, be it by the same thread, goes without: it was only a sample.
        if not self._lock.acquire(blocking=False):
            return
        try:
            self._latencies[histogram.bucket_of(nanoseconds)] += weight
            if self._keys is not None and type(key) is str:
                self._keys.add(key, weight)
        finally:
            self._lock.release()

    # --- Collecting; by one at a time ---

    def take(self) -> Counter[str]:
        """Return what was counted since the last time, by kind."""
        # Before the hits: what it takes from them was counted there first.
        self._void += self._since("unfit")
        found = Counter({kind: self._since(kind) for kind in KINDS})
        void = min(self._void, found["hits"])
        self._void -= void
        found["hits"] -= void
        found["misses"] += void
        if self.stands_in:
            found["fallbacks"] = found["hits"] + found["misses"] + found["writes"] + found["deletes"]
        return +found

    def _since(self, kind: str) -> int:
        # Asking counts as well.
        now = next(getattr(self, kind))
        before, self._seen[kind] = self._seen[kind], now + 1
        return int(now - before)

    def take_latencies(self) -> Counter[int]:
        """Return how many reads took how long since the last time, by bucket."""
        with self._lock:
            found, self._latencies = self._latencies, Counter()
        return found

    def take_keys(self, number: int) -> Counter[str]:
        """Return the *number* keys read most since the last time."""
        if self._keys is None:
            return Counter()
        with self._lock:
            found, self._keys = self._keys, Sketch[str](_KEPT_KEYS)
        return Counter(found.top(number))


def _is_protected(group: str) -> bool:
    known = groups.get(group)
    return known is not None and known.protected


def _samples() -> Iterator[int]:
    steps = [0] * _STEPS
    for step in random.sample(range(_STEPS), _STEPS // _EVERY):
        steps[step] = _EVERY
    return itertools.chain(itertools.repeat(1, _FIRST), itertools.cycle(steps))


_tallies: dict[tuple[str, str, bool], Tally] = {}
_lock = threading.Lock()


def is_on() -> bool:
    """Whether statistics are kept: ``CACHEADMIN["STATISTICS"]``."""
    return bool(conf.get("STATISTICS"))


def tally(cache: str, group: str, *, stands_in: bool = False) -> Tally:
    """Return this process's counters of one group of one cache.

    Args:
        cache: an alias of CACHES.
        group: the name of a group; there must be few of them.
        stands_in: whether another engine ought to be live.
    """
    name = (cache, group, stands_in)
    found = _tallies.get(name)
    if found is None:
        with _lock:
            found = _tallies.setdefault(name, Tally(cache, group, stands_in=stands_in))
    return found


def count(kind: str, group: str, cache: str = "default") -> None:
    """Count one operation that does not go through a cache's own methods, such as that of a page cache.

    Args:
        kind: ``hits``, ``misses``, ``writes``, ``deletes`` or ``errors``.
        group: the group it is counted for.
        cache: the alias that the group is in.

    Raises:
        ValueError: there is no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"There is no number of {kind!r}, only of {', '.join(KINDS)}.")
    next(getattr(tally(cache, group), kind))


def every() -> list[Tally]:
    """Return all counters of this process."""
    with _lock:
        return list(_tallies.values())


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    for one in _tallies.values():
        # What the parent has counted, the parent hands over.
        one.begin()


os.register_at_fork(after_in_child=_after_fork)
