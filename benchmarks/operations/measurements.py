"""What was measured: for each case a figure per round, so that two cases can be compared round by round."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """One thing that is measured again and again.

    Attributes:
        peer: the name of what is measured.
        operation: what it does.
        size: bytes of a value, pickled, about.
        entries: how many are present.
        processes: how many do it at the same time.
    """

    peer: str
    operation: str
    size: int
    entries: int
    processes: int = 1


@dataclass
class Series:
    """Its figures, one per round.

    Attributes:
        calls: how many calls one round is the mean of.
        cpu: microseconds of CPU in the calling process, per call.
        wall: microseconds of the clock, per call.
        per_second: calls per second of all processes together; empty for one process.
    """

    calls: int = 0
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)


Measurements = dict[Case, Series]


def median(figures: Sequence[float]) -> float:
    """The middle one, or the mean of the two in the middle."""
    return statistics.median(figures)


def quantile(figures: Sequence[float], share: float) -> float:
    """The smallest figure that *share* of all do not exceed; always one that was measured."""
    ordered = sorted(figures)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
