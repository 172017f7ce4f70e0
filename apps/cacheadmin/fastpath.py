"""What a handle remembers from one operation to the next, so that most need to find out nothing.

The engine that is live and the full keys of recent operations hold until anything changes that
could change them: an engine, a choice, a generation. All of those end one EPOCH of the shared
words and begin another, so one look at one number says whether what is remembered still holds.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import TYPE_CHECKING

from cacheadmin import groups, stats, watcher
from cacheadmin.engines.base import Engine
from cacheadmin.engines.off import OffEngine
from cacheadmin.shared import EPOCH

if TYPE_CHECKING:
    from cacheadmin.space import Space

# The words it was seen in, the EPOCH it was seen under, the live engine, full keys and
# where to count, by key.
Known = tuple[Sequence[int] | memoryview, int, Engine, MutableMapping[str, tuple[str, stats.Tally]]]

_NOTHING: Known = ([0] * (EPOCH + 1), 1, OffEngine(), {})
_MOST_KEYS = 4096


class FastPath:
    """The memory of all handles with one space, version, key function and group.

    Args:
        space: the cache they are handles of.
        group: the group that all their keys belong to, whatever they are; ``None`` where keys say it.
    """

    __slots__ = ("_group", "_space", "known")

    def __init__(self, space: Space, group: str | None) -> None:
        self._space = space
        self._group = group
        self.known = _NOTHING

    def forget(self) -> None:
        """Find everything out anew at the next operation."""
        self.known = _NOTHING

    def renew(self) -> Known:
        """Find out anew what is live, if what is known no longer holds, and return what is known."""
        cells, epoch, _engine, _names = self.known
        words = self._space.selector.words
        now = words.cells[EPOCH]
        if cells is words.cells and epoch == now:
            return self.known
        watcher.start()
        stats.begin()
        cells, engine = words.cells, self._space.engine(spared=groups.is_protected(self._group))
        if cells is not words.cells:
            # Meanwhile this process has gone over to another file.
            return _NOTHING
        # Odd: somebody is changing just now what was looked at. A choice that this process has not read
        # yet is not remembered either, since the next operation has to ask for it again.
        if now & 1 or cells[EPOCH] != now or self._space.selector.is_behind:
            return _NOTHING
        self.known = (cells, now, engine, {})
        return self.known

    def learn(self, known: Known, key: str, full_key: str, tally: stats.Tally) -> None:
        """Remember what was found out about *key* while *known* was known, if that still holds."""
        cells, epoch, _engine, names = known
        if cells[EPOCH] == epoch:
            if len(names) >= _MOST_KEYS:
                names.clear()
            names[key] = (full_key, tally)
