"""What the page shows of the use of a cache: a row for each hour, with what happened in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import formats, timezone

from cacheadmin.models import CacheEvent
from cacheadmin.statistics import Counts, Latency, Statistics, is_protected, label

DAY, WEEK = 24, 168
# What explains a bend of the line.
MARKED = ("clear", "switch", "outage", "return", "choice", "rollback", "undone", "restored")


@dataclass(frozen=True)
class HourRow:
    """One hour.

    Args:
        hour: its beginning.
        label: that in the time zone, as people write it.
        counts: what was done in it.
        events: what happened in it, in words.
    """

    hour: datetime
    label: str
    counts: Counts
    events: tuple[str, ...]

    @property
    def percent(self) -> float | None:
        """The hit rate in percent."""
        return None if self.counts.hit_rate is None else 100 * self.counts.hit_rate


@dataclass(frozen=True)
class Figures:
    """What is shown of one cache, or of one group in it.

    Args:
        hours: how many are looked back.
        group: whose figures these are; empty for all that hold data.
        total: the sum.
        latency: of reads.
        rows: one for each hour, the oldest first.
        groups: names that can be chosen.
        problem: why something is missing, as the name of an error.
        since: from when on anything is kept.
        is_on: whether anything is counted.
        zone: the name of the time zone of the labels.
    """

    hours: int
    group: str
    total: Counts
    latency: Latency
    rows: tuple[HourRow, ...]
    groups: tuple[str, ...]
    problem: str
    since: datetime | None
    is_on: bool
    zone: str

    @property
    def percent(self) -> float | None:
        """The hit rate in percent."""
        return None if self.total.hit_rate is None else 100 * self.total.hit_rate


def figures(found: Statistics, events: Sequence[CacheEvent], hours: int, group: str) -> Figures:
    """Return what is shown.

    Args:
        found: the statistics of *hours*.
        events: of the same cache.
        hours: ``DAY`` or ``WEEK``.
        group: one of those that were used; empty for all that hold data.
    """
    zone = timezone.get_current_timezone()
    return Figures(
        hours=hours,
        group=group,
        total=found.groups.get(group, Counts()) if group else found.total,
        latency=found.latencies.get(group, Latency()) if group else found.latency,
        rows=tuple(_rows(found, events, group, zone, has_days=hours > DAY)),
        groups=tuple(name for name in found.groups if not is_protected(name)),
        problem=found.problem,
        since=found.since,
        is_on=found.is_on,
        zone=str(zone),
    )


def _rows(
    found: Statistics, events: Sequence[CacheEvent], group: str, zone: Any, *, has_days: bool
) -> list[HourRow]:
    happened: dict[datetime, Counter[str]] = {}
    for event in events:
        if event.kind in MARKED:
            hour = event.at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
            happened.setdefault(hour, Counter())[event.label] += 1
    counts = dict(found.by_hour()) if not group else _of_group(found, group)
    return [
        HourRow(
            hour=hour,
            label=_label(hour, zone, has_days=has_days),
            counts=sums,
            events=_in_words(happened.get(hour, Counter())),
        )
        for hour, sums in counts.items()
    ]


def _in_words(happened: Counter[str]) -> tuple[str, ...]:
    return tuple(words if times == 1 else f"{words} ({times})" for words, times in happened.items())


def _of_group(found: Statistics, group: str) -> dict[datetime, Counts]:
    counted = {one.hour: one.counts for one in found.hours if one.group == group}
    hour, end = found.begins, datetime.now(UTC)
    rows = {}
    while hour <= end:
        rows[hour] = counted.get(hour, Counts())
        hour += timedelta(hours=1)
    return rows


def _label(hour: datetime, zone: Any, *, has_days: bool) -> str:
    if not isinstance(zone, ZoneInfo):
        zone = ZoneInfo("UTC")
    clock = label(hour, zone)
    if not has_days:
        return clock
    return f"{formats.date_format(hour.astimezone(zone), 'D j')} {clock}"
