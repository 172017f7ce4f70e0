"""The state of the cache in a few words, for health checks."""

from __future__ import annotations

from typing import Any, cast

from django.core.cache import caches

from cacheadmin.backend import AdaptiveCache


def cache_health(alias: str = "default") -> dict[str, Any]:
    """Return engine, choice, reason and whether the live engine is not the one that ought to be.

    Args:
        alias: a key of CACHES that is an adaptive cache.
    """
    cache = cast(AdaptiveCache, caches[alias])
    status = cache.space.selector.status(spared=cache.is_spared)
    return {
        "engine": status.engine,
        "choice": status.choice,
        "degraded": status.is_degraded,
        "reason": status.reason.word,
        "since": status.since.isoformat(),
    }
