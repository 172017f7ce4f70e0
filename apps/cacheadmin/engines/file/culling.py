"""Making room: what has ended goes first, then what was used longest ago.

The system notes when a file was last written, and now and then when it was last read; the engine
notes one read in sixteen. A large cache gives up a part of its fullest shard at a time, so that
nobody waits for long; a small one is looked at as a whole.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from cacheadmin.engines.file.place import Place
from cacheadmin.engines.file.shard import Found, Shard

# Up to so many entries, a cull takes the oldest of all, as Django's own backends do.
_WHOLE = 1024
# A process looks at the totals again when it has used this part of the room there was, so that
# as many processes together cannot go past a limit unseen.
_PROCESSES = 32
_LOOK_EVERY = 1.0
# What goes when there are too many bytes: until this part of the limit is free.
_SPARE = 8


@dataclass(frozen=True)
class Limits:
    """How big a cache may grow.

    Args:
        entries: at the most.
        size: in bytes, at the most.
        frequency: 1/n of what is looked at goes in a cull; 0 empties the cache.
    """

    entries: int
    size: int
    frequency: int


class Room:
    """How much this process may add before it has to look at the totals again."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._entries = 0.0
        self._size = 0.0
        self._until = 0.0

    def is_used_up(self, entries: int, size: int) -> bool:
        """Whether the totals have to be looked at, now that so much more is stored."""
        self._entries -= entries
        self._size -= size
        return self._entries < 0 or self._size < 0 or time.monotonic() > self._until

    def measure(self, entries: int, size: int) -> bool:
        """Take note of the totals; return whether they are within the limits."""
        self._entries = (self._limits.entries - entries) / _PROCESSES
        self._size = (self._limits.size - size) / _PROCESSES
        self._until = time.monotonic() + _LOOK_EVERY
        return entries <= self._limits.entries and size <= self._limits.size


def make_room(place: Place, limits: Limits, kept: str) -> None:
    """Cull until the cache is within its *limits*, sparing the file named *kept*."""
    entries, size = place.totals()
    if entries <= limits.entries and size <= limits.size:
        return
    # A little more than is needed, or the next value would begin all over again.
    goal = limits.size - limits.size // _SPARE if size > limits.size else limits.size
    # Each round empties a part of a shard, so this ends; others may fill it meanwhile.
    for _ in range(4 * place.count + 64):
        if entries > limits.entries and limits.entries <= _WHOLE:
            # The one that was just stored comes on top of what Django would have culled.
            wanted = max((entries - 1) // limits.frequency, entries - limits.entries)
            shards = every_shard(place)
            gone = cull(shards, wanted, size - goal, kept)
            if not gone:
                _count_anew(shards)
        else:
            gone = _cull_the_fullest(place, limits, kept, by_size=entries <= limits.entries)
        entries, size = place.estimate()
        if (entries <= limits.entries and size <= goal) or not gone:
            return


def every_shard(place: Place) -> list[Shard]:
    """Return the shards of *place* that have been used."""
    return [place.shard(number) for number, record in enumerate(place.records()) if any(record)]


def _cull_the_fullest(place: Place, limits: Limits, kept: str, *, by_size: bool) -> int:
    records = list(place.records())
    order = sorted(range(place.count), key=lambda number: records[number][by_size], reverse=True)
    for number in order:
        entries, size, _ = records[number]
        if not entries:
            continue
        wanted = 0 if by_size else max(1, entries // limits.frequency)
        excess = max(1, size // limits.frequency) if by_size else 0
        shard = place.shard(number)
        gone = cull([shard], wanted, excess, kept)
        if gone:
            return gone
        # It holds nothing but the file to be spared, or files have been removed behind its back.
        _count_anew([shard])
    return 0


def _count_anew(shards: Iterable[Shard]) -> None:
    for shard in shards:
        with shard:
            shard.doubt()
            shard.counts()


def cull(shards: Iterable[Shard], wanted: int, excess: int, kept: str) -> int:
    """Remove all that has ended, and beyond that as many entries and bytes as are *wanted*.

    Args:
        shards: where.
        wanted: how many entries.
        excess: how many bytes.
        kept: the name of a file to spare.

    Returns:
        how many entries are gone.
    """
    seen: list[tuple[Found, Shard]] = []
    for shard in shards:
        seen += [(found, shard) for found in shard.look() if found.name != kept]
    now = time.time()
    doomed: dict[Shard, list[Found]] = {}
    for found, shard in sorted(seen, key=lambda pair: _value(pair[0], now)):
        if not is_over(found, now) and wanted <= 0 and excess <= 0:
            break
        if found.size >= 0:
            wanted, excess = wanted - 1, excess - found.size
        doomed.setdefault(shard, []).append(found)
    gone = 0
    for shard, some in doomed.items():
        with shard:
            gone += shard.remove_each(some)[0]
    return gone


def is_over(found: Found, now: float) -> bool:
    """Whether nobody can read that file any more, or it never was an entry."""
    return found.size < 0 or (found.header.is_ours and abs(found.header.end) <= now)


def _value(found: Found, now: float) -> tuple[bool, float, float]:
    # The disk's clock is a coarse one: entries written within a few milliseconds differ in the header.
    return (not is_over(found, now), found.used, found.header.written)
