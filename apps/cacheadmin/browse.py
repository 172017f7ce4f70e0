"""Looking at what a cache holds: keys by their beginning, within a budget, and one value at a time."""

from __future__ import annotations

import pickle
import time
from dataclasses import dataclass
from typing import Any, cast

from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured

from cacheadmin import groups
from cacheadmin.backend import AdaptiveCache
from cacheadmin.engines.base import MISSING
from cacheadmin.plain_values import in_words

# A search ends after so many keys that fit, keys that were looked at, and seconds.
MOST_FOUND, MOST_LOOKED, LONGEST = 50, 20_000, 0.5
# What a search may not list: the Redis user lacks SCAN.
CANNOT_LIST = "cannot list"


@dataclass(frozen=True)
class Found:
    """What a search has found.

    Args:
        keys: as they were given to the cache, each with its group.
        looked: at how many keys of this cache.
        hidden: how many of those are of protected groups, whose keys are secrets or name people.
        is_complete: whether all were looked at.
        problem: ``CANNOT_LIST`` where keys can only be asked for one by one.
    """

    keys: tuple[tuple[str, str], ...] = ()
    looked: int = 0
    hidden: int = 0
    is_complete: bool = True
    problem: str = ""


@dataclass(frozen=True)
class Entry:
    """One value.

    Args:
        key: as it was given to the cache.
        group: that it belongs to.
        kind: the type of the value.
        size: bytes that it takes, about.
        left: seconds that it still lives; ``None`` without an end.
        knows_left: whether that is known.
        text: the value in words, or why it is not shown.
        is_hidden: whether it is not shown.
    """

    key: str
    group: str
    kind: str
    size: int | None
    left: float | None
    knows_left: bool
    text: str
    is_hidden: bool


def search(prefix: str, alias: str = "default") -> Found:
    """Return the keys that begin with *prefix*, as far as the budget reaches; never blocks a server.

    Args:
        prefix: of keys as they are given to the cache.
        alias: the cache.
    """
    cache = cast(AdaptiveCache, caches[alias])
    deadline, looked, hidden = time.monotonic() + LONGEST, 0, 0
    keys: dict[str, str] = {}
    try:
        for key in cache.live_keys():
            looked += 1
            group = cache.group_of(key) if key is not None else ""
            if key is not None and _is_protected(group):
                hidden += 1
            elif key is not None and key.startswith(prefix):
                keys[key] = group
            if len(keys) >= MOST_FOUND or looked >= MOST_LOOKED or time.monotonic() > deadline:
                return Found(_sorted(keys), looked, hidden, is_complete=False)
    except PermissionError:
        return Found(problem=CANNOT_LIST, is_complete=False)
    return Found(_sorted(keys), looked, hidden)


def look(key: str, alias: str = "default", *, shows_people: bool = False) -> Entry | None:
    """Return one value as it may be shown; ``None`` if there is none. It counts in no statistics.

    Args:
        key: as it is given to the cache.
        alias: the cache.
        shows_people: whether whoever looks may see users' data.
    """
    cache = cast(AdaptiveCache, caches[alias])
    full, group = cache.full_key(key), cache.group_of(key)
    value = cache.space.run(lambda engine: engine.get(full))
    if value is MISSING:
        return None
    left, knows_left = _left(cache, full)
    shown = None if _is_protected(group) else in_words(value, shows_people=shows_people)
    return Entry(
        key=key,
        group=group,
        kind=f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins."),
        size=_size(value),
        left=left,
        knows_left=knows_left,
        text=shown or "",
        is_hidden=shown is None,
    )


def delete(key: str, alias: str = "default") -> bool:
    """Remove one entry, and return whether it was there.

    Raises:
        ValueError: its group is protected.
    """
    cache = cast(AdaptiveCache, caches[alias])
    if _is_protected(cache.group_of(key)):
        raise ValueError("Sessions and rate limits are protected.")
    return bool(cache.delete(key))


def _is_protected(group: str) -> bool:
    known = groups.get(group)
    return known is not None and known.protected


def _sorted(keys: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(keys.items()))


def _left(cache: AdaptiveCache, full: str) -> tuple[float | None, bool]:
    try:
        left = cache.space.run(lambda engine: engine.remaining(full))
    except PermissionError:
        return None, False
    return (None, False) if left is MISSING else (left, True)


def _size(value: Any) -> int | None:
    try:
        return len(pickle.dumps(value, pickle.HIGHEST_PROTOCOL))
    except (pickle.PicklingError, TypeError, AttributeError, ImproperlyConfigured):
        # Its class has changed since it was stored.
        return None
