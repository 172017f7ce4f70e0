"""Marks: a number for each thing that pages show, and every change of the thing makes it another one.

A mark is a word such as ``article:7``. Its number is a generation in the state that all workers of a
machine share, so whether a page still holds is a few looks at memory, and a change is in force at once
everywhere. There is room for 256 numbers of each kind (the part before the colon): things with one
number are refreshed together, which costs a computation and nothing else.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from cacheadmin.shared import EPOCH, UNTOUCHED
from cacheadmin.space import Space

# The group of all pages; its own generation is a mark of every page.
GROUP = "pages"
_NUMBERS_OF_A_KIND = 256

# What a page was made from: the names of its marks, each with the number it had then.
Held = tuple[tuple[str, int], ...]


class Snapshot(NamedTuple):
    """All numbers at one moment, and the words that they were read from."""

    cells: Sequence[int] | memoryview
    numbers: memoryview


class Marks:
    """The marks of one cache, as this process sees them.

    Args:
        space: the cache.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        # Where the marks are, as long as the same words and the same EPOCH are in force.
        self._known: tuple[object, int, dict[str, int]] = (None, 0, {})

    def snapshot(self) -> Snapshot | None:
        """Return all numbers as they are now; nothing while somebody is changing several of them."""
        cells = self._space.selector.words.cells
        epoch = cells[EPOCH]
        numbers = memoryview(cells.tobytes()).cast("Q")
        return None if epoch & 1 or cells[EPOCH] != epoch else Snapshot(cells, numbers)

    def held_since(self, snapshot: Snapshot | None, marks: Iterable[str]) -> Held | None:
        """Return *marks* with the numbers that they had in *snapshot*; nothing where that is not known."""
        held: dict[str, int] = {}
        words = self._space.selector.words
        for name in dict.fromkeys(map(name_of, marks)):
            cell = self._cell(name)
            if snapshot is None or words.cells is not snapshot.cells:
                return None
            # Where nobody had begun it: whether it has been changed since can still be told.
            held[name] = snapshot.numbers[cell] or words.begin_untouched(cell)
            if not snapshot.numbers[cell] and held[name] != UNTOUCHED:
                return None
        return tuple(held.items())

    def are_current(self, held: Held) -> bool:
        """Whether nothing of what is *held* has changed."""
        words = self._space.selector.words
        cells = words.cells
        known, epoch, places = self._known
        # As the loop below has it, without a call for each: each hit goes this way.
        if known is cells and epoch == cells[EPOCH]:
            try:
                for name, number in held:
                    if cells[places[name]] != number:
                        return False
            except KeyError:
                pass
            else:
                return words.cells is cells
        for name, number in held:
            if cells[self._cell(name)] != number:
                return False
        # In another file the places are others.
        return words.cells is cells

    def touch(self, marks: Iterable[str]) -> None:
        """Make another number of each of *marks*."""
        self._space.clear_groups(dict.fromkeys(map(name_of, marks)))

    def _cell(self, name: str) -> int:
        cells = self._space.selector.words.cells
        epoch = cells[EPOCH]
        known, seen, places = self._known
        if known is not cells or seen != epoch:
            places = {}
            self._known = (cells, epoch, places)
        cell = places.get(name)
        if cell is None:
            cell = places[name] = self._space.mark_cell(name)
        return cell


@lru_cache(maxsize=4096)
def name_of(mark: str) -> str:
    """Return the name of the number of *mark*."""
    if mark == GROUP:
        return GROUP
    kind, _colon, rest = mark.partition(":")
    return f"{GROUP}.{kind}.{zlib.crc32(rest.encode()) % _NUMBERS_OF_A_KIND}"
