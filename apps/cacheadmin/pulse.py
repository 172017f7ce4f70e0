"""Whether a Redis still is where it was: a number beside the generations that only grows there.

Each machine has one of its own on each server, and raises it about once a second. Where it is found
lower than it was, or gone, the server has come back from an older snapshot, or a replica that had
heard less has taken its place: what was changed since then is read as it was before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cacheadmin import conf
from cacheadmin.engines.redis import RedisEngine, as_number
from cacheadmin.shared import MACHINE, SharedState


@dataclass(frozen=True)
class Pulse:
    """The pulses of this machine under one namespace.

    Args:
        words: where the workers of this machine remember what they were: beside each, when that was.
        cells: of each, by its name.
        known: what each was at least, before it is asked for.
    """

    words: SharedState
    cells: Mapping[str, int]
    known: Mapping[str, int]

    def has_gone_back(self, found: Sequence[bytes | None]) -> bool:
        """Whether some number that was *found* is lower than it was; what it was is forgotten then."""
        gone = [
            name
            for name, data in zip(self.cells, found, strict=True)
            if (as_number(data) or 0) < self.known[name]
        ]
        for name in gone:
            self.words.cells[self.cells[name] + 1] = 0
        return bool(gone)

    def beat(self, engine: RedisEngine) -> None:
        """Raise the numbers, unless some worker of this machine has a moment ago."""
        pause = conf.get("REFRESH_INTERVAL")
        due = [name for name, cell in self.cells.items() if self.words.claim(cell, pause)]
        for name, number in zip(due, engine.raise_numbers(due) if due else (), strict=True):
            cell = self.cells[name] + 1
            with self.words.lock():
                self.words.cells[cell] = max(self.words.cells[cell], number)


def of(engine: RedisEngine, words: SharedState, namespace: str) -> Pulse:
    """Return the pulses of this machine under *namespace* on the servers of *engine*.

    Args:
        engine: the way to them.
        words: the shared state of this machine, which has a name of its own there.
        namespace: what the keys of the cache begin with.
    """
    names = engine.names_everywhere(f"{namespace}:pulse:{words.read(MACHINE):x}:")
    # Where all slots are taken there is none for this, and nothing would be known of it.
    cells = {name: words.generation_cell("", name) for name in names if words.has_slot("", name)}
    return Pulse(words, cells, {name: words.cells[cell + 1] for name, cell in cells.items()})
