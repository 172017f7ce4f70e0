"""The loops that are measured: nothing in them but the call.

Each operation returns its parts, to be run and timed one after the other. Keys are drawn before,
so that the clock sees no random number; the loop itself, about 0.02 µs, is in everybody's figure.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks.operations import filling
from benchmarks.operations.drivers import Driver, adaptive, uncounted_get
from benchmarks.operations.peers import Peer
from cacheadmin import cached
from cacheadmin.backend import AdaptiveCache

MANY = 20
# Of so many calls in the mix one is a write: exactly, however few they are.
READS_AND_A_WRITE = 10
# Results of @cached are computed once each: more of them would measure the computing.
_RESULTS = 100

Parts = dict[str, Callable[[], None]]


@dataclass(frozen=True)
class Ground:
    """What an operation is done on."""

    peer: Peer
    driver: Driver
    entries: int
    values: Sequence[object]
    chance: random.Random

    def present(self, count: int) -> list[str]:
        """Keys of entries that are there, in random order."""
        return [
            self.driver.name(filling.key(number))
            for number in self.chance.choices(range(self.entries), k=count)
        ]

    def some_values(self, count: int) -> list[object]:
        """Values as they come."""
        return self.chance.choices(self.values, k=count)


def get(ground: Ground, count: int) -> Parts:
    """Read what is there."""
    return {"get": _each(ground.driver.get, ground.present(count))}


def miss(ground: Ground, count: int) -> Parts:
    """Read what is not there."""
    numbers = ground.chance.choices(range(ground.entries), k=count)
    absent = [ground.driver.name(f"content:nowhere:{number:07d}") for number in numbers]
    return {"miss": _each(ground.driver.get, absent)}


def set_(ground: Ground, count: int) -> Parts:
    """Write over what is there."""
    call = ground.driver.set
    pairs = list(zip(ground.present(count), ground.some_values(count), strict=True))

    def run() -> None:
        for key, value in pairs:
            call(key, value)

    return {"set": run}


def incr(ground: Ground, count: int) -> Parts:
    """Count."""
    call = ground.driver.incr
    numbers = ground.chance.choices(range(filling.COUNTERS), k=count)
    names = [ground.driver.name(filling.counter(number)) for number in numbers]

    def run() -> None:
        for name in names:
            call(name, 1)

    return {"incr": run}


def add_and_delete(ground: Ground, count: int) -> Parts:
    """Store new entries, and remove them: afterwards there are as many as before."""
    call = ground.driver.add
    numbers = ground.chance.sample(range(ground.entries, ground.entries + 10 * count), count)
    names = [ground.driver.name(filling.key(number)) for number in numbers]
    pairs = list(zip(names, ground.some_values(count), strict=True))

    def run() -> None:
        for key, value in pairs:
            call(key, value)

    ground.chance.shuffle(names)
    return {"add": run, "delete": _each(ground.driver.delete, names)}


def get_many(ground: Ground, count: int) -> Parts:
    """Read twenty at once."""
    call = ground.driver.get_many
    if call is None:
        return {}
    lists = [ground.present(MANY) for _ in range(count)]
    return {f"get_many {MANY}": _each(call, lists)}


def set_many(ground: Ground, count: int) -> Parts:
    """Write over twenty at once."""
    call, pack = ground.driver.set_many, ground.driver.pack
    if call is None:
        return {}
    lots = [
        pack(dict(zip(ground.present(MANY), ground.some_values(MANY), strict=True))) for _ in range(count)
    ]
    return {f"set_many {MANY}": _each(call, lots)}


def mix(ground: Ground, count: int) -> Parts:
    """Nine reads for each write, in random order; *count* is a multiple of ten."""
    read, write = ground.driver.get, ground.driver.set
    writes = ground.some_values(count // READS_AND_A_WRITE)
    drawn = list(zip(ground.present(count), [*writes, *[None] * (count - len(writes))], strict=True))
    ground.chance.shuffle(drawn)

    def run() -> None:
        for key, value in drawn:
            if value is None:
                read(key)
            else:
                write(key, value)

    return {"90 % reads": run}


def overhead(ground: Ground, count: int) -> Parts:
    """The same reads through the handle, without its counting, by the engine alone; and the key alone."""
    if ground.peer.way != "handle":
        return {}
    handle = adaptive(ground.peer, ground.entries)
    keys = ground.present(count)
    full = [handle.full_key(key) for key in keys]
    parts = [
        ("get by handle", _each(handle.get, keys)),
        ("get uncounted", _each(partial(uncounted_get, handle), keys)),
        ("get counted", _each(partial(AdaptiveCache.get, handle), keys)),
        ("get by engine", _each(handle.space.engine().get, full)),
        ("key", _each(handle.make_and_validate_key, keys)),
    ]
    ground.chance.shuffle(parts)
    return dict(parts)


def cached_hit(ground: Ground, count: int) -> Parts:
    """Call a function whose result is kept."""
    if ground.peer.way != "handle":
        return {}
    values = ground.values

    def article(number: int) -> object:
        return values[number % len(values)]

    kept = cached("content", alias=ground.peer.alias(ground.entries))(article)
    numbers = ground.chance.choices(range(min(_RESULTS, ground.entries)), k=count)
    for number in set(numbers):
        kept(number)
    return {"@cached hit": _each(kept, numbers)}


OPERATIONS: dict[str, Callable[[Ground, int], Parts]] = {
    "get": get,
    "miss": miss,
    "set": set_,
    "incr": incr,
    "add, delete": add_and_delete,
    "get_many": get_many,
    "set_many": set_many,
    "mix": mix,
    "overhead": overhead,
    "@cached": cached_hit,
}


def least(operation: str) -> int:
    """How many calls there are at the least; all others are a multiple of it."""
    return READS_AND_A_WRITE if operation == "mix" else 1


def parts(ground: Ground, operation: str, count: int) -> Parts:
    """What to run for *count* times of *operation*; empty where the peer has no such thing."""
    return OPERATIONS[operation](ground, count)


def _each(call: Callable[..., object], arguments: Sequence[object]) -> Callable[[], None]:
    def run() -> None:
        for argument in arguments:
            call(argument)

    return run
