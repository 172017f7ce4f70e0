"""From times to words: medians, intervals, and whether one engine is faster beyond doubt."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from django.utils.functional import Promise

from cacheadmin.benchmark import words
from cacheadmin.benchmark.rounds import HIT, INCR, MISS, SET, Samples
from cacheadmin.verdicts import ENGINE_LABELS

# What a site does: of 100 operations 80 find something, 10 do not, 9 store and one counts.
WEIGHTS = {HIT: 0.80, MISS: 0.10, SET: 0.09, INCR: 0.01}
MIX = "mix"
# The same, without the memory that each worker has for itself.
SHARED = "shared"
_CONFIDENCE = 0.95
# Nobody notices less.
_WORTH_TELLING = 1.10


@dataclass(frozen=True)
class Measurement:
    """One operation on one engine, in microseconds.

    Args:
        engine: its name.
        operation: its name.
        median: the median of the rounds' medians.
        p95: the median of the rounds' 95th percentiles.
        low: where the median lies with a confidence of 95 %: from here
        high: to here. Infinitely wide where there are too few rounds.
        rounds: how many there were.
        calls: how many calls were timed.
    """

    engine: str
    operation: str
    median: float
    p95: float
    low: float
    high: float
    rounds: int
    calls: int

    @property
    def engine_label(self) -> Promise:
        """The engine, in the words people read."""
        return ENGINE_LABELS[self.engine]

    @property
    def label(self) -> Promise:
        """The operation, in the words people read."""
        return words.OPERATION_LABELS[self.operation]

    def as_json(self) -> dict[str, Any]:
        """Return it for programs; ``null`` for an interval that cannot be told."""
        is_known = math.isfinite(self.high)
        return {
            "engine": self.engine,
            "operation": self.operation,
            "median_us": round(self.median, 2),
            "p95_us": round(self.p95, 2),
            "low_us": round(self.low, 2) if is_known else None,
            "high_us": round(self.high, 2) if is_known else None,
            "rounds": self.rounds,
            "calls": self.calls,
        }


@dataclass(frozen=True)
class Ruling:
    """Who is the fastest in one operation.

    Args:
        operation: its name.
        winner: the engine that is faster beyond doubt; empty where there is none.
        close: the engines among which there is no meaningful difference, the fastest first.
        times: how many times as long the next one takes.
    """

    operation: str
    winner: str
    close: tuple[str, ...]
    times: float

    @property
    def sentence(self) -> str:
        """The verdict in words, in the active language."""
        return words.sentence(self.winner, self.times, self.close)

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "winner": self.winner or None,
            "no_meaningful_difference": list(self.close),
            "times": round(self.times, 2) if self.winner else None,
            "sentence": self.sentence,
        }


def summed_up(engine: str, operation: str, rounds: Sequence[Sequence[float]]) -> Measurement:
    """Return what the *rounds* of calls, in microseconds, come to."""
    medians = [median(calls) for calls in rounds]
    tails = [percentile(calls, 0.95) for calls in rounds]
    low, high = interval(medians)
    calls = sum(map(len, rounds))
    return Measurement(engine, operation, median(medians), median(tails), low, high, len(rounds), calls)


def mixed(samples: Samples) -> tuple[Measurement, ...]:
    """Return what a usual mix of operations takes on each engine, round by round."""
    found = []
    for engine in dict.fromkeys(name for name, _ in samples):
        by_operation = [
            [WEIGHTS[operation] * median(calls) for calls in samples[engine, operation]]
            for operation in WEIGHTS
            if (engine, operation) in samples
        ]
        if len(by_operation) == len(WEIGHTS):
            sums = [sum(parts) for parts in zip(*by_operation, strict=False)]
            found.append(summed_up(engine, MIX, [[one] for one in sums]))
    return tuple(found)


def judge(operation: str, measurements: Iterable[Measurement]) -> Ruling:
    """Return who is the fastest in *operation*, if the intervals leave no doubt and it is worth telling."""
    ranked = sorted((one for one in measurements if one.operation == operation), key=lambda one: one.median)
    if not ranked:
        return Ruling(operation, "", (), 1.0)
    first, others = ranked[0], ranked[1:]
    close = [one for one in others if one.low <= first.high or one.median < first.median * _WORTH_TELLING]
    if close or not others:
        return Ruling(operation, "", (first.engine, *(one.engine for one in close)), 1.0)
    return Ruling(operation, first.engine, (), others[0].median / first.median)


def interval(values: Sequence[float], confidence: float = _CONFIDENCE) -> tuple[float, float]:
    """Return between which of *values* the true median lies, whatever they are distributed like.

    By order statistics: each value is above the median as often as not, so how many are is binomial.

    Args:
        values: independent measurements.
        confidence: how often the interval shall hold it, at least.
    """
    ordered, count = sorted(values), len(values)
    cut, below = 0, 0.0
    while cut < count / 2:
        below += math.comb(count, cut) / 2**count
        if 2 * below > 1 - confidence:
            break
        cut += 1
    if not cut:
        return -math.inf, math.inf
    return ordered[cut - 1], ordered[count - cut]


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest of *values* that at least this *share* of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
