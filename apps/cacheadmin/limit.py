"""How often somebody may do something: counted in the cache itself, exactly, by all workers that share it."""

from __future__ import annotations

import time
from typing import Any

from django.core.cache import caches

from cacheadmin import state

# Seconds that a count outlives its window: nobody's clock is that wrong.
_MARGIN = 60


def retry_after(what: str, who: object, *, most: int, seconds: int) -> int:
    """Count one more attempt, and return how many seconds to wait before the next is allowed.

    On the memory engine each worker counts for itself; when the engine changes, counts start anew. With
    the engine off nothing is counted.

    Args:
        what: is done.
        who: does it.
        most: attempts that are allowed in a window.
        seconds: length of a window.

    Returns:
        0 if this attempt is allowed.
    """
    now = _now()
    window = now // seconds
    key = f"ratelimit:cacheadmin:{what}:{who}:{window}"
    return 0 if _count(key, seconds + _MARGIN) <= most else (window + 1) * seconds - now


def _now() -> int:
    return int(time.time())


def _count(key: str, timeout: int) -> int:
    cache: Any = caches["default"]
    for _ in range(2):
        cache.add(key, 0, timeout)
        try:
            return int(cache.incr(key))
        except ValueError:
            # The engine was changed between the two steps, or was by others and this process is to follow.
            state.refresh(now=True)
    # Nothing is kept: the engine is off.
    return 1
