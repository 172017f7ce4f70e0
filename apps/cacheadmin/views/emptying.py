"""What it means to empty a cache: how many entries go, and how long the site is slower."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cacheadmin import groups, refill, warmup
from cacheadmin.holdings import holdings
from cacheadmin.statistics import statistics


@dataclass(frozen=True)
class Emptying:
    """What goes.

    Args:
        entries: how many; ``None`` where they cannot be counted.
        is_exact: whether they were counted, and not estimated.
        groups: the same for each group.
        seconds: until they are there again, about; ``None`` where nothing tells.
    """

    entries: int | None
    is_exact: bool
    groups: Mapping[str, int] | None
    seconds: float | None

    def context(self) -> dict[str, Any]:
        """Return what ``emptied.html`` shows."""
        return {
            "entries": self.entries,
            "is_exact": self.is_exact,
            "slower": refill.in_words(self.seconds),
        }


def emptying(alias: str, names: Sequence[str] | None = None) -> Emptying:
    """Return what goes, as far as can be seen within half a second.

    Args:
        alias: the cache.
        names: the groups that are emptied; ``None`` for all there is.
    """
    found = holdings(alias)
    held = None if found.groups is None else {name: one.entries for name, one in found.groups.items()}
    every = [group.name for group in groups.every()] if names is None else list(names)
    entries = None if held is None else sum(held.get(name, 0) for name in every)
    if names is None and found.is_exact:
        entries = found.entries
    counted = statistics(alias, hours=24)
    return Emptying(
        entries=entries,
        is_exact=found.is_complete or (names is None and found.is_exact),
        groups=held,
        seconds=refill.refill_time(alias, every, held, counted, warmup.progress(alias)),
    )
