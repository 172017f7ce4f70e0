"""Writes what people do to the cache into the admin history."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver
from django.http import HttpRequest

from cacheadmin.signals import cache_event
from core import history

# What people do. An outage or a return is the cache's own doing and has nobody to name.
_DEEDS = {
    "clear": "clear cache",
    "choice": "choose cache engine",
    "lifetime": "change cache lifetime",
    "rollback": "restore cache settings",
    "warm": "warm up cache",
    "look": "look at a cached value",
    "delete": "delete a cached value",
    "moved": "take over cache keys",
    "copied": "take cache keys of its own",
}


@receiver(cache_event)
def _record_cache_event(
    kind: str, actor: object = "", request: HttpRequest | None = None, **details: Any
) -> None:
    if kind not in _DEEDS or details.get("automatic"):
        return
    entry = history.record(request, _DEEDS[kind], detail=_in_words(details))
    if request is None and isinstance(actor, str):
        entry.actor_name = actor
        entry.save(update_fields=["actor_name"])


def _in_words(details: dict[str, Any]) -> str:
    names = ("alias", "groups", "engine", "group", "before", "seconds", "event", "key")
    shown = {name: details[name] for name in names if details.get(name) is not None}
    return "; ".join(
        f"{name}: {', '.join(value) if isinstance(value, tuple) else value}" for name, value in shown.items()
    )
