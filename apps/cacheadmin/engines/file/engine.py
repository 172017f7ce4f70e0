"""The file engine: what Django's cache does, on hashed directories of checked files."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from cacheadmin.engines.base import KEEP, MISSING, Contents, Engine, EngineUnavailable
from cacheadmin.engines.file.culling import Limits, every_shard, is_over
from cacheadmin.engines.file.directory import check_directory, unavailable
from cacheadmin.engines.file.entry import (
    HEADER_SIZE,
    Entry,
    digest_of,
    end_after,
    name_of,
    pack,
    unpack,
    wants_renewal,
)
from cacheadmin.engines.file.shard import IN_THE_WAY, Gone, Shard
from cacheadmin.engines.file.store import Store
from cacheadmin.engines.file.sweeping import Sweeper
from cacheadmin.serializer import NotOurs, OtherFormat, Serializer
from cacheadmin.verdicts import Verdict

Result = TypeVar("Result")

MAX_BYTES = 512 * 1024 * 1024
_PROBE_SIZE = 16_384


class FileEngine(Engine):
    """Entries in files, shared by all workers of a machine, without any server.

    Args:
        directory: where this cache's entries live; nobody else may write there.
        serializer: what signs the values.
        max_entries: how many entries it holds at the most.
        cull_frequency: 1/n of what is culled from goes; 0 empties the cache.
        max_bytes: how many bytes its files have together at the most.
    """

    name = "file"
    is_shared = True

    def __init__(
        self,
        directory: Path,
        serializer: Serializer,
        max_entries: int,
        cull_frequency: int,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self._serializer = serializer
        limits = Limits(max(1, max_entries), max(1, max_bytes), max(0, cull_frequency))
        self._store = Store(os.path.abspath(directory), limits)
        self._sweeper = Sweeper()

    # --- One entry ---

    def get(self, key: str) -> Any:
        name = name_of(key)
        digest = digest_of(name)
        now = time.time()
        try:
            content = self._store.content(digest, now)
            if content is None:
                return MISSING
            end, data = unpack(content, name)
            if -now <= end <= now:
                return MISSING
            value = self._serializer.loads(key, data)
        except OtherFormat:
            return MISSING
        except NotOurs:
            return self._look_again(key, name, digest)
        if end < 0 and wants_renewal(end, now):
            self._renew(name, digest)
        return value

    def set(self, key: str, value: Any, timeout: float | None) -> None:
        now = time.time()
        name = name_of(key)
        digest = digest_of(name)
        content = pack(name, self._serializer.dumps(key, value), end_after(timeout, now), now)
        self._store.change(digest, lambda shard: self._store.put(shard, digest, content))

    def add(self, key: str, value: Any, timeout: float | None) -> bool:
        name = name_of(key)
        digest = digest_of(name)
        data = self._serializer.dumps(key, value)

        def store_unless_there(shard: Shard) -> bool:
            if self._find(shard, key, name, digest) is not None:
                return False
            now = time.time()
            self._store.put(shard, digest, pack(name, data, end_after(timeout, now), now))
            return True

        return self._store.change(digest, store_unless_there)

    def touch(self, key: str, timeout: float | None) -> bool:
        name = name_of(key)
        digest = digest_of(name)

        def store_again(shard: Shard) -> bool:
            found = self._find(shard, key, name, digest)
            if found is None:
                return False
            now = time.time()
            self._store.put(shard, digest, pack(name, found[0][1], end_after(timeout, now), now))
            return True

        return self._store.change(digest, store_again)

    def delete(self, key: str) -> bool:
        name = name_of(key)
        digest = digest_of(name)

        def remove(shard: Shard) -> bool:
            was_there = self._find(shard, key, name, digest) is not None
            shard.remove(digest)
            return was_there

        # Nothing to delete, nothing to lock (and no directory to make).
        if not self._store.holds(digest):
            return False
        return self._store.change(digest, remove)

    def modify(self, key: str, change: Callable[[Any], Any], timeout: Any = KEEP) -> Any:
        name = name_of(key)
        digest = digest_of(name)
        while True:
            found = self._store.change(digest, lambda shard: self._find(shard, key, name, digest))
            if found is None:
                return MISSING
            # Not under the lock: a lazy value asks its database only now, and others have a shard in common.
            value = change(found[1])
            data = self._serializer.dumps(key, value)
            if self._replace(name, digest, found[0], data, timeout):
                return value

    def incr(self, key: str, delta: int) -> Any:
        name = name_of(key)
        digest = digest_of(name)

        def add(shard: Shard) -> Any:
            found = self._find(shard, key, name, digest)
            if found is None:
                return MISSING
            total = found[1] + delta
            data = self._serializer.dumps(key, total)
            self._store.put(shard, digest, pack(name, data, found[0][0], time.time()))
            return total

        return self._store.change(digest, add)

    def _replace(self, name: bytes, digest: str, known: Entry, data: bytes, timeout: Any) -> bool:
        """Store *data* in the place of the entry *known*; return whether that was still there."""

        def replace(shard: Shard) -> bool:
            content = shard.read(digest)
            now = time.time()
            try:
                if content is None or unpack(content, name) != known or abs(known[0]) <= now:
                    return False
            except (NotOurs, OtherFormat):
                return False
            end = known[0] if timeout is KEEP else end_after(timeout, now)
            self._store.put(shard, digest, pack(name, data, end, now))
            return True

        return self._store.change(digest, replace)

    def remaining(self, key: str) -> Any:
        name = name_of(key)
        now = time.time()
        try:
            content = self._store.content(digest_of(name), now)
            if content is None:
                return MISSING
            end = unpack(content, name)[0]
        except (NotOurs, OtherFormat):
            return MISSING
        if abs(end) <= now:
            return MISSING
        return None if end < 0 else end - now

    def names(self) -> Iterator[str]:
        place = self._store.in_force()
        try:
            for shard in every_shard(place) if place is not None else ():
                yield from _names_in(shard)
        except Gone:
            # It was emptied meanwhile: that was all.
            return
        except OSError as error:
            raise unavailable(error) from error

    def sizes(self) -> Iterator[int]:
        """Yield the bytes of the files that this cache has now, without reading what is in them."""
        place = self._store.in_force()
        try:
            for shard in every_shard(place) if place is not None else ():
                yield from (found.size for found in shard.look() if found.header.is_ours)
        except (Gone, OSError):
            # Emptied or removed meanwhile: that was all.
            return

    def sizes_of(self, names: Sequence[str]) -> list[int | None]:
        place = self._store.in_force()
        digests = (digest_of(name_of(name)) for name in names)
        paths = (place and place.shard_of(digest).prefix + digest for digest in digests)
        return [_size_of(path) if path else None for path in paths]

    # --- The whole ---

    def reclaim(self) -> None:
        self._store.empty()

    def contents(self) -> Contents:
        place = self._store.in_force()
        if place is None:
            return Contents(entries=0, size=0)
        try:
            entries, size = place.totals()
        except Gone:
            return Contents(entries=0, size=0)
        except OSError as error:
            raise unavailable(error) from error
        return Contents(entries=entries, size=size)

    def sweep(self, budget_seconds: float) -> bool:
        """Give back the room of what has ended; call it about once a second, beside the requests.

        Any thread of any process may call it: one of the machine does the work, for all others it
        is one small read. It never raises.

        Args:
            budget_seconds: how long it may take.

        Returns:
            whether something was due, and done here.
        """
        place = self._store.existing()
        if place is None:
            return False
        try:
            return self._sweeper.sweep(place, budget_seconds)
        except (OSError, Gone, EngineUnavailable):
            # Whatever it is, the next operation that needs the directory says it, or mends it.
            return False

    def probe(self) -> None:
        check_directory(Path(self._store.root))
        # As large as a page: on a disk that is nearly full, a few bytes may still find a place.
        key, value = f"probe:{secrets.token_hex(6)}", secrets.token_bytes(_PROBE_SIZE)
        self.set(key, value, 60)
        found = self.get(key)
        self.delete(key)
        if found != value:
            raise EngineUnavailable(Verdict.ERROR, "what was written could not be read back")

    def path_of(self, key: str) -> Path:
        """Return where the file of *key* is, or would be."""
        digest = digest_of(name_of(key))
        return Path(self._store.current().shard_of(digest).prefix + digest)

    # --- Damage and age ---

    def _look_again(self, key: str, name: bytes, digest: str) -> Any:
        """Judge an entry that was no whole one, now that nobody is writing it; damaged ones go."""
        try:
            found = self._store.change(digest, lambda shard: self._find(shard, key, name, digest))
        except EngineUnavailable:
            return MISSING
        return MISSING if found is None else found[1]

    def _find(self, shard: Shard, key: str, name: bytes, digest: str) -> tuple[Entry, Any] | None:
        """Return entry and value of *key* while its shard is locked; what is damaged goes."""
        try:
            content = shard.read(digest)
            if content is None:
                return None
            entry = unpack(content, name)
            if abs(entry[0]) <= time.time():
                return None
            return entry, self._serializer.loads(key, entry[1])
        except OtherFormat:
            return None
        except OSError as error:
            if error.errno not in IN_THE_WAY:
                raise
        except NotOurs:
            pass
        self.damaged += 1
        # Whoever damaged it may have changed its length as well.
        shard.remove(digest)
        shard.doubt()
        return None

    def _renew(self, name: bytes, digest: str) -> None:
        """Give an entry without a timeout another month: somebody has read it."""

        def store_again(shard: Shard) -> None:
            content = shard.read(digest)
            now = time.time()
            if content is not None:
                try:
                    end, data = unpack(content, name)
                except (NotOurs, OtherFormat):
                    return
                if wants_renewal(end, now):
                    shard.store(digest, pack(name, data, end_after(None, now), now))

        try:
            self._store.change(digest, store_again)
        except EngineUnavailable:
            # The value was read; that it cannot be renewed is for the next write to say.
            return


def _names_in(shard: Shard) -> Iterator[str]:
    now = time.time()
    for found in shard.look():
        if found.header.is_ours and not is_over(found, now):
            name = _name_in(Path(shard.prefix + found.name), found.header.key_length)
            if name is not None:
                yield name


def _size_of(path: str) -> int | None:
    try:
        return os.lstat(path).st_size
    except OSError:
        # It has just ended, or the whole was emptied.
        return None


def _name_in(path: Path, length: int) -> str | None:
    """Return the key that is written in a file, if it is the one the file is named after."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    name = content[HEADER_SIZE : HEADER_SIZE + length]
    return name.decode("utf-8", "surrogatepass") if digest_of(name) == path.name else None
