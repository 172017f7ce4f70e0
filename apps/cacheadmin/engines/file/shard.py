"""One directory of entries, its lock, and the record of how much is in it."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import threading
from collections.abc import Iterator
from typing import NamedTuple

from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.engines.file import entry as entries_of
from cacheadmin.engines.file.index import BROKEN_SEAL, RECORD, SEAL_AT, Index, seal
from cacheadmin.engines.file.locks import PATIENCE, ByteLock
from cacheadmin.verdicts import Verdict

_UNTOUCHED = (0, 0, 0)
# Never through a link, never waiting for the other end of a pipe.
_SAFE = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
READING = os.O_RDONLY | _SAFE
_WRITING = os.O_WRONLY | _SAFE
_CHANGING_IT = os.O_RDWR | _SAFE
_CREATING = _WRITING | os.O_CREAT | os.O_EXCL
_LISTING = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW
# What the system says of something that is no file of ours: a link, a directory, a pipe, a locked file.
IN_THE_WAY = (
    errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.ENODEV, errno.EACCES, errno.EPERM, errno.EAGAIN,
    errno.ESPIPE, errno.EEXIST,
)  # fmt: skip
_NAME_LENGTH = 32
# A file keeps its length when a shorter value is written over it, unless it wastes more than this.
_WASTE = 4096


class Gone(Exception):
    """The directory is not there any more: somebody has removed it, or the cache was cleared."""


class Found(NamedTuple):
    """One file of a shard, as seen in passing.

    Args:
        name: its name.
        size: its bytes; -1 for what is not an entry and is not counted.
        used: when it was last read or written, as far as the system tells.
        header: what its first bytes say.
        changed: the time of its last change, in nanoseconds.
    """

    name: str
    size: int
    used: float
    header: entries_of.Header
    changed: int


class Shard:
    """One directory of entries; everything but ``look()`` wants its lock held (``with shard:``).

    The record in the index carries a seal over its two numbers. It is broken before a change of them
    and made again after it, so whoever finds it broken (the worker was killed in between, the disk
    was full, somebody wrote into the index) counts that one directory anew.

    Args:
        index: of the cache.
        base: the path of the directory that holds the shards.
        number: which of them it is.
        offset: where its record is in the index.
    """

    __slots__ = ("_byte", "_index", "_kept", "_offset", "_thread_lock", "number", "prefix")

    def __init__(self, index: Index, base: str, number: int, offset: int) -> None:
        self.number = number
        self.prefix = f"{base}/{number:03x}/"
        self._index = index
        self._offset = offset
        self._byte = ByteLock(offset)
        self._thread_lock = threading.Lock()
        # The file that was read last, still open: whoever reads under the lock is about to change it.
        self._kept: tuple[str, int, int] | None = None

    def __enter__(self) -> Shard:
        if not self._thread_lock.acquire(timeout=PATIENCE):
            raise EngineUnavailable(Verdict.TIMED_OUT, "a thread holds a lock and does not go on")
        try:
            self._byte.take(self._index.descriptor)
        except BaseException:
            self._thread_lock.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._let_go()
            self._byte.give(self._index.descriptor)
        finally:
            self._thread_lock.release()

    # --- One entry ---

    def read(self, digest: str) -> bytes | None:
        """Return the content of an entry's file, ``None`` if there is no such file.

        Raises:
            Gone: the cache was emptied.
            OSError: it cannot be read.
        """
        self._let_go()
        try:
            descriptor = os.open(self.prefix + digest, _CHANGING_IT)
        except FileNotFoundError:
            if not self._index.is_in_force():
                raise Gone from None
            return None
        self._kept = (digest, descriptor, 0)
        content = entries_of.read(descriptor)
        self._kept = (digest, descriptor, len(content))
        return content

    def _let_go(self) -> None:
        if self._kept is not None:
            descriptor, self._kept = self._kept[1], None
            os.close(descriptor)

    def store(self, digest: str, content: bytes) -> tuple[int, int]:
        """Make *content* what the file holds.

        Returns:
            by how many entries and bytes the shard has grown.

        Raises:
            Gone: the shard is not there any more.
            OSError: it cannot be written; nothing is left of an earlier entry then, if possible.
        """
        path = self.prefix + digest
        if self._kept is not None and self._kept[0] == digest and 0 < self._kept[2] < entries_of.LARGEST:
            _, descriptor, size = self._kept
            self._kept = (digest, descriptor, 0)
            return self._store_over(path, descriptor, size, content)
        try:
            descriptor = os.open(path, _WRITING)
        except FileNotFoundError:
            return self._store_new(path, content)
        except OSError as error:
            if error.errno not in IN_THE_WAY:
                raise
            self.remove(digest)
            return self._store_new(path, content)
        try:
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode):
                return self._store_over(path, descriptor, status.st_size, content)
        finally:
            os.close(descriptor)
        self.remove(digest)
        return self._store_new(path, content)

    def _store_over(self, path: str, descriptor: int, old: int, content: bytes) -> tuple[int, int]:
        new = len(content)
        spare = old - new
        # One call, and the counts stay what they were: the usual case of a value that is renewed.
        if 0 <= spare <= max(new, _WASTE):
            self._write(path, descriptor, content)
            return 0, 0
        entries, size = self._begin()
        self._write(path, descriptor, content)
        if spare > 0:
            os.ftruncate(descriptor, new)
        self._end(entries, size - spare)
        return 0, -spare

    def _store_new(self, path: str, content: bytes) -> tuple[int, int]:
        entries, size = self._begin()
        try:
            descriptor = os.open(path, _CREATING, 0o600)
        except FileNotFoundError:
            raise Gone from None
        try:
            self._write(path, descriptor, content)
        finally:
            os.close(descriptor)
        self._end(entries + 1, size + len(content))
        return 1, len(content)

    def _write(self, path: str, descriptor: int, content: bytes) -> None:
        try:
            if os.pwrite(descriptor, content, 0) == len(content):
                return
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            # What was there before must not outlive a write that failed.
            with contextlib.suppress(OSError):
                self._break_seal()
            with contextlib.suppress(OSError):
                os.unlink(path)
            raise

    def remove(self, digest: str) -> bool:
        """Remove whatever has that name and return whether there was something."""
        self._let_go()
        path = self.prefix + digest
        try:
            status = os.lstat(path)
        except FileNotFoundError:
            return False
        if stat.S_ISDIR(status.st_mode):
            shutil.rmtree(path)
            return True
        counted = stat.S_ISREG(status.st_mode)
        entries, size = self._begin()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        self._end(entries - counted, size - status.st_size * counted)
        return True

    def remove_each(self, doomed: list[Found]) -> tuple[int, int]:
        """Remove files that were seen in passing, unless they have changed since.

        Returns:
            how many entries and bytes are gone.
        """
        entries, size = self._begin()
        gone = freed = 0
        for found in doomed:
            path = self.prefix + found.name
            with contextlib.suppress(OSError):
                # A write that was under way when it was seen has changed its size, and not its time.
                status = os.lstat(path)
                if status.st_mtime_ns != found.changed:
                    continue
                if found.size < 0:
                    self._remove_rubbish(path)
                    continue
                os.unlink(path)
                gone += 1
                freed += status.st_size
        self._end(entries - gone, size - freed)
        return gone, freed

    def _remove_rubbish(self, path: str) -> None:
        try:
            os.unlink(path)
        except (IsADirectoryError, PermissionError):
            shutil.rmtree(path)

    # --- What is in it ---

    def counts(self) -> tuple[int, int]:
        """Return how many entries and bytes it holds; counts them if the record cannot be trusted.

        Raises:
            Gone: the shard is not there any more.
        """
        raw = os.pread(self._index.descriptor, RECORD.size, self._offset)
        if len(raw) < RECORD.size:
            raise Gone
        entries, size, found = RECORD.unpack(raw)
        if found == seal(entries, size):
            return entries, size
        return self._recount(is_new=(entries, size, found) == _UNTOUCHED)

    def doubt(self) -> None:
        """Have it counted anew at the next occasion: the record does not match what is there."""
        self._break_seal()

    def look(self) -> Iterator[Found]:
        """Yield what is in the directory, with or without the lock held."""
        try:
            descriptor = os.open(self.prefix, _LISTING)
        except FileNotFoundError:
            return
        try:
            with os.scandir(descriptor) as listing:
                names = [item.name for item in listing]
            for name in names:
                found = _examine(name, descriptor)
                if found is not None:
                    yield found
        finally:
            os.close(descriptor)

    def _begin(self) -> tuple[int, int]:
        """Break the seal ahead of a change and return the counts."""
        counts = self.counts()
        self._break_seal()
        return counts

    def _break_seal(self) -> None:
        os.pwrite(self._index.descriptor, BROKEN_SEAL, self._offset + SEAL_AT)

    def _end(self, entries: int, size: int) -> None:
        entries, size = max(entries, 0), max(size, 0)
        os.pwrite(self._index.descriptor, RECORD.pack(entries, size, seal(entries, size)), self._offset)

    def _recount(self, *, is_new: bool) -> tuple[int, int]:
        try:
            descriptor = os.open(self.prefix, _LISTING)
        except FileNotFoundError:
            if not is_new:
                raise Gone from None
            self._make()
            return 0, 0
        entries = size = 0
        try:
            with os.scandir(descriptor) as listing:
                for item in listing:
                    with contextlib.suppress(FileNotFoundError):
                        status = item.stat(follow_symlinks=False)
                        if is_entry(item.name, status):
                            entries, size = entries + 1, size + status.st_size
        finally:
            os.close(descriptor)
        self._end(entries, size)
        return entries, size

    def _make(self) -> None:
        try:
            os.mkdir(self.prefix, 0o700)
        except FileNotFoundError:
            raise Gone from None
        self._end(0, 0)


def is_entry(name: str, status: os.stat_result) -> bool:
    """Whether a file counts as an entry."""
    return len(name) == _NAME_LENGTH and stat.S_ISREG(status.st_mode)


def _examine(name: str, directory: int) -> Found | None:
    try:
        status = os.lstat(name, dir_fd=directory)
    except FileNotFoundError:
        return None
    used = max(status.st_mtime, status.st_atime)
    rubbish = Found(name, -1, used, entries_of.peek(b""), status.st_mtime_ns)
    if not is_entry(name, status):
        return rubbish
    header = entries_of.peek(b"")
    with contextlib.suppress(OSError):
        descriptor = os.open(name, READING, dir_fd=directory)
        try:
            header = entries_of.peek(os.read(descriptor, entries_of.HEADER_SIZE))
        finally:
            os.close(descriptor)
    return Found(name, status.st_size, used, header, status.st_mtime_ns)
