"""What is known of the use of one cache: sums over all workers and machines, for page and command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.core.cache import caches

from cacheadmin import groups, stats
from cacheadmin.backend import AdaptiveCache
from cacheadmin.models import statistics as kept
from cacheadmin.stats import histogram

_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Counts:
    """Numbers of operations.

    Args:
        hits: reads that found something.
        misses: reads that did not.
        writes: calls that store; each entry of ``set_many()`` is one.
        deletes: calls that remove.
        errors: calls in which an engine failed, before another one took its place.
        fallbacks: hits, misses, writes and deletes that a stand-in for a lost engine has served.
    """

    hits: int = 0
    misses: int = 0
    writes: int = 0
    deletes: int = 0
    errors: int = 0
    fallbacks: int = 0

    @property
    def lookups(self) -> int:
        """All reads."""
        return self.hits + self.misses

    @property
    def hit_rate(self) -> float | None:
        """The share of reads that found something, 0 to 1; ``None`` without any read."""
        return self.hits / self.lookups if self.lookups else None

    def as_json(self) -> dict[str, int]:
        """Return the bare numbers."""
        return {kind: getattr(self, kind) for kind in kept.KINDS}


@dataclass(frozen=True)
class Latency:
    """How long reads took, in milliseconds, as their callers waited; ``None`` where nothing was timed."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None

    def as_json(self) -> dict[str, float | None]:
        """Return the figures, to four digits: they are known to 5 %."""
        found = {"p50": self.p50, "p95": self.p95, "p99": self.p99}
        return {name: None if ms is None else float(f"{ms:.4g}") for name, ms in found.items()}


@dataclass(frozen=True)
class Hour:
    """One hour (UTC) of one group."""

    hour: datetime
    group: str
    counts: Counts


@dataclass(frozen=True)
class TopKey:
    """A key that is read often, and how often, about."""

    key: str
    group: str
    reads: int


@dataclass(frozen=True)
class Statistics:
    """The use of one cache.

    Args:
        alias: the cache.
        begins: the beginning of the first hour that is looked at.
        since: from when on anything is kept; ``None`` if nothing is.
        total: the sum over the groups that hold data: neither sessions nor limits.
        protected: the sum over the others.
        groups: the sums of each group that was used.
        hours: each hour and group in which anything was done, the oldest first.
        latency: of the reads of the groups that hold data.
        latencies: the same for each group.
        problem: why sums are missing, as the name of an error; empty if they are whole.
        is_on: whether statistics are kept at all.
    """

    alias: str
    begins: datetime
    since: datetime | None
    total: Counts
    protected: Counts
    groups: dict[str, Counts]
    hours: tuple[Hour, ...]
    latency: Latency
    latencies: dict[str, Latency]
    problem: str = ""
    is_on: bool = True

    def by_hour(self) -> Iterator[tuple[datetime, Counts]]:
        """Yield each hour (UTC) from the first to the present one with the sum of its data groups."""
        sums: dict[datetime, Counter[str]] = {}
        for one in self.hours:
            if not is_protected(one.group):
                sums.setdefault(one.hour, Counter()).update(one.counts.as_json())
        hour, end = self.begins, datetime.now(UTC)
        while hour <= end:
            yield hour, _counts(sums.get(hour, Counter()))
            hour += _HOUR

    def as_json(self) -> dict[str, Any]:
        """Return what ``manage.py cache stats --json`` prints."""
        return {
            "alias": self.alias,
            **self.total.as_json(),
            "hit_rate": self.total.hit_rate,
            "latency_ms": self.latency.as_json(),
            "begins": self.begins.isoformat(),
            "since": None if self.since is None else self.since.isoformat(),
            "is_on": self.is_on,
            "problem": self.problem,
            "protected": self.protected.as_json(),
            "groups": {
                name: {
                    **counts.as_json(),
                    "hit_rate": counts.hit_rate,
                    "protected": is_protected(name),
                    "latency_ms": self.latencies.get(name, Latency()).as_json(),
                }
                for name, counts in self.groups.items()
            },
            "hours": [
                {"hour": one.hour.isoformat(), "group": one.group, **one.counts.as_json()}
                for one in self.hours
            ],
        }


def is_protected(group: str) -> bool:
    """Whether *group* holds sessions or limits: no data, whose keys name people."""
    known = groups.get(group)
    return known is not None and known.protected


# --- Reading ---


@dataclass
class _Found:
    since: datetime | None = None
    counts: dict[tuple[datetime, str], Counter[str]] = field(default_factory=dict)
    buckets: dict[str, Counter[int]] = field(default_factory=dict)
    problem: str = ""


