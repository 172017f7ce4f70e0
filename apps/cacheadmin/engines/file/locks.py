"""Locks on single bytes of a file, held against other processes; they end with their holder.

On Linux they belong to the open file (not to the process): closing another descriptor of the same
file does not drop them. Elsewhere they are the process's. Threads are not told apart by either.
"""

from __future__ import annotations

import fcntl
import os
import struct
import sys
import time

from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.verdicts import Verdict

# Seconds to wait for whoever holds a lock: a matter of microseconds, unless it is stopped.
PATIENCE = 2.0
# Who has to wait first lets others have the processor (the holder may be waiting for one), then sleeps.
_YIELDS = 50
_SHORTEST, _LONGEST = 0.000_02, 0.000_5
HAS_OPEN_FILE_LOCKS = hasattr(fcntl, "F_OFD_SETLK") and sys.platform == "linux" and sys.maxsize > 2**32
_STRUCT = struct.Struct("hhqqi4x")
_let_others_go = getattr(os, "sched_yield", None) or (lambda: time.sleep(0))


class ByteLock:
    """The lock of one byte.

    Args:
        offset: which byte; it need not exist.
    """

    __slots__ = ("_give", "_offset", "_take")

    def __init__(self, offset: int) -> None:
        self._offset = offset
        self._take = _STRUCT.pack(fcntl.F_WRLCK, 0, offset, 1, 0)
        self._give = _STRUCT.pack(fcntl.F_UNLCK, 0, offset, 1, 0)

    def take(self, descriptor: int) -> None:
        """Wait for the lock, but not for ever.

        Raises:
            EngineUnavailable: its holder does not go on.
        """
        # Asked again and again, not waited for: a wait in the kernel has no end if the holder is stopped.
        for _ in range(_YIELDS):
            if self.try_take(descriptor):
                return
            _let_others_go()
        pause, deadline = _SHORTEST, time.monotonic() + PATIENCE
        while not self.try_take(descriptor):
            if time.monotonic() > deadline:
                raise EngineUnavailable(Verdict.TIMED_OUT, "a worker holds a lock and does not go on")
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST)

    def try_take(self, descriptor: int) -> bool:
        """Take the lock if it is free, and return whether it was."""
        try:
            if HAS_OPEN_FILE_LOCKS:
                fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, self._take)
            else:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, self._offset)
        except (BlockingIOError, PermissionError):
            # POSIX leaves it to the system which of the two it says.
            return False
        return True

    def give(self, descriptor: int) -> None:
        """Let the lock go."""
        if HAS_OPEN_FILE_LOCKS:
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, self._give)
        else:
            fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, self._offset)
