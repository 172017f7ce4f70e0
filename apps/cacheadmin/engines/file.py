"""Entries in files: shared by all workers of a machine, without any server.

Each entry is a file of its own in one of a few hundred directories, chosen by the hash of its
key, so that no directory grows large. A write goes aside and is renamed; a read needs no lock.
What must be atomic (``add``, ``modify``, counting) holds the lock of its directory, whose file
also carries how many entries and bytes the directory holds: nothing is ever listed to know that.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
import stat
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cacheadmin.engines.base import KEEP, MISSING, Contents, Engine, EngineUnavailable
from cacheadmin.serializer import NotOurs, OtherFormat, Serializer
from cacheadmin.verdicts import Verdict

_MAGIC = b"cae1"
# magic, checksum of the rest, expiry (0 is never), length of the key
_HEADER = struct.Struct("<4sIdI")
_CHECKED_FROM = 8
_COUNTS = struct.Struct("<qq")
_LOCK_NAME = "lock"
# Fewer directories for small caches: each bounds its own share of the entries.
_ENTRIES_PER_SHARD = 64
_MOST_SHARDS = 256
_PROBE_SIZE = 16_384


class _Entry(NamedTuple):
    expires: float
    data: bytes


class _Shard:
    """One directory while its lock is held, and what it contains."""

    def __init__(self, path: str, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        raw = os.pread(descriptor, _COUNTS.size, 0)
        self.entries, self.size = _COUNTS.unpack(raw) if len(raw) == _COUNTS.size else (0, 0)

    def save_counts(self) -> None:
        os.pwrite(self._descriptor, _COUNTS.pack(max(self.entries, 0), max(self.size, 0)), 0)


class FileEngine(Engine):
    """Hashed directories of checked files.

    Args:
        directory: where this cache's entries live; nobody else may write there.
        serializer: what signs the values.
        max_entries: how many entries it holds at the most, spread over the directories.
        cull_frequency: 1/n of a full directory's entries go; 0 empties it.
    """

    name = "file"
    is_shared = True

    def __init__(
        self, directory: Path, serializer: Serializer, max_entries: int, cull_frequency: int
    ) -> None:
        self._root = str(directory)
        self._serializer = serializer
        self._shards = _shard_count(max_entries)
        self._most_per_shard = max(1, max_entries // self._shards)
        self._cull_frequency = cull_frequency
        self._thread_locks = [threading.Lock() for _ in range(self._shards)]

    # --- One entry ---

    def get(self, key: str) -> Any:
        try:
            return self._find(key)
        except NotOurs:
            self._discard(key)
            return MISSING

    def set(self, key: str, value: Any, timeout: float | None) -> None:
        data = self._serializer.dumps(key, value)
        with self._locked(key) as shard:
            self._store(shard, key, data, _expiry(timeout))

    def add(self, key: str, value: Any, timeout: float | None) -> bool:
        data = self._serializer.dumps(key, value)
        with self._locked(key) as shard:
            with contextlib.suppress(NotOurs):
                if self._find(key) is not MISSING:
                    return False
            self._store(shard, key, data, _expiry(timeout))
            return True

    def touch(self, key: str, timeout: float | None) -> bool:
        with self._locked(key) as shard, contextlib.suppress(NotOurs, OtherFormat):
            entry = _read(self._path(key), key)
            if entry is None or _is_over(entry.expires):
                return False
            self._serializer.loads(key, entry.data)
            self._store(shard, key, entry.data, _expiry(timeout))
            return True
        return False

    def delete(self, key: str) -> bool:
        path = self._path(key)
        # Without the lock it might seem not to be there: a writer removes it before it renames its own.
        with self._locked(key) as shard:
            was_there = False
            with contextlib.suppress(NotOurs, OtherFormat):
                entry = _read(path, key)
                was_there = entry is not None and not _is_over(entry.expires)
            self._remove(shard, path)
            return was_there

    def modify(self, key: str, change: Callable[[Any], Any], timeout: Any = KEEP) -> Any:
        with self._locked(key) as shard:
            try:
                entry = _read(self._path(key), key)
                if entry is None or _is_over(entry.expires):
                    return MISSING
                old = self._serializer.loads(key, entry.data)
            except (NotOurs, OtherFormat):
                return MISSING
            value = change(old)
            expires = entry.expires if timeout is KEEP else _expiry(timeout)
            self._store(shard, key, self._serializer.dumps(key, value), expires)
            return value

    def remaining(self, key: str) -> Any:
        with contextlib.suppress(NotOurs, OtherFormat):
            entry = _read(self._path(key), key)
            if entry is not None and not _is_over(entry.expires):
                return None if entry.expires == 0.0 else max(0.0, entry.expires - time.time())
        return MISSING

    def names(self) -> Iterator[str]:
        for number in range(self._shards):
            with contextlib.suppress(OSError):
                for found in os.scandir(self._shard_path(number)):
                    with contextlib.suppress(OSError):
                        content = Path(found.path).read_bytes()
                        if content[:4] == _MAGIC and len(content) >= _HEADER.size:
                            length = _HEADER.unpack_from(content)[3]
                            name = content[_HEADER.size : _HEADER.size + length]
                            yield name.decode("utf-8", "surrogatepass")

    def _find(self, key: str) -> Any:
        """Return the value of *key* or ``MISSING``; raise ``NotOurs`` for what has to go."""
        try:
            entry = _read(self._path(key), key)
            if entry is None or _is_over(entry.expires):
                return MISSING
            return self._serializer.loads(key, entry.data)
        except OtherFormat:
            return MISSING

    def _discard(self, key: str) -> None:
        with self._locked(key) as shard:
            try:
                # Meanwhile somebody may have put a good one there.
                self._find(key)
            except NotOurs:
                self._remove(shard, self._path(key))

    # --- The whole ---

    def reclaim(self) -> None:
        for number in range(self._shards):
            directory = self._shard_path(number)
            if not os.path.isdir(directory):
                continue
            with self._locked_shard(number) as shard:
                for entry in os.scandir(directory):
                    if entry.name != _LOCK_NAME:
                        os.unlink(entry.path)
                shard.entries = shard.size = 0

    def contents(self) -> Contents:
        entries = size = 0
        for number in range(self._shards):
            with contextlib.suppress(OSError):
                raw = Path(self._shard_path(number), _LOCK_NAME).read_bytes()
                if len(raw) == _COUNTS.size:
                    counts = _COUNTS.unpack(raw)
                    entries, size = entries + counts[0], size + counts[1]
        return Contents(entries=entries, size=size)

    def probe(self) -> None:
        check_directory(Path(self._root))
        # As large as a page: on a disk that is nearly full, a few bytes may still find a place.
        key, value = f"probe:{secrets.token_hex(6)}", secrets.token_bytes(_PROBE_SIZE)
        self.set(key, value, 60)
        found = self.get(key)
        self.delete(key)
        if found != value:
            raise EngineUnavailable(Verdict.ERROR, "what was written could not be read back")

    # --- Files ---

    def _path(self, key: str) -> str:
        digest = _digest(key)
        return f"{self._shard_path(int(digest[:4], 16) % self._shards)}/{digest}"

    def _shard_path(self, number: int) -> str:
        return f"{self._root}/{number:02x}"

    def _locked(self, key: str) -> contextlib.AbstractContextManager[_Shard]:
        return self._locked_shard(int(_digest(key)[:4], 16) % self._shards)

    @contextlib.contextmanager
    def _locked_shard(self, number: int) -> Iterator[_Shard]:
        """Hold one directory against all threads and processes; its counts are saved at the end."""
        try:
            # flock does not tell threads of one process apart, hence a lock of each kind.
            with self._thread_locks[number]:
                descriptor = self._open_lock(number)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX)
                    shard = _Shard(self._shard_path(number), descriptor)
                    before = (shard.entries, shard.size)
                    try:
                        yield shard
                    finally:
                        if (shard.entries, shard.size) != before:
                            shard.save_counts()
                finally:
                    # Said aloud: a child forked meanwhile holds a duplicate, and with it the lock.
                    fcntl.flock(descriptor, fcntl.LOCK_UN)
                    os.close(descriptor)
        except OSError as error:
            raise unavailable(error) from error

    def _open_lock(self, number: int) -> int:
        path = f"{self._shard_path(number)}/{_LOCK_NAME}"
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        try:
            return os.open(path, flags, 0o600)
        except FileNotFoundError:
            for directory in (self._root, self._shard_path(number)):
                os.makedirs(directory, mode=0o700, exist_ok=True)
            return os.open(path, flags, 0o600)

    def _store(self, shard: _Shard, key: str, data: bytes, expires: float) -> None:
        path = self._path(key)
        old_size = _size(path)
        if old_size is None and shard.entries >= self._most_per_shard:
            self._cull(shard)
        content = _pack(key, _Entry(expires, data))
        aside = f"{shard.path}/new"
        # One name is enough: whoever writes it holds the lock of the directory.
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            if os.write(descriptor, content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(descriptor)
        if old_size is not None:
            # On ext4 a rename over a file waits for the disk; unlinking it first does not.
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        os.rename(aside, path)
        if old_size is None:
            shard.entries += 1
        shard.size += len(content) - (old_size or 0)

    def _remove(self, shard: _Shard, path: str) -> None:
        size = _size(path)
        if size is None:
            return
        os.unlink(path)
        shard.entries -= 1
        shard.size -= size

    def _cull(self, shard: _Shard) -> None:
        """Make room: what has expired, and if that is not enough the entries written longest ago."""
        paths = [entry.path for entry in os.scandir(shard.path) if entry.name not in (_LOCK_NAME, "new")]
        sizes = [_size(path) or 0 for path in paths]
        # The counts are put right here, in case a worker was killed between a write and its count.
        shard.entries, shard.size = len(paths), sum(sizes)
        if self._cull_frequency == 0:
            doomed = paths
        else:
            ended = {path for path in paths if _is_expired_file(path)}
            wanted = max(1, len(paths) // self._cull_frequency)
            oldest = sorted((path for path in paths if path not in ended), key=_modified)
            doomed = [*ended, *oldest[: max(0, wanted - len(ended))]]
        for path in doomed:
            self._remove(shard, path)


def check_directory(directory: Path) -> None:
    """Create *directory* if need be and make sure that only this user can write to it.

    Raises:
        EngineUnavailable: it cannot be made or written, or others could plant files in it.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        status = directory.stat()
    except OSError as error:
        raise unavailable(error) from error
    if status.st_uid not in (os.geteuid(), 0) or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise EngineUnavailable(Verdict.UNSAFE_DIRECTORY, str(directory))
    if not os.access(directory, os.W_OK | os.X_OK):
        raise EngineUnavailable(Verdict.NOT_WRITABLE, str(directory))


