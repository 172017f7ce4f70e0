"""Clearing: everything that may go, or one group, with a word to whoever listens."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from django.core.cache import caches

from cacheadmin import groups, shared, signals
from cacheadmin.backend import AdaptiveCache


class ProtectedGroup(ValueError):
    """A group that no clear empties."""


@dataclass(frozen=True)
class Cleared:
    """What a clear did.

    Args:
        groups: the names of the groups that were emptied.
        spared: the names of those that were not.
        ms: milliseconds it took.
    """

    groups: tuple[str, ...]
    spared: tuple[str, ...]
    ms: float


def clear_group(name: str, alias: str = "default") -> None:
    """Empty one group at once, at any size; nothing else is touched.

    Args:
        name: the group's name.
        alias: the cache it is in.
    """
    cast(AdaptiveCache, caches[alias]).clear_groups([name])


def clear(names: Iterable[str] | None = None, *, alias: str = "default", **origin: Any) -> Cleared:
    """Empty some groups, or all that are not protected, and tell the event.

    Args:
        names: names of groups; ``None`` means all but the protected ones (sessions, rate limits).
        alias: the cache.
        origin: what the event says of its cause, such as ``actor`` and ``request``.

    Raises:
        KeyError: there is no such group.
        ProtectedGroup: the group is never cleared, as it holds sessions or rate limits.
    """
    known = {group.name: group for group in groups.every()}
    wanted = [name for name, group in known.items() if not group.protected] if names is None else list(names)
    # An alias that holds nothing else is cleared of its protected group when it is named.
    own = cast(AdaptiveCache, caches[alias]).fixed_group
    protected = [name for name in wanted if name in known and known[name].protected and name != own]
    if protected:
        raise ProtectedGroup(protected[0])
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise KeyError(unknown[0])
    began = time.perf_counter()
    cast(AdaptiveCache, caches[alias]).clear_groups(wanted)
    result = Cleared(
        groups=tuple(wanted),
        spared=tuple(name for name in known if name not in wanted),
        ms=(time.perf_counter() - began) * 1000,
    )
    cast(AdaptiveCache, caches[alias]).space.selector.words.write(shared.COLD, 1)
    signals.send("clear", alias=alias, groups=result.groups, ms=result.ms, **origin)
    return result
