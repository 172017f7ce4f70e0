"""Where one cache keeps its files: an index, and under a name that the index gives, the shards.

The index names the directory of the shards by a random word. To empty the cache, that directory is
renamed (whoever still works with it finds nothing there, and looks at the index again), and a new
index takes the place of the old one. The same mends an index or directory that somebody removed.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
import struct
import threading
import time
import weakref
import zlib
from collections.abc import Iterator

from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.engines.file.directory import unavailable
from cacheadmin.engines.file.index import LIVE, LIVE_AT, RECORD, Index, seal
from cacheadmin.engines.file.locks import ByteLock
from cacheadmin.engines.file.shard import Gone, Shard
from cacheadmin.verdicts import Verdict

# Another layout of the files gets another number, and shares nothing with this one.
LAYOUT = "1"
INDEX = f"index-{LAYOUT}"
SETUP = f"setup-{LAYOUT}"
DEAD = "dead-"
_BASE = f"shards-{LAYOUT}-"
# magic, how many shards, the random word, checksum of these
_HEADER = struct.Struct("<8sI16sI")
_MAGIC = b"cacheix" + LAYOUT.encode()
SWEEP_AT = 48
FIRST_RECORD = 64
_OPENING = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
# Seconds between two looks at whether the index is still the one on the disk.
_LOOK_EVERY = 1.0
# Fewer directories for small caches, which also cull more evenly.
_ENTRIES_PER_SHARD = 256
_MOST_SHARDS = 4096
_SWEEPING = ByteLock(SWEEP_AT)
_SETTING_UP = ByteLock(0)


class Place:
    """One cache's directory, as long as its index is in force; shared by all engines on it.

    Args:
        root: the cache's directory.
        index: its open index.
        base: the path of the directory of shards.
        count: how many shards it has, a power of two.
    """

    def __init__(self, root: str, index: Index, base: str, count: int) -> None:
        self.root = root
        self.index = index
        self.base = base
        self.count = count
        status = os.fstat(index.descriptor)
        self.identity = (status.st_dev, status.st_ino)
        # Between these times nobody has to look whether the index is still on the disk.
        self.looked = time.time()
        self.look_at = self.looked + _LOOK_EVERY
        self._shards: dict[str, Shard] = {}

    def shard_of(self, digest: str) -> Shard:
        """Return the shard that holds the file named *digest*."""
        found = self._shards.get(digest[:3])
        if found is not None:
            return found
        # Of two threads that get here at once, both use what the first has made: it has their lock.
        shard = self.shard(int(digest[:3], 16) & (self.count - 1))
        return self._shards.setdefault(digest[:3], shard)

    def shard(self, number: int) -> Shard:
        """Return the shard with that number."""
        return self._shards.setdefault(
            f"={number}", Shard(self.index, self.base, number, FIRST_RECORD + number * RECORD.size)
        )

    def look(self) -> bool:
        """Make sure that the index is still the one on the disk; due once a second."""
        try:
            status = os.stat(f"{self.root}/{INDEX}", follow_symlinks=False)
        except OSError:
            return False
        if (status.st_dev, status.st_ino) != self.identity or not self.index.is_in_force():
            return False
        now = time.time()
        self.looked, self.look_at = now, now + _LOOK_EVERY
        return True

    def records(self) -> Iterator[tuple[int, int, int]]:
        """Return entries, bytes and seal of each shard, as the index has them."""
        raw = os.pread(self.index.descriptor, self.count * RECORD.size, FIRST_RECORD)
        if len(raw) < self.count * RECORD.size:
            raise Gone
        return RECORD.iter_unpack(raw)

    def totals(self) -> tuple[int, int]:
        """Return how many entries and bytes there are, without a look at any directory."""
        entries = size = 0
        for number, (some, room, found) in enumerate(self.records()):
            if found == 0 and not some and not room:
                continue
            counts = (some, room)
            if found != seal(some, room):
                with self.shard(number) as shard:
                    counts = shard.counts()
            entries, size = entries + counts[0], size + counts[1]
        return entries, size

    def estimate(self) -> tuple[int, int]:
        """Return the totals as they stand in the index, though a worker may have been killed over them."""
        raw = os.pread(self.index.descriptor, self.count * RECORD.size, FIRST_RECORD)
        if len(raw) < self.count * RECORD.size:
            raise Gone
        numbers = memoryview(raw).cast("q")
        return sum(numbers[0::3]), sum(numbers[1::3])

    @contextlib.contextmanager
    def sweeping(self) -> Iterator[bool]:
        """Be the only one on this machine who sweeps; says whether that worked."""
        if not _SWEEPING.try_take(self.index.descriptor):
            yield False
            return
        try:
            yield True
        finally:
            _SWEEPING.give(self.index.descriptor)

    def after_fork(self) -> None:
        """Let go of the parent's locks, and have every engine open its own."""
        self.looked = float("inf")
        self.index.close()


# --- One place for all engines of a process ---

_places: weakref.WeakValueDictionary[tuple[int, int], Place] = weakref.WeakValueDictionary()
_lock = threading.RLock()


def open_existing(root: str) -> Place | None:
    """Return the place at *root* if there is one in force; makes and mends nothing."""
    try:
        with _lock:
            return _open(root)
    except OSError:
        return None


