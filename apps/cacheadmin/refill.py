"""How long a site is slower after its cache was emptied, estimated from what was measured on it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

from django.utils.translation import ngettext

from cacheadmin import warmers
from cacheadmin.statistics import Statistics
from cacheadmin.warm_progress import Progress

# Seconds until a warm-up has begun, and what an estimate is rounded up to.
_BEGINS_AFTER = 2.0
_STEPS = (5, 10, 20, 30, 40, 50, 60)
# Longer than that nothing can be foreseen.
_LONGEST = 3600.0


def refill_time(
    alias: str,
    names: Collection[str],
    held: Mapping[str, int] | None,
    counted: Statistics,
    last: Progress | None,
) -> float | None:
    """Return the seconds after which the groups *names* hold again what they hold now, about.

    What has a warmer takes what its last run took. All else comes back as it is asked for: when there have
    been as many reads as there are entries.

    Args:
        alias: the cache.
        names: the groups that are emptied.
        held: entries of each group; ``None`` where they cannot be listed.
        counted: of the last hours.
        last: the last warm-up.

    Returns:
        ``None`` where nothing was measured that would tell.
    """
    if held is None:
        return None
    filled = [name for name in names if held.get(name)]
    warmed = set(last.groups) & {warmer.group for warmer in warmers.of(alias)} if last else set()
    times = [
        _warming(last, [name for name in filled if name in warmed]),
        _asking([name for name in filled if name not in warmed], held, counted),
    ]
    known = [seconds for seconds in times if seconds is not None]
    return min(max(known), _LONGEST) if known else None


def _warming(last: Progress | None, names: Collection[str]) -> float | None:
    """Return how long a warm-up takes, which fills one group after the other."""
    return _BEGINS_AFTER + sum(last.groups[name].seconds for name in names) if last and names else None


def _asking(names: Collection[str], held: Mapping[str, int], counted: Statistics) -> float | None:
    """Return in which time there are as many reads as entries; hours are counted, so it takes a whole one."""
    reads = sum(counted.groups[name].lookups for name in names if name in counted.groups)
    begins = max(counted.begins, counted.since or counted.begins)
    passed = datetime.now(UTC) - begins
    if not reads or passed < timedelta(hours=1):
        return None
    return sum(held[name] for name in names) * passed.total_seconds() / reads


def in_words(seconds: float | None) -> str:
    """Return a round number of seconds or minutes, such as ``40 s``; empty where it is not known."""
    if seconds is None:
        return ""
    for step in _STEPS:
        if seconds <= step:
            return ngettext("%(number)d s", "%(number)d s", step) % {"number": step}
    minutes = -int(-seconds // 60)
    return ngettext("%(number)d minute", "%(number)d minutes", minutes) % {"number": minutes}
