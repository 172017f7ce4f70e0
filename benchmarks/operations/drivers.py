"""The same few calls for every peer, without a layer of ours in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

import diskcache
from django.core.cache import caches

from benchmarks.operations.peers import LIFE, MOST_BYTES, Peer
from cacheadmin.backend import AdaptiveCache
from cacheadmin.engines.base import MISSING, EngineUnavailable
from cacheadmin.shared import EPOCH


@dataclass(frozen=True)
class Driver:
    """What is called: methods of the peer itself, with the lifetime filled in where it has no default.

    Attributes:
        name: what a key has to look like in these calls.
        pack: what ``set_many`` takes.
    """

    name: Callable[[str], str]
    get: Callable[[str], Any]
    set: Callable[[str, object], Any]
    incr: Callable[[str, int], Any]
    add: Callable[[str, object], Any]
    delete: Callable[[str], Any]
    get_many: Callable[[list[str]], Any] | None = None
    set_many: Callable[[dict[str, Any]], Any] | None = None
    pack: Callable[[dict[str, object]], dict[str, Any]] = dict


def driver(peer: Peer, entries: int, directory: Path) -> Driver:
    """The calls of *peer* where *entries* are present."""
    if peer.way == "plain":
        return _plain(peer, entries, directory)
    if peer.way == "engine":
        return _engine(adaptive(peer, entries))
    one = caches[peer.alias(entries)]
    return Driver(str, one.get, one.set, one.incr, one.add, one.delete, one.get_many, one.set_many)


def adaptive(peer: Peer, entries: int) -> AdaptiveCache:
    """The handle of *peer*.

    Raises:
        RuntimeError: another engine than the one to be measured is live.
    """
    handle = cast(AdaptiveCache, caches[peer.alias(entries)])
    live = handle.space.engine().name
    if live != peer.family:
        raise RuntimeError(f"{peer.name}: the live engine is {live}; its figures would be those of another")
    return handle


def uncounted_get(
    handle: AdaptiveCache, key: str, default: Any = None, version: int | None = None, client: None = None
) -> Any:
    """Read as ``AdaptiveCache.get`` does where all is known, and count nothing: what statistics cost."""
    cells, epoch, engine, names = handle._fast.known  # noqa: SLF001
    known = names.get(key) if version is None and type(key) is str else None
    if known is None or cells[EPOCH] != epoch:
        return handle.get(key, default, version)
    full, tally = known
    try:
        value = engine.get(full)
    except EngineUnavailable as error:
        handle.space.leave(engine, error, tally)
        return handle.get(key, default, version)
    if value is MISSING:
        return default
    return value


def _engine(handle: AdaptiveCache) -> Driver:
    engine = handle.space.engine()
    life = float(LIFE)
    return Driver(
        handle.full_key,
        engine.get,
        partial(engine.set, timeout=life),
        engine.incr,
        partial(engine.add, timeout=life),
        engine.delete,
        engine.get_many,
        engine.set_many,
        lambda values: {key: (value, life) for key, value in values.items()},
    )


def _plain(peer: Peer, entries: int, directory: Path) -> Driver:
    one = _opened(str(directory / peer.folder(entries)))
    prefix = peer.prefix(entries)
    return Driver(
        # As long as the keys that Django makes for the others.
        lambda key: f"{prefix}:1:{key}",
        one.get,
        partial(one.set, expire=LIFE),
        one.incr,
        partial(one.add, expire=LIFE),
        one.delete,
    )


@cache
def _opened(directory: str) -> Any:
    return diskcache.Cache(directory, size_limit=MOST_BYTES)
