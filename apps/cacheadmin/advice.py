"""Advice: what an owner could do better with a cache, with evidence."""

from __future__ import annotations

from cacheadmin.looking import look
from cacheadmin.rules import Advice, advise_on

__all__ = ["Advice", "advise"]


def advise(alias: str = "default") -> list[Advice]:
    """Return all advice on a cache, the most severe first, in the active language; takes a second at most.

    Args:
        alias: a key of CACHES that is an adaptive cache.
    """
    return advise_on(look(alias, at_redis=True, at_database=True))
