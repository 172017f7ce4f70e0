"""What stands in the cache while a value is computed, and whether anybody still computes it."""

from __future__ import annotations

import math
import os
import platform
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from cacheadmin.engines.base import MISSING

# Seconds a lease stays at the most. It has to outlast any computation: what stands between a
# dead holder and the next caller is not this, but ``is_abandoned``.
LONGEST_LEASE = 3600.0
# Seconds for which another machine's holder is believed to be at it; nobody here can look.
TRUSTED_FROM_AFAR = 30.0
_MOST_TOKENS = 16
_PROC = Path("/proc")


@dataclass(frozen=True)
class Holder:
    """A process: where it runs, its number there, and when it began, as numbers are used again."""

    machine: str
    pid: int
    began: int


@dataclass(frozen=True)
class Lease:
    """The right to store what is being computed.

    Args:
        tokens: one for each computation under way, in the order in which they began.
        holder: who began the last one.
        since: when that was, in seconds since 1970.
    """

    tokens: tuple[str, ...]
    holder: Holder
    since: float

    def joined(self, token: str) -> Lease:
        """Return the lease after one more computation has begun."""
        return lease((*self.tokens[1 - _MOST_TOKENS :], token))


@dataclass(frozen=True)
class Kept:
    """A value that can be read while its successor is computed.

    Args:
        value: the value.
        fresh_until: when its lifetime ends, in seconds since 1970.
        usable_until: when nobody is given it any more.
        lease: of those who compute the next one.
    """

    value: Any
    fresh_until: float
    usable_until: float
    lease: Lease | None = None

    @property
    def life(self) -> float | None:
        """The seconds until nobody is given it any more; ``None`` is without an end."""
        return None if math.isinf(self.usable_until) else self.usable_until - time.time()


class LeaseLost(Exception):
    """What stands in the cache is not what was expected there, and stays untouched."""


def lease(tokens: tuple[str, ...]) -> Lease:
    """Return a lease held by this process."""
    return Lease(tokens, this_process(), time.time())


def new_token(*, refreshes: bool = False) -> str:
    """Return the name of a computation.

    Args:
        refreshes: whether somebody asked for a value computed from now on.
    """
    return ("refresh-" if refreshes else "") + secrets.token_hex(8)


def lease_in(found: Any) -> Lease | None:
    """Return the lease in what was read from the cache."""
    # By the type alone: what a stored value makes of a comparison is its own affair.
    if type(found) is Lease:
        return found
    return found.lease if type(found) is Kept else None


def under(found: Any, held: Lease) -> Any:
    """Return what takes the place of *found*, so that *held* counts from now on."""
    return replace(found, lease=held) if type(found) is Kept else held


def life_under_lease(found: Any) -> float | None:
    """Return the seconds that the entry ``under`` a lease lives."""
    if type(found) is not Kept:
        return LONGEST_LEASE
    life = found.life
    return None if life is None else max(LONGEST_LEASE, life)


def later_refreshes(held: Lease, token: str) -> Lease | None:
    """Return what is left of a lease once the computation *token* has come to its end.

    Who asked for a refresh after it began is still to have a value of its own stored. Whatever
    began earlier knows nothing newer, and whoever computes for want of patience has got a value.
    """
    left = tuple(
        other for other in held.tokens[held.tokens.index(token) + 1 :] if other.startswith("refresh-")
    )
    return replace(held, tokens=left) if left else None


def is_value(found: Any) -> bool:
    """Whether *found* is a value as it was computed."""
    return found is not MISSING and type(found) is not Lease and type(found) is not Kept


# --- Who is alive ---


def is_abandoned(held: Lease, tokens_here: Any) -> bool:
    """Whether nobody will hand in a value under this lease, as far as can be known.

    Args:
        held: the lease.
        tokens_here: the computations under way in this process.
    """
    holder, here = held.holder, this_process()
    if holder == here:
        return not any(token in tokens_here for token in held.tokens)
    if holder.machine == here.machine:
        return not is_running(holder.pid, holder.began)
    return time.time() - held.since > TRUSTED_FROM_AFAR


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
