"""What is measured: values of which size, how many entries, by how many processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SMALL, USUAL, LARGE = 100, 2_000, 50_000

_SOME = ("get", "miss", "set", "incr", "add, delete")
_ALL = (*_SOME, "get_many", "set_many", "overhead", "@cached")
_TOGETHER = ("get", "set", "incr", "mix")


@dataclass(frozen=True)
class Scene:
    """Values of one size.

    Attributes:
        size: bytes of a value, pickled, about.
        alone: for each number of entries, what one process does.
        together: the same for several processes at once.
    """

    size: int
    alone: Mapping[int, tuple[str, ...]]
    together: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def levels(self) -> list[int]:
        """All numbers of entries."""
        return sorted({*self.alone, *self.together})


@dataclass(frozen=True)
class Plan:
    """A whole run.

    Attributes:
        scenes: one after the other, each with servers and directories of its own.
        rounds: in each, everything of a scene is measured once, in random order.
        seconds: of CPU in one measurement, about.
        rounds_together: the same for several processes.
        seconds_together: of one measurement of theirs.
        processes: how many these are.
        clears: for each family, the two numbers of entries whose clears are compared.
        rounds_of_clears: how often each of them is cleared.
    """

    scenes: tuple[Scene, ...]
    rounds: int
    seconds: float
    rounds_together: int
    seconds_together: float
    clears: Mapping[str, tuple[int, int]]
    rounds_of_clears: int
    processes: int = 4


FULL = Plan(
    scenes=(
        Scene(SMALL, {100: _ALL, 10_000: ("get", "set"), 100_000: ("get", "set")}, {200: ("mix",)}),
        Scene(
            USUAL,
            {100: _SOME, 200: ("get", "set"), 10_000: _ALL, 100_000: _SOME},
            {100: ("mix",), 200: _TOGETHER, 10_000: ("get", "mix"), 100_000: ("mix",)},
        ),
        # Ten thousand of these are half a gigabyte for each peer.
        Scene(LARGE, {100: _ALL, 2_000: _SOME}, {200: ("mix",)}),
    ),
    rounds=11,
    seconds=0.02,
    rounds_together=5,
    seconds_together=0.25,
    clears={"memory": (1_000, 100_000), "file": (1_000, 100_000), "redis": (1_000, 1_000_000)},
    rounds_of_clears=15,
)

QUICK = Plan(
    scenes=(
        Scene(SMALL, {100: ("get", "set", "incr", "overhead")}),
        Scene(USUAL, {100: ("set",), 200: ("get", "set"), 10_000: _ALL}, {200: ("mix",)}),
        Scene(LARGE, {100: ("get", "set")}),
    ),
    rounds=5,
    seconds=0.008,
    rounds_together=3,
    seconds_together=0.2,
    clears={"memory": (1_000, 20_000), "file": (1_000, 20_000), "redis": (1_000, 100_000)},
    rounds_of_clears=7,
)
