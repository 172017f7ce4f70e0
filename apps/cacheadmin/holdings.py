"""What an engine holds of one cache, by group: counted where it can be, estimated where not, or unknown.

Looking costs time, so there is a budget; what was looked at is part of what is told.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, cast

from django.core.cache import caches
from django.core.cache.backends.base import default_key_func

from cacheadmin import groups
from cacheadmin.backend import AdaptiveCache
from cacheadmin.engines.base import Engine, EngineUnavailable
from cacheadmin.engines.file import FileEngine
from cacheadmin.engines.redis import FAILURES, RedisEngine
from cacheadmin.identity import namespaces_beside

# What one look may cost at the most.
SECONDS, KEYS = 0.5, 20_000


@dataclass(frozen=True)
class Server:
    """What a Redis server says of itself, in bytes and keys; ``None`` where it may not be asked.

    Args:
        used_memory: bytes it takes in all, whoever's they are.
        max_memory: bytes it may take; 0 for as many as there are.
        keys: all keys of the database.
        foreign_keys: those among them of no alias at this address; estimated if not all were looked at.
        missing: what could not be asked, as names of Redis's commands.
    """

    used_memory: int | None = None
    max_memory: int | None = None
    keys: int | None = None
    foreign_keys: int | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Holdings:
    """What is held of one cache.

    Args:
        engine: the live engine.
        entries: how many entries; ``None`` if that is not available.
        size: their bytes, or ``None``.
        is_exact: whether the engine has counted them; else they are estimated from what was looked at.
        groups: entries of each group that the present keys lead to; ``None`` if nothing can be looked at.
        cleared: entries that a clear has left behind; they end with their lifetime. ``None`` as above.
        looked_at: how many keys were looked at for this, those of others included.
        is_complete: whether that were all.
        is_of_one_process: whether other workers hold entries of their own.
        server: what the Redis server says; ``None`` on another engine.
    """

    engine: str
    entries: int | None = None
    size: int | None = None
    is_exact: bool = False
    groups: dict[str, int] | None = None
    cleared: int | None = None
    looked_at: int = 0
    is_complete: bool = False
    is_of_one_process: bool = False
    server: Server | None = None


@dataclass
class _Look:
    """What one look at some keys found."""

    ours: int = 0
    foreign: int = 0
    cleared: int = 0
    looked_at: int = 0
    is_complete: bool = False
    by_group: Counter[str] = field(default_factory=Counter)


def holdings(alias: str = "default", *, seconds: float = SECONDS, keys: int = KEYS) -> Holdings:
    """Look at what the live engine holds of one cache.

    Args:
        alias: a key of CACHES that is an adaptive cache.
        seconds: how long that may take, about.
        keys: how many keys may be looked at.
    """
    cache = cast(AdaptiveCache, caches[alias])
    live = cache.space.engine()
    try:
        if isinstance(live, RedisEngine):
            return _of_redis(cache, live, seconds, keys)
        return _counted(cache, live, seconds, keys)
    except EngineUnavailable:
        # It was lost this moment: the next operation has another one take its place.
        return Holdings(live.name)


def _counted(cache: AdaptiveCache, engine: Engine, seconds: float, keys: int) -> Holdings:
    contents = engine.contents()
    look = _look(cache, engine.names(), seconds, keys)
    share = 1.0 if look.is_complete or not look.ours else max(1.0, (contents.entries or 0) / look.ours)
    return Holdings(
        engine=engine.name,
        entries=contents.entries,
        size=contents.size,
        is_exact=contents.entries is not None,
        groups=_scaled(look.by_group, share),
        cleared=round(look.cleared * share),
        looked_at=look.looked_at,
        is_complete=look.is_complete,
        is_of_one_process=not isinstance(engine, FileEngine) and not engine.is_shared,
    )


def _of_redis(cache: AdaptiveCache, engine: RedisEngine, seconds: float, keys: int) -> Holdings:
    missing: list[str] = []
    memory = _asked(missing, "INFO", lambda: engine.client.info("memory"))
    total = _asked(missing, "DBSIZE", lambda: engine.client.dbsize())
    try:
        # All keys, and not only ours: so it is known how many were looked at, and how many are foreign.
        look = _look(cache, engine.names("*"), seconds, keys)
    except PermissionError:
        return Holdings(engine.name, server=_server(memory, total, None, (*missing, "SCAN")))
    share = 1.0 if look.is_complete or not look.looked_at else None
    if share is None and total is not None:
        share = max(1.0, total / look.looked_at)
    entries = None if share is None else round(look.ours * share)
    foreign = None if share is None else round(look.foreign * share)
    return Holdings(
        engine=engine.name,
        entries=entries,
        groups=None if share is None else _scaled(look.by_group, share),
        cleared=None if share is None else round(look.cleared * share),
        looked_at=look.looked_at,
        is_complete=look.is_complete,
        server=_server(memory, total, foreign, tuple(missing)),
    )


def _server(
    memory: dict[str, Any] | None, total: int | None, foreign: int | None, missing: tuple[str, ...]
) -> Server:
    found = memory or {}
    return Server(found.get("used_memory"), found.get("maxmemory"), total, foreign, missing)


def _asked(missing: list[str], command: str, ask: Callable[[], Any]) -> Any:
    """Return the answer to a question that a managed Redis, or a minimal user, may refuse."""
    try:
        return ask()
    except FAILURES:
        missing.append(command)
        return None


# --- Keys ---


def _look(cache: AdaptiveCache, names: Iterable[str], seconds: float, keys: int) -> _Look:
    found = _Look()
    space = cache.space
    # The other aliases at this address are no strangers.
    known = tuple(f"{one}:" for one in (space.namespace, *namespaces_beside(space.identity, space.suffix)))
    end = time.monotonic() + seconds
    for name in names:
        found.looked_at += 1
        if name.startswith(known):
            _sort(cache, name, found)
        else:
            found.foreign += 1
        if found.looked_at >= keys or time.monotonic() > end:
            return found
    found.is_complete = True
    return found


def _sort(cache: AdaptiveCache, name: str, found: _Look) -> None:
    """Note one full key of an alias at this address."""
    space = cache.space
    if not name.startswith(f"{space.namespace}:"):
        return
    made, at, token = name.rpartition("@")
    if not at:
        # A note or a number that the machines share: ours, and no entry.
        return
    found.ours += 1
    group = _group_of(cache, made)
    if token == space.token(group):
        found.by_group[group] += 1
    else:
        found.cleared += 1


def _group_of(cache: AdaptiveCache, made: str) -> str:
    if cache.fixed_group:
        return cache.fixed_group
    if not cache.key_prefix:
        made = made.removeprefix(cache.space.namespace)
    # Whatever the version: Django writes prefix, version and key.
    head = f"{cache.key_prefix}:" if cache.key_func is default_key_func else ""
    return groups.of_key(made.removeprefix(head).partition(":")[2] if head else made)


def _scaled(numbers: Counter[str], share: float) -> dict[str, int]:
    return {name: round(number * share) for name, number in sorted(numbers.items())}
