"""Files by their digests: read without a lock, changed under one, in a directory that may vanish."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from typing import TypeVar

from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.engines.file import place as places
from cacheadmin.engines.file.culling import Limits, Room, make_room
from cacheadmin.engines.file.directory import unavailable
from cacheadmin.engines.file.entry import FIRST_READ, read_on
from cacheadmin.engines.file.place import Place
from cacheadmin.engines.file.shard import IN_THE_WAY, READING, Gone, Shard
from cacheadmin.serializer import NotOurs
from cacheadmin.verdicts import Verdict

Result = TypeVar("Result")

_LARGEST = 1 << 29
# One read in so many is noted on the file, for the day when room has to be made.
_NOTED = 16
# How often an operation begins anew when the directory vanishes under it.
_TRIES = 5
# Seconds that emptying a cache may spend on removing files; the rest is left to the sweep.
_EMPTYING = 0.1


class Store:
    """The files of one cache, within their limits.

    Args:
        root: an absolute path.
        limits: how big it may grow.
    """

    def __init__(self, root: str, limits: Limits) -> None:
        self.root = root
        self._limits = limits
        self._largest = min(limits.size, _LARGEST)
        self._room = Room(limits)
        self._is_crowded = False
        self._place: Place | None = None
        self._reads = 0

    # --- The place ---

    def current(self) -> Place:
        """Return the place in force, a new one if need be.

        Raises:
            EngineUnavailable: there is none, and none can be made.
        """
        place = self._place
        if place is None or not place.looked <= time.time() < place.look_at:
            place = self._place = places.open_or_make(self.root, self._limits.entries)
        return place

    def existing(self) -> Place | None:
        """Return the place in force if there is one."""
        place = self._place
        if place is None or not place.looked <= time.time() < place.look_at:
            place = self._place = places.open_existing(self.root)
        return place

    def in_force(self) -> Place | None:
        """Return the place in force if there is one, even if it was emptied only a moment ago.

        Raises:
            EngineUnavailable: there was one, and it cannot be replaced.
        """
        place = self.existing()
        if place is not None and not place.index.is_in_force():
            # Whoever emptied it may have been killed before there was a new one.
            place = self._place = places.open_or_make(self.root, self._limits.entries)
        return place

    def empty(self) -> None:
        """Begin anew; the old files go at once, or, where they are many, with the next sweeps."""
        place = places.open_existing(self.root)
        if place is not None:
            self._replace(place)
            places.clear_away(self.root, time.monotonic() + _EMPTYING)

    def _replace(self, place: Place) -> None:
        """Have nobody use *place* any more: it was emptied, or shall be."""
        self._place = places.open_or_make(self.root, self._limits.entries, instead_of=place)

    # --- Reading ---

    def content(self, digest: str, now: float) -> bytes | None:
        """Return what a file holds, or ``None``; there is no lock, so it may be half of a change.

        Args:
            digest: its name.
            now: the present time, in seconds since 1970.

        Raises:
            NotOurs: something is in its place that cannot be read.
        """
        descriptor = self._open(digest, now)
        if descriptor < 0:
            return None
        try:
            self._reads += 1
            if not self._reads % _NOTED:
                _note(descriptor)
            content = os.read(descriptor, FIRST_READ)
            return content if len(content) < FIRST_READ else read_on(descriptor, content)
        except OSError as error:
            raise NotOurs from error
        finally:
            os.close(descriptor)

    def _open(self, digest: str, now: float) -> int:
        """Return a descriptor of a file, -1 if there is none."""
        place = self._place
        if place is None or not place.looked <= now < place.look_at:
            place = self.existing()
        while place is not None:
            try:
                return os.open(place.shard_of(digest).prefix + digest, READING)
            except FileNotFoundError:
                if place.index.is_in_force():
                    return -1
                # It was emptied a moment ago, and somebody may have stored something since.
                self._place = None
                place = self.existing()
            except OSError as error:
                if error.errno in IN_THE_WAY:
                    raise NotOurs from error
                return -1
        return -1

    def holds(self, digest: str) -> bool:
        """Whether there may be such a file.

        Raises:
            EngineUnavailable: nobody can tell.
        """
        place = self.existing()
        if place is None:
            return False
        try:
            os.lstat(place.shard_of(digest).prefix + digest)
        except FileNotFoundError:
            return not place.index.is_in_force()
        except OSError as error:
            raise unavailable(error) from error
        return True

    # --- Writing ---

    def change(self, digest: str, change: Callable[[Shard], Result]) -> Result:
        """Do *change* with the shard of a file locked, in a directory that is there.

        Raises:
            EngineUnavailable: it cannot be written, or somebody holds the lock for seconds.
        """
        for _ in range(_TRIES):
            place = self.current()
            try:
                with place.shard_of(digest) as shard:
                    result = change(shard)
            except Gone:
                self._replace(place)
            except OSError as error:
                raise unavailable(error) from error
            else:
                if self._is_crowded:
                    self._make_room(place, digest)
                return result
        raise EngineUnavailable(Verdict.NOT_WRITABLE, "the directory vanishes again and again")

    def put(self, shard: Shard, digest: str, content: bytes) -> None:
        """Store *content*; the lock of the *shard* is held."""
        if len(content) > self._largest:
            # Everything else would have to go, and it would not fit even then.
            shard.remove(digest)
            return
        entries, size = shard.store(digest, content)
        if (entries or size) and self._room.is_used_up(entries, size):
            # Made when the lock is given back: other shards may have to be locked for it.
            self._is_crowded = True

    def _make_room(self, place: Place, kept: str) -> None:
        self._is_crowded = False
        try:
            if self._room.measure(*place.estimate()):
                return
            if self._limits.frequency:
                make_room(place, self._limits, kept)
            else:
                self._empty_but_for(place, kept)
        except Gone:
            # Somebody else has emptied it: there is room enough.
            return
        except OSError as error:
            raise unavailable(error) from error

    def _empty_but_for(self, place: Place, kept: str) -> None:
        with place.shard_of(kept) as shard:
            content = shard.read(kept)
        self._replace(place)
        if content is not None:
            with self.current().shard_of(kept) as shard:
                shard.store(kept, content)


def _note(descriptor: int) -> None:
    with contextlib.suppress(OSError):
        os.utime(descriptor)
