"""How fast the engines are that this host offers, measured beside the live cache and without touching it.

Rounds of short bursts, in a new random order each time, so that what disturbs the machine disturbs
all engines alike. A round gives one median for each engine and operation; what is told of them
comes from these medians (``judging``), and a winner is named only where the intervals leave no doubt.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cacheadmin.benchmark import words
from cacheadmin.benchmark.arms import Arm, Reached, open_arms
from cacheadmin.benchmark.judging import MIX, SHARED, Measurement, Ruling, judge, mixed, summed_up
from cacheadmin.benchmark.payloads import Payloads, payloads_of
from cacheadmin.benchmark.rounds import OPERATIONS, Samples, clean, play, prepare
from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.space import Space

__all__ = ["LONGEST", "MIX", "OPERATIONS", "SHARED", "Measurement", "Progress", "Result", "run"]

# Seconds that a benchmark may take: what it stores lives a little longer than that.
LONGEST = 300.0
# One to warm up, and one that counts.
_FEWEST_ROUNDS = 2


@dataclass(frozen=True)
class Progress:
    """How far a benchmark is: seconds passed, seconds in all, rounds done."""

    passed: float
    seconds: float
    rounds: int


@dataclass(frozen=True)
class Result:
    """What a benchmark has measured.

    Args:
        seconds: it took.
        rounds: that counted.
        payloads: the values that were stored.
        reached: the engines of this host, and why one was left out.
        measurements: by engine and operation.
        rulings: by operation; ``mix`` for all of them, ``shared`` for the engines that workers share.
    """

    seconds: float
    rounds: int
    payloads: Payloads
    reached: tuple[Reached, ...]
    measurements: tuple[Measurement, ...]
    rulings: dict[str, Ruling]

    def as_json(self) -> dict[str, Any]:
        """Return what ``manage.py cache benchmark --json`` prints."""
        return {
            "seconds": round(self.seconds, 1),
            "rounds": self.rounds,
            "payload": self.payloads.as_json(),
            "engines": [one.as_json() for one in self.reached],
            "results": [one.as_json() for one in self.measurements],
            "verdicts": {operation: ruling.as_json() for operation, ruling in self.rulings.items()},
            "advice": self.advice,
        }

    @property
    def advice(self) -> list[str]:
        """What the figures do not say, in the active language."""
        return words.advice([one.engine for one in self.reached if one.is_measured])


def run(
    space: Space,
    seconds: float = 5.0,
    tell: Callable[[Progress], None] = lambda progress: None,
    order: random.Random | None = None,
) -> Result:
    """Measure the engines that a cache could use.

    Whatever interrupts it (Ctrl-C, or what *tell* raises), nothing of it stays behind.

    Args:
        space: the cache; only its Redis, its directory and the sizes of its values are of interest.
        seconds: to measure, up to ``LONGEST``.
        tell: called after each round.
        order: what shuffles.

    Raises:
        ValueError: *seconds* is out of range.
    """
    if not 0 < seconds <= LONGEST:
        raise ValueError(f"A benchmark takes more than 0 and at most {LONGEST:.0f} seconds.")
    order = order or random.Random()  # noqa: S311 (an order of measurements is no secret)
    began = time.monotonic()
    payloads = payloads_of(space, order)
    with contextlib.ExitStack() as stack:
        arms, reached = open_arms(space, stack, life=int(seconds) + 60)
        for arm in arms:
            stack.callback(_clean, arm, payloads)
        samples = _measure(arms, payloads, order, Progress(0, seconds, 0), tell)
        reached += [Reached(arm.engine.name, arm.address, arm.failure) for arm in arms]
    measured = [one.engine for one in reached if one.is_measured]
    known = {key: rounds for key, rounds in samples.items() if key[0] in measured}
    measurements = tuple(summed_up(*key, rounds) for key, rounds in sorted(known.items()))
    rulings = {operation: judge(operation, measurements) for operation in OPERATIONS}
    rulings[MIX] = judge(MIX, mixed(known))
    rulings[SHARED] = judge(MIX, [one for one in mixed(known) if one.engine != "memory"])
    rounds = max((one.rounds for one in measurements), default=0)
    return Result(time.monotonic() - began, rounds, payloads, tuple(reached), measurements, rulings)


def _measure(
    arms: list[Arm],
    payloads: Payloads,
    order: random.Random,
    plan: Progress,
    tell: Callable[[Progress], None],
) -> Samples:
    samples: Samples = {}
    began, rounds = time.monotonic(), 0
    for arm in arms:
        _carefully(arm, prepare, payloads)
    while (passed := time.monotonic() - began) < plan.seconds or rounds < _FEWEST_ROUNDS:
        cells = [(arm, operation) for arm in arms for operation in OPERATIONS]
        order.shuffle(cells)
        # The same values for each engine.
        chosen = order.choices(range(len(payloads.values)), k=payloads.burst)
        # The first round is there to warm up.
        kept: Samples = samples if rounds else {}
        for arm, operation in cells:
            _carefully(arm, play, operation, payloads, chosen, kept)
        rounds += 1
        tell(Progress(min(passed, plan.seconds), plan.seconds, rounds))
    return samples


def _carefully(arm: Arm, action: Callable[..., None], *args: Any) -> None:
    """Do *action* with the arm unless its engine is lost; the others go on."""
    if arm.failure is None:
        try:
            action(arm, *args)
        except EngineUnavailable as error:
            arm.failure = error.verdict


def _clean(arm: Arm, payloads: Payloads) -> None:
    # What an engine keeps that is lost just now ends by itself.
    with contextlib.suppress(EngineUnavailable):
        clean(arm, payloads)
