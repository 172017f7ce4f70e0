"""What stands in the cache while a value is computed, and whether anybody still computes it."""

from __future__ import annotations

import math
import secrets
import time
from dataclasses import dataclass, replace
from typing import Any

from cacheadmin.engines.base import MISSING
from cacheadmin.processes import Holder, is_running, this_process

# Seconds a lease stays at the most. It has to outlast any computation: what stands between a
# dead holder and the next caller is not this, but ``is_abandoned``.
LONGEST_LEASE = 3600.0
# Seconds for which another machine's holder is believed to be at it; nobody here can look.
TRUSTED_FROM_AFAR = 30.0
_MOST_TOKENS = 16


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
