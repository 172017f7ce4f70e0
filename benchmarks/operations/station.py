"""One process that measures: it does what it is told over a pipe, one thing at a time."""

from __future__ import annotations

import itertools
import random
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import django
from django.conf import settings as configured
from django.core.cache import caches
from django.core.management import call_command

from benchmarks.operations import filling
from benchmarks.operations.drivers import adaptive, driver
from benchmarks.operations.operations import Ground, Parts, least, parts
from benchmarks.operations.peers import LIFE, PEERS, Peer
from benchmarks.operations.values import values
from cacheadmin import groups
from cacheadmin.engines.base import BegunAnew

_MOST_CALLS = 50_000
# A round lasts at most so many times longer than the CPU it is meant to cost.
_MOST_WAITING = 5
# Processes that do something together draw so many lots of it beforehand, and take them in turns.
_LOTS = 10

# Microseconds per call: of this process's processors, and of the clock on the wall.
Times = tuple[float, float]


def serve(pipe: Connection, settings: dict[str, Any], directory: str, size: int, seed: int) -> None:
    """Set Django up, then answer until nobody asks any more."""
    configured.configure(**settings)
    django.setup()
    # With a lifetime of its own, as the groups of a site have.
    groups.register(groups.Group("content", ttl=LIFE))
    station = Station(Path(directory), size, seed)
    while True:
        try:
            question, arguments = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send(("done", getattr(station, question)(*arguments)))
        except Exception:  # noqa: BLE001 (it is told to who asked, whatever it is)
            pipe.send(("failed", traceback.format_exc()))


class Station:
    """What a process can be asked for.

    Args:
        directory: where everything is kept.
        size: bytes of a value.
        seed: of everything random here.
    """

    def __init__(self, directory: Path, size: int, seed: int) -> None:
        self._directory = directory
        self._values = values(size)
        self._chance = random.Random(seed)
        self._counts: dict[tuple[str, int, str], int] = {}
        self._lot = 0
        self._lots: list[Callable[[], None]] = []

    def prepare_tables(self, entries: list[int]) -> None:
        """Make the tables that the settings row and the cache in the database need."""
        call_command("migrate", verbosity=0)
        for number in entries:
            call_command("createcachetable", f"cache_{number}", verbosity=0)

    def fill(self, peer: int, entries: int) -> None:
        """Put the entries there."""
        filling.fill(PEERS[peer], entries, self._values, self._directory)

    def check(self, peer: int, entries: int) -> None:
        """Make sure that they are there."""
        filling.check(PEERS[peer], entries, self._values, self._directory)

    def warm_up(self, peer: int, entries: int, operation: str, seconds: float) -> bool:
        """Do it until that costs about *seconds* of CPU, and remember how often it was done.

        By CPU, since on a busy machine most of the clock goes to others, and a round of a single
        call would measure how cold everything has become meanwhile.

        Returns:
            whether the peer has such a thing at all.
        """
        unit = least(operation)
        count = unit
        while True:
            # The better of two: a first connection, or a busy moment, says nothing of the calls.
            both = [self.measure(peer, entries, operation, count) for _ in range(2)]
            if not both[0]:
                return False
            cpu, wall = (min(sum(times[clock] for times in one.values()) for one in both) for clock in (0, 1))
            fitting = int(seconds * 1e6 / max(cpu, wall / _MOST_WAITING, 0.001))
            if fitting < 3 * count or count >= _MOST_CALLS:
                break
            count = min(4 * count, _MOST_CALLS)
        found = min(fitting, _MOST_CALLS) // unit * unit
        self._counts[PEERS[peer].name, entries, operation] = max(unit, found)
        return True

    def measure(self, peer: int, entries: int, operation: str, count: int = 0) -> dict[str, Times]:
        """Do it as often as was found to be fitting, and return what each part took."""
        count = count or self._counts[PEERS[peer].name, entries, operation]
        parts = self._parts(PEERS[peer], entries, operation, count)
        return {name: _timed(part, count) for name, part in parts.items()}

    def calls(self, peer: int, entries: int, operation: str) -> int:
        """How often ``measure`` does it."""
        return self._counts[PEERS[peer].name, entries, operation]

    def draw(self, peer: int, entries: int, operation: str) -> None:
        """Get ready for ``run_until``."""
        self._lot = self._counts[PEERS[peer].name, entries, operation]
        self._lots = [
            run
            for _ in range(_LOTS)
            for run in self._parts(PEERS[peer], entries, operation, self._lot).values()
        ]

    def run_until(self, begin: float, end: float) -> tuple[float, float, float]:
        """Do what was drawn from *begin* to *end* of the monotonic clock, as others do at the same time.

        Returns:
            microseconds of CPU and of the clock per call, and calls per second.
        """
        lots = itertools.cycle(self._lots)
        time.sleep(max(0.0, begin - time.monotonic()))
        done, wall, cpu = 0, time.perf_counter(), time.process_time()
        while time.monotonic() < end or not done:
            next(lots)()
            done += self._lot
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        return cpu * 1e6 / done, wall * 1e6 / done, done / wall

    def fill_group(self, peer: int, entries: int, present: int) -> None:
        """Put *present* small entries of one group there."""
        cache = caches[PEERS[peer].alias(entries)]
        numbers = iter(range(present))
        while some := list(itertools.islice(numbers, 1000)):
            cache.set_many({filling.key(number): f"value {number}" for number in some})

    def clear_group(self, peer: int, entries: int) -> Times:
        """Clear that group once.

        Raises:
            RuntimeError: something of it is still there.
        """
        handle = adaptive(PEERS[peer], entries)
        before = handle.get(filling.key(0))
        times = _timed(lambda: handle.clear_groups(["content"]), 1)
        if before is None or handle.get(filling.key(0)) is not None:
            raise RuntimeError(f"{PEERS[peer].name}: the clear of {entries:,} entries cleared nothing")
        return times

    def _parts(self, peer: Peer, entries: int, operation: str, count: int) -> Parts:
        calls = driver(peer, entries, self._directory)
        ground = Ground(peer, calls, entries, self._values, self._chance)
        return parts(ground, operation, count)


def _timed(run: Callable[[], None], count: int) -> Times:
    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    try:
        run()
    except BegunAnew:
        # An engine alone says so when a thread of the cache has made another connection; a handle asks again.
        return _timed(run, count)
    cpu, wall = time.process_time_ns() - cpu, time.perf_counter_ns() - wall
    return cpu / 1000 / count, wall / 1000 / count