def unavailable(error: OSError) -> EngineUnavailable:
    """Return what *error* of the file system means for the engine."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return EngineUnavailable(Verdict.DISK_FULL if full else Verdict.NOT_WRITABLE, error.strerror or "")


def _shard_count(max_entries: int) -> int:
    wanted = max(1, max_entries // _ENTRIES_PER_SHARD)
    return min(_MOST_SHARDS, 1 << (wanted.bit_length() - 1))


def _digest(key: str) -> str:
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _pack(key: str, entry: _Entry) -> bytes:
    name = key.encode("utf-8", "surrogatepass")
    rest = struct.pack("<dI", entry.expires, len(name)) + name + entry.data
    return struct.pack("<4sI", _MAGIC, zlib.crc32(rest)) + rest


def _read(path: str, key: str) -> _Entry | None:
    """Return the entry in *path*, or ``None`` if there is none.

    Raises:
        NotOurs: it is not a whole entry, or another key's.
        OtherFormat: another version of this app has written it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        content = os.read(descriptor, os.fstat(descriptor).st_size)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    if len(content) < _HEADER.size:
        raise NotOurs
    magic, checksum, expires, length = _HEADER.unpack_from(content)
    if magic != _MAGIC:
        raise OtherFormat if magic[:3] == _MAGIC[:3] else NotOurs
    start = _HEADER.size + length
    is_whole = zlib.crc32(memoryview(content)[_CHECKED_FROM:]) == checksum
    if not is_whole or content[_HEADER.size : start] != key.encode("utf-8", "surrogatepass"):
        raise NotOurs
    return _Entry(expires, content[start:])


def _expiry(timeout: float | None) -> float:
    return 0.0 if timeout is None else time.time() + timeout


def _is_over(expires: float) -> bool:
    return expires != 0.0 and expires <= time.time()


def _size(path: str) -> int | None:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return None


def _modified(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except FileNotFoundError:
        return 0.0


def _is_expired_file(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            header = file.read(_HEADER.size)
    except OSError:
        return True
    if len(header) < _HEADER.size:
        return True
    magic, _checksum, expires, _length = _HEADER.unpack(header)
    return magic != _MAGIC or _is_over(expires)
