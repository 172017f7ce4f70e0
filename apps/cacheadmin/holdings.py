"""What an engine holds of one cache, by group: counted where it can be, estimated where not, or unknown.

Looking costs time, so there is a budget; what was looked at is part of what is told.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, cast

from django.core.cache import caches
from django.core.cache.backends.base import default_key_func

from cacheadmin import groups, watcher
from cacheadmin.backend import AdaptiveCache
from cacheadmin.engines.base import Contents, Engine
from cacheadmin.engines.memory import MemoryEngine
from cacheadmin.engines.redis import RedisEngine, info
from cacheadmin.identity import namespaces_beside

# What one look may cost at the most.
SECONDS, KEYS = 0.5, 20_000
# Keys whose sizes are asked for in one go.
_LOT = 500
# Stands for the group of what a clear has left behind: no group has such a name.
_CLEARED = ""


@dataclass(frozen=True)
class Server:
    """What the Redis servers say of themselves, in bytes and keys; ``None`` where they may not be asked.

    Args:
        used_memory: bytes they take in all, whoever's they are.
        max_memory: bytes they may take; 0 for as many as there are.
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
class Held:
    """Some entries, and the bytes they take; ``None`` where those cannot be asked."""

    entries: int
    size: int | None


@dataclass(frozen=True)
class Holdings:
    """What is held of one cache.

    Args:
        engine: the live engine.
        entries: how many entries; ``None`` if that is not available.
        size: their bytes, or ``None``. On Redis what the server needs for them, its own overhead included.
        is_exact: whether the engine has counted them; else they are estimated from what was looked at.
        groups: what the present keys of each group lead to; ``None`` if nothing can be looked at.
        cleared: what a clear has left behind; it ends with its lifetime. ``None`` as above.
        looked_at: how many keys were looked at for this, those of others included.
        is_complete: whether that were all; else the groups are estimated.
        is_of_one_process: whether other workers hold entries of their own.
        server: what the Redis server says; ``None`` on another engine.
    """

    engine: str
    entries: int | None = None
    size: int | None = None
    is_exact: bool = False
    groups: dict[str, Held] | None = None
    cleared: Held | None = None
    looked_at: int = 0
    is_complete: bool = False
    is_of_one_process: bool = False
    server: Server | None = None

    def as_json(self) -> dict[str, Any]:
        """Return what ``manage.py cache stats --json`` prints of it."""
        groups = {name: asdict(held) for name, held in (self.groups or {}).items()}
        return {
            "engine": self.engine,
            "entries": self.entries,
            "size": self.size,
            "exact": self.is_exact,
            "groups": None if self.groups is None else groups,
            "cleared": self.cleared and asdict(self.cleared),
            "looked_at": self.looked_at,
            "complete": self.is_complete,
            "server": self.server and asdict(self.server),
        }


@dataclass
class _Look:
    """What one look at some keys found."""

    looked_at: int = 0
    foreign: int = 0
    is_complete: bool = False
    entries: Counter[str] = field(default_factory=Counter)
    sizes: Counter[str] | None = field(default_factory=Counter)

    def held(self, group: str, share: float) -> Held:
        size = None if self.sizes is None else round(self.sizes[group] * share)
        return Held(round(self.entries[group] * share), size)

    def groups(self, share: float) -> dict[str, Held]:
        return {name: self.held(name, share) for name in sorted(self.entries) if name != _CLEARED}


def contents(alias: str = "default") -> Contents:
    """Return how many entries the live engine holds of one cache, and their bytes, as far as it counts them.

    Args:
        alias: a key of CACHES that is an adaptive cache.
    """
    cache = cast(AdaptiveCache, caches[alias])
    return cache.space.run(_contents, spared=cache.is_spared)


def holdings(alias: str = "default", *, seconds: float = SECONDS, keys: int = KEYS) -> Holdings:
    """Look at what the live engine holds of one cache.

    Args:
        alias: a key of CACHES that is an adaptive cache.
        seconds: how long that may take, about.
        keys: how many keys may be looked at.
    """
    cache = cast(AdaptiveCache, caches[alias])

    def look(engine: Engine) -> Holdings:
        if isinstance(engine, RedisEngine):
            return _of_redis(cache, engine, seconds, keys)
        return _counted(cache, engine, seconds, keys)

    return cache.space.run(look, spared=cache.is_spared)


def _contents(engine: Engine) -> Contents:
    return engine.contents() if _is_seen(engine) else Contents(None, None)


def _is_seen(engine: Engine) -> bool:
    """Whether what the site's workers store is what is found here; a command sees no worker's memory."""
    return not isinstance(engine, MemoryEngine) or watcher.is_worker()


def _counted(cache: AdaptiveCache, engine: Engine, seconds: float, keys: int) -> Holdings:
    is_of_one_process = isinstance(engine, MemoryEngine)
    if not _is_seen(engine):
        return Holdings(engine.name, is_of_one_process=is_of_one_process)
    counted = engine.contents()
    look = _look(cache, engine, engine.names(), seconds, keys)
    ours = look.entries.total()
    share = 1.0 if look.is_complete or not ours else max(1.0, (counted.entries or 0) / ours)
    return Holdings(
        engine=engine.name,
        entries=counted.entries,
        size=counted.size,
        is_exact=counted.entries is not None,
        groups=look.groups(share),
        cleared=look.held(_CLEARED, share),
        looked_at=look.looked_at,
        is_complete=look.is_complete,
        is_of_one_process=is_of_one_process,
    )