def statistics(alias: str = "default", *, hours: int = 24) -> Statistics:
    """Return the use of one cache, over all workers and machines.

    What this process has counted and not handed over yet is part of it; other processes hand over
    every few seconds.

    Args:
        alias: a key of CACHES that is an adaptive cache.
        hours: how many to look back, the present one included; 24 for a day.
    """
    begins = _this_hour() - (hours - 1) * _HOUR
    found = _read(_name(alias), begins)
    by_group: dict[str, Counter[str]] = {}
    for (_hour, group), numbers in found.counts.items():
        by_group.setdefault(group, Counter()).update(numbers)
    data = [name for name in by_group if not is_protected(name)]
    return Statistics(
        alias=alias,
        begins=begins,
        since=found.since,
        total=_counts(_sum(by_group[name] for name in data)),
        protected=_counts(_sum(by_group[name] for name in by_group if name not in data)),
        groups={name: _counts(by_group[name]) for name in sorted(by_group)},
        hours=tuple(
            Hour(hour, group, _counts(numbers)) for (hour, group), numbers in sorted(found.counts.items())
        ),
        latency=_latency(_sum(buckets for name, buckets in found.buckets.items() if not is_protected(name))),
        latencies={name: _latency(buckets) for name, buckets in found.buckets.items()},
        problem=found.problem,
        is_on=stats.is_on(),
    )


def _read(name: str, begins: datetime) -> _Found:
    found = _Found()
    with stats.collected() as own:
        try:
            with kept.reading():
                found.since = kept.first_hour(name)
                for hour, group, numbers in kept.counts(name, begins):
                    found.counts[hour, group] = Counter(numbers)
                for group, bucket, number in kept.latencies(name, begins):
                    found.buckets.setdefault(group, Counter())[bucket] += number
        except Exception as error:  # noqa: BLE001
            # No table, no database, one that CACHES names and nobody declares, a driver that is missing:
            # whatever it is, it shall spoil nobody's page, and there is what this process knows.
            found.problem = type(error).__name__
        for (cache, hour, group), numbers in own.counts.items():
            if cache == name and hour >= begins:
                found.counts.setdefault((hour, group), Counter()).update(numbers)
                found.since = min(found.since or hour, hour)
        for (cache, hour, group), buckets in own.latencies.items():
            if cache == name and hour >= begins:
                found.buckets.setdefault(group, Counter()).update(buckets)
    return found


def top_keys(alias: str = "default", *, number: int = 10, days: int = 1) -> list[TopKey]:
    """Return the keys that are read most, of groups that hold data.

    The numbers come from samples, one read in 32.

    Args:
        alias: a key of CACHES that is an adaptive cache.
        number: how many.
        days: how many days (UTC) to look back, the present one included.
    """
    name, first = _name(alias), _this_hour().date() - timedelta(days=days - 1)
    found: Counter[tuple[str, str]] = Counter()
    with stats.collected() as own:
        try:
            # Some more: what this process has not handed over yet may change their order.
            with kept.reading():
                for group, key, reads in kept.keys(name, first, number + kept.MOST_KEYS):
                    found[group, key] += reads
        except Exception:  # noqa: BLE001
            # As above; `statistics()` says what is wrong.
            found.clear()
        for (cache, hour, group), keys in own.keys.items():
            if cache == name and hour.date() >= first:
                for key, reads in keys.items():
                    found[group, key] += reads
    shown = [(place, reads) for place, reads in found.most_common() if not is_protected(place[0])]
    return [TopKey(key, group, reads) for (group, key), reads in shown[:number]]


def _name(alias: str) -> str:
    return cast(AdaptiveCache, caches[alias]).space.alias


def _this_hour() -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


def _sum(parts: Iterator[Counter[Any]]) -> Counter[Any]:
    total: Counter[Any] = Counter()
    for part in parts:
        total.update(part)
    return total


def _counts(numbers: Counter[str]) -> Counts:
    return Counts(**{kind: numbers[kind] for kind in kept.KINDS})


def _latency(buckets: Counter[int]) -> Latency:
    return Latency(*(histogram.percentile(buckets, share) for share in (0.5, 0.95, 0.99)))


# --- Hours in a time zone ---


def label(hour: datetime, zone: ZoneInfo) -> str:
    """Return how *hour* is written in a zone, ``14:00``; with the zone's name where it comes twice a day."""
    local = hour.astimezone(zone)
    is_twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return local.strftime("%H:%M %Z" if is_twice else "%H:%M")


def hours_of(day: date, zone: ZoneInfo) -> list[datetime]:
    """Return the hours (UTC) that begin within a day of a zone: 24, or 23 or 25 when its clocks change."""
    start = datetime.combine(day, clock.min, zone).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), clock.min, zone).astimezone(UTC)
    hour = start.replace(minute=0)
    hour = hour if hour == start else hour + _HOUR
    found = []
    while hour < end:
        found.append(hour)
        hour += _HOUR
    return found
