"""Warmers: what fills a group before anybody asks.

An app declares its warmers in ``cache_groups.py`` as a list named ``warmers``, beside its groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sized
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from django.apps import apps
from django.utils.functional import Promise
from django.utils.module_loading import module_has_submodule

from cacheadmin import groups


@dataclass(frozen=True)
class Warmer:
    """What fills one group, or a part of it.

    Args:
        name: one of its own.
        group: the group it fills.
        warm: called with each item; calls what is cached, so that a second time costs a read.
        items: gives the items; called when the warm-up begins, so it may ask the database.
        label: what people read.
        count: how many items there are, about; ``None`` takes the length of what ``items`` gives.
        alias: the cache it fills.
    """

    name: str
    group: str
    warm: Callable[[Any], object]
    items: Callable[[], Iterable[Any]]
    label: str | Promise = ""
    count: Callable[[], int] | None = None
    alias: str = "default"

    def begin(self) -> tuple[Iterable[Any], int | None]:
        """Return its items, and how many there are, if that can be known."""
        items = self.items()
        if self.count is not None:
            return items, self.count()
        return items, len(items) if isinstance(items, Sized) else None


_registry: dict[tuple[str, str], Warmer] = {}


def register(warmer: Warmer) -> None:
    """Make *warmer* known; a second one of its name, for the same cache, replaces it.

    Raises:
        ValueError: nobody has declared its group.
    """
    if groups.get(warmer.group) is None:
        raise ValueError(f"The warmer {warmer.name!r} fills a group that nobody declares: {warmer.group!r}.")
    _registry[warmer.alias, warmer.name] = warmer


def autodiscover() -> None:
    """Register what the ``cache_groups`` module of each installed app declares; after the groups."""
    for config in apps.get_app_configs():
        if module_has_submodule(config.module, "cache_groups"):
            for warmer in getattr(import_module(f"{config.name}.cache_groups"), "warmers", ()):
                register(warmer)


def of(alias: str) -> list[Warmer]:
    """Return the warmers of a cache, in the order of their declaration."""
    return [warmer for warmer in _registry.values() if warmer.alias == alias]
