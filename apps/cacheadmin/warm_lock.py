"""The two entries by which a warm-up is one for all machines: who is at it, and what came of it.

They are no data of the site: nobody counts how often they are read, and no statistics name their keys.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from django.core.cache import caches

from cacheadmin.backend import AdaptiveCache
from cacheadmin.engines.base import MISSING, Engine
from cacheadmin.warm_progress import Progress

Result = TypeVar("Result")

RUNNING, RESULT = "cacheadmin:warming", "cacheadmin:warmed"
# Seconds that the lock outlives its holder, and that a result can be read.
LOCK_LIFE, RESULT_LIFE = 60, 600


def read(alias: str) -> Progress | None:
    """Return what the holder of the lock has told, or else the result; ``None`` where there is neither."""
    for name in (RUNNING, RESULT):
        found = _do(alias, name, lambda engine, key: engine.get(key))
        if isinstance(found, tuple):
            return cast(Progress, found[1])
    return None


def take(alias: str, token: str, progress: Progress) -> bool:
    """Take the lock of a cache, unless somebody has it.

    Args:
        alias: the cache.
        token: a word that nobody else has.
        progress: what others may read.
    """
    return _do(alias, RUNNING, lambda engine, key: engine.add(key, (token, progress), LOCK_LIFE))


def renew(alias: str, token: str, progress: Progress) -> bool:
    """Tell the progress; return whether the lock is still the token's, or is again.

    Where a clear or a switch has taken it away, whoever is quicker goes on.
    """

    def renewed(old: Any) -> Any:
        return (token, progress) if isinstance(old, tuple) and old[0] == token else old

    found = _do(alias, RUNNING, lambda engine, key: engine.modify(key, renewed, LOCK_LIFE))
    return take(alias, token, progress) if found is MISSING else bool(found[0] == token)


def give_back(alias: str, token: str, progress: Progress) -> None:
    """Leave the result in place of the lock."""
    _do(alias, RESULT, lambda engine, key: engine.set(key, (token, progress), RESULT_LIFE))
    _do(alias, RUNNING, lambda engine, key: engine.delete(key))


def _do(alias: str, name: str, action: Callable[[Engine, str], Result]) -> Result:
    cache = cast(AdaptiveCache, caches[alias])
    # The key for each engine anew: where another one takes over, it begins a new generation.
    return cache.space.run(lambda engine: action(engine, cache.full_key(name)))
