"""The generations of one cache, as its machines tell them to each other by Redis."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from cacheadmin import ownership, pulse, shared, signals
from cacheadmin.engines.redis import RedisEngine, as_number
from cacheadmin.plan import Code
from cacheadmin.shared import SharedState

logger = logging.getLogger("cacheadmin")

# The cells of some groups in the shared state, by their names.
Cells = dict[str, int]


class Exchange:
    """What stands beside the keys of one cache in Redis, and in the shared state of this machine.

    Args:
        words: the shared state.
        namespace: what the keys of the cache begin with.
        groups: the names of its groups.
    """

    def __init__(
        self, words: SharedState, namespace: Callable[[], str], groups: Callable[[], Iterable[str]]
    ) -> None:
        self._words = words
        self._namespace = namespace
        self._groups = groups

    def name_of(self, group: str) -> str:
        """Return the key of the generation of *group*."""
        return f"{self._namespace()}:generation:{group}"

    def all(self, engine: RedisEngine) -> None:
        """Exchange all generations, and make sure that the keys are ours and where they were.

        Raises:
            EngineUnavailable: they are another installation's, or Redis does not answer.
        """
        words, namespace = self._words, self._namespace()
        cells = {name: words.generation_cell(namespace, name) for name in self._groups()}
        beats = pulse.of(engine, words, namespace)
        names = [ownership.name_of_note(namespace), *beats.cells, *map(self.name_of, cells)]
        note, *rest = engine.read_notes(names)
        ownership.require(engine, namespace, note)
        found, numbers = rest[: len(beats.cells)], rest[len(beats.cells) :]
        # On the way back to Redis everything begins anew anyway, and only once.
        if beats.has_gone_back(found) and words.read(shared.ACTIVE) == Code.REDIS:
            logger.warning("Redis has come back with an older state; the cache is emptied.")
            words.advance_all()
            signals.send("restored", detail="redis")
        self._push(engine, cells, self._adopt(cells, map(as_number, numbers)))
        beats.beat(engine)

    def look_behind(self, engine: RedisEngine) -> bool:
        """Find out what stands behind a new connection; return whether keys are others since then."""
        cells = self._words.cells
        epoch = cells[shared.EPOCH]
        self.all(engine)
        return cells[shared.EPOCH] != epoch

    def share(self, engine: RedisEngine, cells: Cells) -> None:
        """Exchange the generations in *cells*."""
        self._push(engine, cells, self.adopt(engine, cells))

    def adopt(self, engine: RedisEngine, cells: Cells) -> dict[str, int | None]:
        """Take over what is later on Redis, and return what is there."""
        return self._adopt(cells, engine.read_numbers(map(self.name_of, cells)))

    def _adopt(self, cells: Cells, numbers: Iterable[int | None]) -> dict[str, int | None]:
        remote = dict(zip(cells, numbers, strict=True))
        for name, cell in cells.items():
            self._words.adopt(cell, remote[name] or 0)
        return remote

    def _push(self, engine: RedisEngine, cells: Cells, remote: dict[str, int | None]) -> None:
        for name, cell in cells.items():
            ours = self._words.generation(cell) or self._words.begin(cell)
            if ours > (remote[name] or shared.UNTOUCHED):
                engine.write_number(self.name_of(name), ours)
