"""What the workers of one machine know together: a small file mapped into each of them.

It holds which engine is live and a generation for each group of each cache. Reading a word
costs less than a tenth of a microsecond and no system call, so that a clear, a fallback or a
return by one worker is in force in all others at once. Writers hold a lock on the file.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import logging
import mmap
import os
import secrets
import sys
import threading
import time
from array import array
from collections.abc import Iterator
from pathlib import Path

from cacheadmin import signals, temporary

logger = logging.getLogger("cacheadmin")

# Seconds to wait for whoever holds the lock: at most the second or so that trying out a Redis takes.
PATIENCE = 5.0
LAYOUT = 5
# A row for each worker of this machine (``workers``).
FIRST_WORKER, WORKERS, WORKER_CELLS = 17, 128, 6
# Far more groups than a project has: each takes one in each of its caches, and keeps it.
SLOTS = 8192
_FIRST_SLOT = FIRST_WORKER + WORKERS * WORKER_CELLS
# Two for the tag, the generation, and the generation that this machine last told the database.
_SLOT_CELLS = 4
_CELLS = _FIRST_SLOT + SLOTS * _SLOT_CELLS
SIZE = _CELLS * 8

# The header's cells; all are unsigned 64-bit numbers.
_LAYOUT, ACTIVE, CANDIDATE, SINCE, HOME, PLAN, REASON, LOOKED, EPOCH = range(9)
REVISION, NONCE, PLACE, MOVED, MACHINE, REPORTED = range(9, 15)
# Whether something was emptied, and nobody has filled it again yet.
COLD = 15
# When somebody last asked for a lost engine after an answer.
PROBED = 16

# No generation is of the year 2116: somebody has written over it.
NO_TIME = 1 << 62
# The generation of what nobody has made void yet, where that has to be told from all later ones.
UNTOUCHED = 1
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class SharedState:
    """The words that all workers of a machine share.

    Args:
        path: the file behind them; if it cannot be had, the words are this process's alone.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._thread_lock = threading.RLock()
        self._depth = 0
        self._is_changing = False
        self.is_shared = False
        self._offsets: dict[tuple[str, str], int] = {}
        self._inode: tuple[int, int] | None = None
        # Read directly on the path of every operation, and replaced when the file was.
        self.cells = self._attach()

    def _attach(self) -> memoryview:
        memory: mmap.mmap | bytearray
        try:
            memory = self._map()
        except OSError as error:
            logger.warning(
                "The cache state at %s cannot be shared between workers: %s", self.path, error.strerror
            )
            memory = bytearray(SIZE)
            memory[:] = _begun()
        return memoryview(memory).cast("Q")

    def read(self, cell: int) -> int:
        """Return the number in a header cell."""
        return self.cells[cell]

    def write(self, cell: int, value: int) -> None:
        """Set a header cell; within ``change()``."""
        self.cells[cell] = value

    def claim(self, cell: int, seconds: float) -> bool:
        """Whether a thing that is due every so many *seconds* is due, and this process the one to do it.

        Args:
            cell: where it stands when somebody last did.
            seconds: between two times.
        """

        def is_due() -> bool:
            return not 0 <= time.time_ns() - self.cells[cell] < seconds * 1e9

        # Mostly it is not, and a look is enough.
        if not is_due():
            return False
        with self.lock():
            if not is_due():
                return False
            self.cells[cell] = time.time_ns()
            return True

    @contextlib.contextmanager
    def change(self) -> Iterator[None]:
        """Change words that operations look at.

        EPOCH is odd meanwhile and another number afterwards, so that whoever remembers something under
        an even EPOCH knows with one look whether it still holds. A writer killed in the middle leaves it
        odd, which costs the others a little time and nothing else; the next change mends that.
        """
        with self.lock():
            if self._is_changing:
                yield
                return
            self._is_changing = True
            self.cells[EPOCH] |= 1
            try:
                yield
            finally:
                self._is_changing = False
                self.cells[EPOCH] += 1

    def mend(self) -> bool:
        """Go over to the file of the others if ours was removed or replaced; return whether it was.

        Also ends a change that somebody was killed in.
        """
        if self.cells[EPOCH] & 1:
            with self.change():
                pass
        if not self.is_shared:
            return self._share_after_all()
        try:
            status = os.stat(self.path, follow_symlinks=False)
            if (status.st_dev, status.st_ino) == self._inode:
                # It has not: whatever says so was written by nobody of ours.
                self.cells[MOVED] = 0
                return False
        except OSError:
            pass
        # Not the lock of the file, which is another one now and locked while it is mapped.
        with self._thread_lock:
            old = self.cells
            self.is_shared = False
            self._offsets = {}
            self.cells = self._attach()
            # For whoever still holds the old words, in this process or another: they follow at once.
            old[MOVED] = 1
            old[EPOCH] = (old[EPOCH] | 1) + 1
        return True

    def _share_after_all(self) -> bool:
        """Try once more what could not be done before: the disk was full, or the directory away."""
        with self._thread_lock:
            old = self.cells
            try:
                memory = self._map()
            except OSError:
                return False
            self._offsets = {}
            self.cells = memoryview(memory).cast("Q")
            old[EPOCH] = (old[EPOCH] | 1) + 1
        return True

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the words against the other threads and processes; may be nested."""
        with self._thread_lock:
            if self._depth or not self.is_shared:
                yield
                return
            # Opened anew each time: a descriptor kept over a fork would share its lock with the child.
            with _locked_or_nothing(self.path):
                self._depth += 1
                try:
                    yield
                finally:
                    self._depth -= 1

    def after_fork(self) -> None:
        """Forget the locks of threads that this new process does not have."""
        self._thread_lock = threading.RLock()
        self._depth = 0
        self._is_changing = False

    def generation_cell(self, namespace: str, group: str) -> int:
        """Return the cell that holds the generation of *group* in the cache *namespace*.

        When all slots are taken, groups share the last one: a clear of one then empties the others in
        it too, more than it has to, but never less.
        """
        cell = self._offsets.get((namespace, group))
        if cell is None:
            with self.lock():
                cell = self._find_or_take_slot(_tag(namespace, group))
                # Within the lock: in another file, it would be another group's.
                self._offsets[namespace, group] = cell
        return cell

    def has_slot(self, namespace: str, group: str) -> bool:
        """Whether *group* has a cell of its own, or gets one now."""
        cell = self.generation_cell(namespace, group)
        return (self.cells[cell - 2], self.cells[cell - 1]) == _tag(namespace, group)

    def generation(self, cell: int) -> int:
        """Return the generation in *cell*; 0 as long as nobody has begun one, or if it can be none."""
        found = self.cells[cell]
        return found if found < NO_TIME else 0

    def begin(self, cell: int) -> int:
        """Return the generation in *cell*, the first one if nobody has begun any."""
        with self.lock():
            return self.generation(cell) or self.advance(cell)

    def begin_untouched(self, cell: int) -> int:
        """Return the generation in *cell*, ``UNTOUCHED`` if nobody has begun any."""
        with self.lock():
            self.cells[cell] = self.generation(cell) or UNTOUCHED
            return self.cells[cell]

    def advance(self, cell: int) -> int:
        """Start a new generation in *cell*, later than any before on any machine, and return it."""
        with self.change():
            self.cells[cell] = _later(self.cells[cell])
            return self.cells[cell]

    def adopt(self, cell: int, generation: int) -> None:
        """Take over another machine's *generation* if it is later than ours."""
        if self.generation(cell) < generation < NO_TIME:
            with self.change():
                self.cells[cell] = max(self.generation(cell), generation)

    def publish(self, cell: int) -> int:
        """Return a generation for the others to begin in *cell*, while this machine goes on with its own."""
        with self.lock():
            self.cells[cell + 1] = _later(self.cells[cell + 1])
            return self.cells[cell + 1]

    def adopt_published(self, cell: int, generation: int) -> None:
        """Take over what another machine has published for *cell*."""
        if generation != self.cells[cell + 1]:
            self.adopt(cell, generation)

    def advance_all(self) -> None:
        """Start a new generation for every group of every cache: whatever was stored is gone."""
        with self.change():
            for cell in self._taken_cells():
                self.cells[cell] = _later(self.cells[cell])
            signals.made_void.send(self, names=None)

    def _taken_cells(self) -> Iterator[int]:
        for slot in range(SLOTS):
            base = _FIRST_SLOT + slot * _SLOT_CELLS
            if not self.cells[base] and not self.cells[base + 1]:
                return
            yield base + 2

    def _find_or_take_slot(self, tag: tuple[int, int]) -> int:
        base = _FIRST_SLOT
        for slot in range(SLOTS):
            base = _FIRST_SLOT + slot * _SLOT_CELLS
            held = (self.cells[base], self.cells[base + 1])
            if held == tag:
                break
            if held == (0, 0):
                self.cells[base], self.cells[base + 1] = tag
                break
        return base + 2

    def _map(self) -> mmap.mmap:
        temporary.require_private(self.path)
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            if os.fstat(descriptor).st_uid != os.geteuid():
                raise PermissionError(errno.EPERM, "it belongs to another user")
            _take(descriptor)
            if os.fstat(descriptor).st_size < SIZE:
                # Real blocks, not a sparse file: touching a hole on a full disk kills the process.
                os.posix_fallocate(descriptor, 0, SIZE)
            memory = mmap.mmap(descriptor, SIZE)
            status = os.fstat(descriptor)
            self._inode = (status.st_dev, status.st_ino)
            if int.from_bytes(memory[:8], sys.byteorder) != LAYOUT:
                memory[:] = _begun()
        finally:
            # Said aloud: the mapping keeps a duplicate of the descriptor, and with it the lock.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)
        self.is_shared = True
        return memory


