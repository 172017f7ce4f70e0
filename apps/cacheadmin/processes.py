"""Which process this is, and whether another one still runs."""

from __future__ import annotations

import os
import platform
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True)
class Holder:
    """A process: where it runs, its number there, and when it began, as numbers are used again."""

    machine: str
    pid: int
    began: int


def is_running(pid: int, began: int) -> bool:
    """Whether the process *pid* of this machine, which began at *began*, still runs.

    Args:
        pid: its number.
        began: what ``began_at`` said of it; 0 where that is not known.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        # It is another user's, and so there is one.
        pass
    state, now_began = _stat(pid)
    return state not in ("Z", "X") and (0 in (began, now_began) or began == now_began)


def started_at(began: int) -> float | None:
    """Return when a process started, in seconds since 1970; ``None`` where that is not known.

    Args:
        began: what is known of it, in the system's ticks since it was started itself.
    """
    if not began or not hasattr(time, "CLOCK_BOOTTIME"):
        return None
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - began / os.sysconf("SC_CLK_TCK")
    return time.time() - age


def this_process() -> Holder:
    """Return this process as a holder."""
    return _holder(os.getpid())


@lru_cache(maxsize=1)
def _holder(pid: int) -> Holder:
    return Holder(_machine(), pid, _stat(pid)[1])


def _machine() -> str:
    """Return a name that two processes share if, and only if, they see each other's numbers."""
    parts = [platform.node()]
    with suppress(OSError):
        parts = [(_PROC / "sys/kernel/random/boot_id").read_text().strip()]
    with suppress(OSError):
        # Each container counts its processes anew.
        parts.append(str((_PROC / "self/ns/pid").stat().st_ino))
    return ":".join(parts)


def _stat(pid: int) -> tuple[str, int]:
    """Return the state of a process and when it began; nothing and 0 where that cannot be read."""
    try:
        # The name in parentheses may hold anything, parentheses too.
        fields = (_PROC / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        return fields[0], int(fields[19])
    except (OSError, IndexError, ValueError):
        return "", 0
