"""The hit rate of a group as a small line: points for an SVG, and the same in words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from cacheadmin.statistics import Statistics

WIDTH, HEIGHT = 96, 24
# As many points as can be told apart.
_POINTS = 24
_MARGIN = 2


@dataclass(frozen=True)
class Sparkline:
    """A line of hit rates.

    Args:
        rates: percents, the oldest first; ``None`` where nothing was read.
    """

    rates: tuple[float | None, ...]
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def lines(self) -> list[str]:
        """The points of each unbroken piece, as SVG writes them."""
        pieces: list[list[str]] = [[]]
        for index, rate in enumerate(self.rates):
            if rate is None:
                pieces.append([])
            else:
                pieces[-1].append(self._point(index, rate))
        # A single point is no line: it is drawn a little wide.
        return [" ".join(piece if len(piece) > 1 else [piece[0], piece[0]]) for piece in pieces if piece]

    @property
    def words(self) -> str:
        """What the line shows: its beginning, its lowest point and its end."""
        known = [rate for rate in self.rates if rate is not None]
        if not known:
            return ""
        first, lowest, last = (number_format(rate, 0) for rate in (known[0], min(known), known[-1]))
        return _("Hit rate: %(first)s %% at first, %(lowest)s %% at its lowest, %(last)s %% lately.") % {
            "first": first,
            "lowest": lowest,
            "last": last,
        }

    def _point(self, index: int, rate: float) -> str:
        x = _MARGIN + index * (self.width - 2 * _MARGIN) / max(1, len(self.rates) - 1)
        y = self.height - _MARGIN - rate * (self.height - 2 * _MARGIN) / 100
        return f"{x:.1f},{y:.1f}"


def sparklines(counted: Statistics) -> dict[str, Sparkline]:
    """Return a line for each group that was read.

    Args:
        counted: of some hours.
    """
    length = max(1, -(-_hours(counted) // _POINTS))
    places = -(-_hours(counted) // length)
    sums: dict[str, list[Counter[str]]] = {}
    for one in counted.hours:
        place = int((one.hour - counted.begins) / timedelta(hours=1)) // length
        row = sums.setdefault(one.group, [Counter() for _place in range(places)])
        row[min(place, places - 1)].update(hits=one.counts.hits, reads=one.counts.lookups)
    return {
        name: Sparkline(tuple(100 * one["hits"] / one["reads"] if one["reads"] else None for one in row))
        for name, row in sums.items()
        if any(one["reads"] for one in row)
    }


def _hours(counted: Statistics) -> int:
    return int((datetime.now(UTC) - counted.begins) / timedelta(hours=1)) + 1