def open_or_make(root: str, max_entries: int, instead_of: Place | None = None) -> Place:
    """Return the place at *root*, a new one if need be.

    Args:
        root: the cache's directory.
        max_entries: what a new one is laid out for.
        instead_of: one that shall not be in force any more, so that everything in it is gone.

    Raises:
        EngineUnavailable: it cannot be made.
    """
    try:
        with _lock:
            found = _open(root)
            if found is not None and (instead_of is None or found.identity != instead_of.identity):
                return found
            os.makedirs(root, mode=0o700, exist_ok=True)
            with _setting_up(root):
                found = _open(root)
                if found is not None and (instead_of is None or found.identity != instead_of.identity):
                    return found
                if instead_of is not None:
                    instead_of.index.retire()
                _retire_shards(root)
                _make(root, max_entries)
                made = _open(root)
    except OSError as error:
        raise unavailable(error) from error
    if made is None:
        raise EngineUnavailable(Verdict.ERROR, "the index cannot be read back")
    return made


def clear_away(root: str, deadline: float) -> bool:
    """Remove what was emptied or replaced, until *deadline* (monotonic); return whether all is gone."""
    with contextlib.suppress(OSError), os.scandir(root) as listing:
        dead = [item.path for item in listing if item.name.startswith(DEAD)]
        return all(_removed(path, deadline) for path in dead)
    return True


def _removed(path: str, deadline: float) -> bool:
    with contextlib.suppress(IsADirectoryError, PermissionError, FileNotFoundError):
        os.unlink(path)
        return True
    for directory, _, names in os.walk(path, topdown=False):
        for name in names:
            with contextlib.suppress(OSError):
                os.unlink(f"{directory}/{name}")
            if time.monotonic() > deadline:
                return False
        # What is left has no files: directories, and links to some.
        with contextlib.suppress(OSError):
            os.rmdir(directory)
    shutil.rmtree(path, ignore_errors=True)
    return True


def _open(root: str) -> Place | None:
    path = f"{root}/{INDEX}"
    try:
        status = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return None
    # Asked before it is opened: where locks are the process's, closing a second descriptor drops them.
    known = _places.get((status.st_dev, status.st_ino))
    if known is not None and known.index.descriptor >= 0 and known.index.is_in_force():
        return known if known.look() else None
    if not stat.S_ISREG(status.st_mode) or status.st_uid not in (os.geteuid(), 0):
        return None
    place = _read(root, Index(os.open(path, _OPENING)))
    if place is None or not place.index.is_in_force() or not os.path.isdir(place.base):
        return None
    _places[place.identity] = place
    return place


def _read(root: str, index: Index) -> Place | None:
    """Return the place that *index* describes, if it makes sense."""
    header = os.pread(index.descriptor, _HEADER.size, 0)
    if len(header) < _HEADER.size:
        return None
    magic, count, word, checksum = _HEADER.unpack(header)
    if magic != _MAGIC or checksum != zlib.crc32(header[:-4]):
        return None
    return Place(root, index, f"{root}/{_BASE}{word.decode('ascii')}", count)


@contextlib.contextmanager
def _setting_up(root: str) -> Iterator[None]:
    descriptor = os.open(f"{root}/{SETUP}", _OPENING | os.O_CREAT, 0o600)
    try:
        _SETTING_UP.take(descriptor)
        yield
    finally:
        # Said aloud: a child forked meanwhile holds a duplicate, and with it the lock.
        with contextlib.suppress(OSError):
            _SETTING_UP.give(descriptor)
        os.close(descriptor)


def _retire_shards(root: str) -> None:
    """Take all shards away from whoever still works with them."""
    with os.scandir(root) as listing:
        names = [item.name for item in listing if item.name.startswith((_BASE, "new-"))]
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            os.rename(f"{root}/{name}", f"{root}/{DEAD}{secrets.token_hex(8)}")


def _make(root: str, max_entries: int) -> None:
    word = secrets.token_hex(8).encode()
    count = shard_count(max_entries)
    start = _HEADER.pack(_MAGIC, count, word, 0)[:-4]
    header = (start + zlib.crc32(start).to_bytes(4, "little")).ljust(LIVE_AT, b"\0") + LIVE
    content = header.ljust(FIRST_RECORD + count * RECORD.size, b"\0")
    os.mkdir(f"{root}/{_BASE}{word.decode()}", 0o700)
    aside = f"{root}/new-{secrets.token_hex(8)}"
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        written = os.write(descriptor, content)
    finally:
        os.close(descriptor)
    try:
        if written < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if os.path.isdir(f"{root}/{INDEX}") and not os.path.islink(f"{root}/{INDEX}"):
            os.rename(f"{root}/{INDEX}", f"{root}/{DEAD}{secrets.token_hex(8)}")
        os.rename(aside, f"{root}/{INDEX}")
    except OSError:
        os.unlink(aside)
        raise


def shard_count(max_entries: int) -> int:
    """Return into how many directories a cache of that size is divided."""
    wanted = max(1, max_entries // _ENTRIES_PER_SHARD)
    return min(_MOST_SHARDS, 1 << (wanted.bit_length() - 1))


def _after_fork() -> None:
    global _lock
    _lock = threading.RLock()
    for place in list(_places.values()):
        place.after_fork()
    _places.clear()


os.register_at_fork(after_in_child=_after_fork)
