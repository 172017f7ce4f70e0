"""The targets, and whether they were met: ratios of what was measured in the same rounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from benchmarks.operations.measurements import Case, Measurements, median, quantile
from benchmarks.operations.scenes import SMALL, USUAL, Plan

Clock = Literal["cpu", "wall", "per_second"]
# What "the same time" allows: a fifth more.
SAME = 1.2
_MOST_OVERHEAD = 0.5
_MOST_COUNTING = 0.6

_MEMORY, _FILES, _TCP, _SOCKET = (
    "AdaptiveCache, memory",
    "AdaptiveCache, files",
    "AdaptiveCache, Redis TCP",
    "AdaptiveCache, Redis socket",
)
_HANDLES = {"memory": _MEMORY, "file": _FILES, "redis": _TCP}
_DISKCACHE = "diskcache for Django"


@dataclass(frozen=True)
class Target:
    """A figure that must not exceed, or must reach, a limit.

    Attributes:
        name: what it is about.
        limit: the figure to keep to.
        figures: one figure per round; empty if it was not measured.
        is_least: whether the limit is to be reached instead of not exceeded.
        unit: of figure and limit: ``×`` for ratios.
        beside: the same by the clock on the wall, for information.
    """

    name: str
    limit: float
    figures: Sequence[float]
    is_least: bool = False
    unit: str = "×"
    beside: Sequence[float] = ()

    @property
    def measured(self) -> float | None:
        """The median of the rounds."""
        return median(self.figures) if self.figures else None

    @property
    def is_met(self) -> bool | None:
        """Whether the median keeps to the limit; ``None`` if it was not measured."""
        found = self.measured
        if found is None:
            return None
        return found >= self.limit if self.is_least else found <= self.limit

    @property
    def spread(self) -> tuple[float, float] | None:
        """What a tenth of the rounds stayed below, and what nine tenths did."""
        if not self.figures:
            return None
        return quantile(self.figures, 0.1), quantile(self.figures, 0.9)


def targets(found: Measurements, plan: Plan) -> list[Target]:
    """All targets, with what *found* says about each."""
    return [
        *_against_locmem(found),
        *_against_django_redis(found),
        *_files(found),
        *_together(found, plan.processes),
        *_clears(found, plan),
        *_overhead(found),
    ]


def ratios(found: Measurements, one: Case, other: Case, clock: Clock = "cpu") -> list[float]:
    """The figure of *one* divided by that of *other*, round by round; empty if one was not measured."""
    if one not in found or other not in found:
        return []
    pairs = zip(getattr(found[one], clock), getattr(found[other], clock), strict=True)
    return [first / second for first, second in pairs]


def _compared(found: Measurements, name: str, limit: float, one: Case, other: Case) -> Target:
    return Target(name, limit, ratios(found, one, other), beside=ratios(found, one, other, "wall"))


def _against_locmem(found: Measurements) -> list[Target]:
    return [
        _compared(
            found,
            f"memory {operation}, {size:,} bytes, against LocMemCache",
            1.0,
            one := Case(_MEMORY, operation, size, entries),
            replace(one, peer="LocMemCache"),
        )
        for size, entries in ((SMALL, 100), (USUAL, 10_000))
        for operation in ("get", "set")
    ]


def _against_django_redis(found: Measurements) -> list[Target]:
    return [
        _compared(
            found,
            f"redis {operation}, {way}, {USUAL:,} bytes, against django-redis",
            1.05,
            one := Case(ours, operation, USUAL, 10_000),
            replace(one, peer=theirs),
        )
        for way, ours, theirs in (
            ("TCP", _TCP, "django-redis, TCP"),
            ("socket", _SOCKET, "django-redis, socket"),
        )
        for operation in ("get", "set", "incr")
    ]


def _files(found: Measurements) -> list[Target]:
    def against(operation: str, peer: str, limit: float, entries: int) -> Target:
        one = Case(_FILES, operation, USUAL, entries)
        name = f"file {operation}, {USUAL:,} bytes, {entries:,} entries, against {peer}"
        return _compared(found, name, limit, one, replace(one, peer=peer))

    few = Case(_FILES, "set", USUAL, 100)
    most = max((case.entries for case in found if replace(case, entries=100) == few), default=100)
    return [
        against("get", "FileBasedCache", 0.75, 10_000),
        against("get", _DISKCACHE, 1.15, 10_000),
        against("set", "FileBasedCache", 0.1, 200),
        against("set", _DISKCACHE, 0.4, 200),
        _compared(
            found,
            f"file set, {USUAL:,} bytes, {most:,} entries against 100",
            SAME,
            replace(few, entries=most),
            few,
        )
        if most > 100
        else Target("file set with many entries against 100", SAME, ()),
    ]


def _together(found: Measurements, processes: int) -> list[Target]:
    levels = sorted({case.entries for case in found if case.processes == processes and case.size == USUAL})
    return [
        Target(
            f"{processes} processes, 90 % reads, files, {entries:,} entries, calls/s against {peer}",
            limit,
            ratios(found, one := _mixed(entries, processes), replace(one, peer=peer), "per_second"),
            is_least=True,
        )
        for entries in levels or [200]
        for peer, limit in (("FileBasedCache", 10.0), (_DISKCACHE, 1.6))
    ]


def _mixed(entries: int, processes: int) -> Case:
    return Case(_FILES, "90 % reads", USUAL, entries, processes)


def _clears(found: Measurements, plan: Plan) -> list[Target]:
    # By the clock: what a server does meanwhile is a part of it.
    return [
        Target(
            f"group clear, {family}, {many:,} keys against {few:,} (clock)",
            SAME,
            ratios(found, Case(peer, "group clear", 0, many), Case(peer, "group clear", 0, few), "wall"),
        )
        for family, (few, many) in plan.clears.items()
        for peer in (_HANDLES[family],)
    ]


def _part(size: int, entries: int, operation: str) -> Case:
    return Case(_MEMORY, operation, size, entries)


def _overhead(found: Measurements) -> list[Target]:
    def without(less: Callable[[str], Case], all_of_it: str, rest: str) -> list[float]:
        handle, other = less(all_of_it), less(rest)
        if handle not in found or other not in found:
            return []
        return [first - second for first, second in zip(found[handle].cpu, found[other].cpu, strict=True)]

    small: Callable[[str], Case] = partial(_part, SMALL, 100)
    # What counting costs has a line of its own.
    made = without(small, "get uncounted", "get by engine")
    keys = found.get(Case(_MEMORY, "key", SMALL, 100))
    rest = [all_of_it - key for all_of_it, key in zip(made, keys.cpu, strict=True)] if keys else []
    return [
        Target(
            "handle, selector, groups and the key, on top of the engine's get",
            _MOST_OVERHEAD,
            made,
            unit="µs",
        ),
        Target(
            "the same without making and checking the key, as all of Django's caches do",
            _MOST_OVERHEAD,
            rest,
            unit="µs",
        ),
        Target(
            "statistics of a get: counters, sampled keys and times",
            _MOST_COUNTING,
            without(small, "get counted", "get uncounted"),
            unit="µs",
        ),
    ]
