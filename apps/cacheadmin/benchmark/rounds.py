"""Bursts of one operation on one engine, each call timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from cacheadmin.benchmark.arms import Arm
from cacheadmin.benchmark.payloads import Payloads

HIT, MISS, SET, INCR = "hit", "miss", "set", "incr"
OPERATIONS = (HIT, MISS, SET, INCR)

# By engine and operation: a list for each round, of the microseconds that each call took.
Samples = dict[tuple[str, str], list[list[float]]]


def prepare(arm: Arm, payloads: Payloads) -> None:
    """Store what is read later.

    Raises:
        EngineUnavailable: it cannot.
    """
    for number, value in enumerate(payloads.values):
        arm.engine.set(arm.key(f"hit{number}"), value, arm.life)
    arm.engine.set(arm.key(INCR), 1, arm.life)


def play(arm: Arm, operation: str, payloads: Payloads, chosen: Sequence[int], samples: Samples) -> None:
    """Do *operation* once for each value in *chosen*, and note how long each took.

    Raises:
        EngineUnavailable: the engine is lost.
    """
    calls = [_call(arm, operation, payloads, number) for number in chosen]
    taken = []
    for call in calls:
        began = time.perf_counter_ns()
        call()
        taken.append((time.perf_counter_ns() - began) / 1000)
    samples.setdefault((arm.engine.name, operation), []).append(taken)


def clean(arm: Arm, payloads: Payloads) -> None:
    """Remove all that was stored.

    Raises:
        EngineUnavailable: the engine is lost.
    """
    numbers = range(len(payloads.values))
    names = [INCR, *(f"hit{number}" for number in numbers), *(f"set{number}" for number in numbers)]
    arm.engine.delete_many([arm.key(name) for name in names])


def _call(arm: Arm, operation: str, payloads: Payloads, number: int) -> Callable[[], object]:
    engine, value, life = arm.engine, payloads.values[number], arm.life
    if operation == HIT:
        key = arm.key(f"hit{number}")
        return lambda: engine.get(key)
    if operation == MISS:
        key = arm.key(f"miss{number}")
        return lambda: engine.get(key)
    if operation == SET:
        key = arm.key(f"set{number}")
        return lambda: engine.set(key, value, life)
    key = arm.key(INCR)
    return lambda: engine.incr(key, 1)
