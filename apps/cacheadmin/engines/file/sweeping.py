"""Giving back the room of what has ended, a little at a time and beside the requests."""

from __future__ import annotations

import contextlib
import os
import struct
import time
from collections.abc import Iterator

from cacheadmin.engines.file.culling import is_over
from cacheadmin.engines.file.entry import LIFE
from cacheadmin.engines.file.index import seal
from cacheadmin.engines.file.place import SWEEP_AT, Place, clear_away
from cacheadmin.engines.file.shard import Found, Shard

# when the next part is due, which shard it starts with
_STATE = struct.Struct("<dq")
_EVERY = 1.0
# All shards have had their turn after about so many calls.
_CALLS_PER_ROUND = 60
_BATCH = 16
# A stranger's file is left for a while: somebody may be looking into something.
_RUBBISH_LIFE = 3600.0


class Sweeper:
    """Goes round the shards of one cache; each call does a bounded part."""

    def __init__(self) -> None:
        self._place: Place | None = None
        self._part: Iterator[int] | None = None

    def sweep(self, place: Place, budget: float) -> bool:
        """Work for *budget* seconds at the most, if a part is due and nobody else is at it.

        Returns:
            whether something was due.
        """
        # One small read, nearly always: any process may ask, and as often as it likes.
        now = time.time()
        due, _ = _state(place)
        if now < due <= now + 2 * _EVERY:
            return False
        with place.sweeping() as is_alone:
            if not is_alone:
                return False
            due, cursor = _state(place)
            if now < due <= now + 2 * _EVERY:
                return False
            cursor = self._work(place, cursor, time.monotonic() + budget)
            os.pwrite(place.index.descriptor, _STATE.pack(time.time() + _EVERY, cursor), SWEEP_AT)
        return True

    def _work(self, place: Place, cursor: int, deadline: float) -> int:
        """Do a part, or go on with one that took too long; return where the next one begins."""
        clear_away(place.root, deadline)
        if self._part is None or self._place is not place:
            self._place, self._part = place, _sweep_some(place, cursor)
        for begun in self._part:
            cursor = begun
            if time.monotonic() > deadline:
                return cursor
        self._part = None
        return cursor


def _sweep_some(place: Place, cursor: int) -> Iterator[int]:
    """Sweep a few shards in small steps; yield where to begin if nobody goes on with it."""
    left = max(1, place.count // _CALLS_PER_ROUND)
    for number, record in _from(cursor % place.count, list(place.records())):
        if any(record):
            for _ in _sweep_one(place.shard(number), place):
                yield number
            yield (number + 1) % place.count
            left -= 1
        if not left:
            return


def _from(start: int, records: list[tuple[int, int, int]]) -> list[tuple[int, tuple[int, int, int]]]:
    numbered = list(enumerate(records))
    return numbered[start:] + numbered[:start]


def _sweep_one(shard: Shard, place: Place) -> Iterator[None]:
    """Remove from one shard what has ended; nobody waits while it is looked at."""
    before = list(place.records())[shard.number]
    entries = size = 0
    doomed: list[Found] = []
    for number, found in enumerate(shard.look(), 1):
        if found.size >= 0:
            entries, size = entries + 1, size + found.size
        if _is_useless(found, time.time()):
            doomed.append(found)
        if number % _BATCH == 0:
            _remove(shard, doomed)
            yield
    had_doomed = bool(doomed)
    _remove(shard, doomed)
    is_unchanged = not had_doomed and list(place.records())[shard.number] == before
    if is_unchanged and before != (entries, size, seal(entries, size)):
        # Somebody else has removed or changed files.
        with shard:
            shard.doubt()
            shard.counts()


def _remove(shard: Shard, doomed: list[Found]) -> None:
    if doomed:
        with shard:
            shard.remove_each(doomed)
        doomed.clear()


def _is_useless(found: Found, now: float) -> bool:
    if found.size < 0:
        return now - found.used > _RUBBISH_LIFE
    if found.header.is_ours:
        return is_over(found, now)
    # Another version's, or damaged: as long as what nobody reads may stay.
    return now - found.used > LIFE


def _state(place: Place) -> tuple[float, int]:
    with contextlib.suppress(OSError):
        raw = os.pread(place.index.descriptor, _STATE.size, SWEEP_AT)
        if len(raw) == _STATE.size:
            due, cursor = _STATE.unpack(raw)
            return due, abs(cursor)
    return 0.0, 0