def _of_redis(cache: AdaptiveCache, engine: RedisEngine, seconds: float, keys: int) -> Holdings:
    missing: list[str] = []
    memory = _asked(missing, "INFO", lambda: engine.ask_servers(b"INFO", b"memory"))
    sums = _asked(missing, "DBSIZE", lambda: engine.ask_servers(b"DBSIZE"))
    total = None if sums is None else sum(sums)
    try:
        # All keys, and not only ours: so it is known how many were looked at, and how many are foreign.
        look = _look(cache, engine, engine.names("*"), seconds, keys)
    except PermissionError:
        return Holdings(engine.name, server=_server(memory, total, None, (*missing, "SCAN")))
    if look.sizes is None:
        missing.append("MEMORY USAGE")
    share = _share(look, total)
    if share is None:
        return Holdings(
            engine.name, looked_at=look.looked_at, server=_server(memory, total, None, tuple(missing))
        )
    return Holdings(
        engine=engine.name,
        entries=round(look.entries.total() * share),
        size=None if look.sizes is None else round(look.sizes.total() * share),
        groups=look.groups(share),
        cleared=look.held(_CLEARED, share),
        looked_at=look.looked_at,
        is_complete=look.is_complete,
        server=_server(memory, total, round(look.foreign * share), tuple(missing)),
    )


def _share(look: _Look, total: int | None) -> float | None:
    """Return how many keys each of those stands for that were looked at; ``None`` where nobody knows."""
    if look.is_complete:
        return 1.0
    return max(1.0, total / look.looked_at) if total is not None and look.looked_at else None


def _server(
    memory: list[bytes] | None, total: int | None, foreign: int | None, missing: tuple[str, ...]
) -> Server:
    said = [info.facts(one) for one in memory or ()]
    used, limits = _numbers(said, "used_memory"), _numbers(said, "maxmemory")
    # Where one node of several has no limit, the whole has none.
    limit = None if limits is None else sum(limits) * all(limits)
    return Server(None if used is None else sum(used), limit, total, foreign, missing)


def _numbers(said: list[dict[str, str]], name: str) -> list[int] | None:
    """Return what each server says under *name*; ``None`` where one of them does not."""
    found = [number for one in said if (number := info.number(one.get(name))) is not None]
    return found if found and len(found) == len(said) else None


def _asked(missing: list[str], command: str, ask: Callable[[], list[Any]]) -> list[Any] | None:
    """Return the answers to a question that a managed Redis, or a minimal user, may refuse."""
    try:
        return ask()
    except PermissionError:
        missing.append(command)
        return None


# --- Keys ---


def _look(cache: AdaptiveCache, engine: Engine, names: Iterable[str], seconds: float, keys: int) -> _Look:
    found, names, end = _Look(), iter(names), time.monotonic() + seconds
    space = cache.space
    # The other aliases at this address are no strangers.
    known = tuple(f"{one}:" for one in (space.namespace, *namespaces_beside(space.identity, space.suffix)))
    while found.looked_at < keys and (not found.looked_at or time.monotonic() < end):
        lot = list(islice(names, min(_LOT, keys - found.looked_at)))
        if not lot:
            found.is_complete = True
            break
        found.looked_at += len(lot)
        found.foreign += sum(not name.startswith(known) for name in lot)
        _sort(cache, engine, [name for name in lot if _is_entry(cache, name)], found)
    return found


def _is_entry(cache: AdaptiveCache, name: str) -> bool:
    # Without a generation it is a note or a number that the machines share: ours, and no entry.
    return name.startswith(f"{cache.space.namespace}:") and "@" in name


def _sort(cache: AdaptiveCache, engine: Engine, ours: list[str], found: _Look) -> None:
    """Note some entries of this cache by their group, and how large they are."""
    belong = [_group_of(cache, name) for name in ours]
    found.entries.update(belong)
    if found.sizes is None or not ours:
        return
    try:
        sizes = engine.sizes_of(ours)
    except PermissionError:
        found.sizes = None
        return
    for group, size in zip(belong, sizes, strict=True):
        found.sizes[group] += size or 0


def _group_of(cache: AdaptiveCache, name: str) -> str:
    """Return the group that a full key of this cache belongs to, or ``_CLEARED``."""
    made, _at, token = name.rpartition("@")
    group = cache.fixed_group or _named_group(cache, made)
    return group if token == cache.space.token(group) else _CLEARED


def _named_group(cache: AdaptiveCache, made: str) -> str:
    if not cache.key_prefix:
        made = made.removeprefix(cache.space.namespace)
    # Whatever the version: Django writes prefix, version and key.
    head = f"{cache.key_prefix}:" if cache.key_func is default_key_func else ""
    return groups.of_key(made.removeprefix(head).partition(":")[2] if head else made)