@contextlib.contextmanager
def _locked_or_nothing(path: Path) -> Iterator[None]:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        # Somebody removed the file: this process goes on with what it has mapped.
        yield
        return
    try:
        # A stranger's file in its place could be locked for ever.
        if os.fstat(descriptor).st_uid == os.geteuid():
            _take(descriptor)
        yield
    finally:
        # Said aloud: a child forked meanwhile holds a duplicate, and with it the lock.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _take(descriptor: int) -> None:
    """Wait for the lock, but not for ever: its holder may be stopped, and a request waits here."""
    pause, deadline = 0.000_1, time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                logger.warning("A worker holds the cache state and does not go on; this one does without it.")
                return
            time.sleep(pause)
            pause = min(2 * pause, 0.01)
        else:
            return


def state_path(directory: Path, identity: str) -> Path:
    """Return where the shared words of the caches *identity* with this *directory* live.

    In the cache directory, so that they last as long as its files do; where that cannot be
    written, in a private directory among the temporary files.
    """
    # Workers of two versions of this app, side by side for a moment, have a file each.
    name = f"{LAYOUT}-{hashlib.blake2b(identity.encode(), digest_size=6).hexdigest()}"
    with contextlib.suppress(OSError):
        temporary.require_private(directory)
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.access(directory, os.W_OK):
        return directory / f"state-{name}"
    place = hashlib.blake2b(str(directory).encode(), digest_size=6).hexdigest()
    return temporary.private_directory() / f"state-{name}-{place}"


def _begun() -> bytes:
    """Return the words of a state that nobody has used."""
    cells = array("Q", bytes(SIZE))
    cells[_LAYOUT] = LAYOUT
    # Of no earlier file: what was remembered under its numbers holds no more.
    cells[EPOCH] = time.time_ns() & ~1
    cells[MACHINE] = secrets.randbits(62)
    return cells.tobytes()


def _later(than: int) -> int:
    """Return a generation after *than*: now, or the next number where a clock is ahead."""
    now = time.time_ns()
    return max(now, than + 1) if than < NO_TIME else now


def _tag(namespace: str, group: str) -> tuple[int, int]:
    digest = hashlib.blake2b(f"{namespace}\0{group}".encode(), digest_size=16).digest()
    high, low = int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")
    return (high or 1, low)


def in_base_36(number: int) -> str:
    """Return *number* as keys have it: in few letters."""
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
    return digits
