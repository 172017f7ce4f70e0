"""What happened to a cache, and the way back to what was saved before any of it."""

from __future__ import annotations

from typing import Any, cast

from django.core.cache import caches
from django.utils.translation import gettext as _

from cacheadmin import conf, signals, state
from cacheadmin.backend import AdaptiveCache
from cacheadmin.connection import ConnectionTest, deep_test
from cacheadmin.models import CacheEvent
from cacheadmin.saved_settings import SavedSettings

# What changes what is saved.
CHANGES = ("choice", "lifetime", "rollback", "undone")


class NothingToRestore(LookupError):
    """What was saved before the event is what is saved now, or cannot be read any more."""


class AddressRefused(Exception):
    """The address that would be in use again does not work.

    Args:
        test: what came of trying it.
    """

    def __init__(self, test: ConnectionTest) -> None:
        super().__init__(f"{test.address}: {test.verdict.label}")
        self.test = test


def events(alias: str = "default", most: int = 50) -> list[CacheEvent]:
    """Return what happened to the alias and those at the same LOCATION, newest first.

    Args:
        alias: a key of CACHES.
        most: so many at the most.
    """
    rows = CacheEvent.objects.using(conf.get("DATABASE"))
    return list(rows.filter(alias__in=["", *conf.together_with(alias)])[:most])


def before(event_id: int, alias: str = "default") -> SavedSettings:
    """Return what was saved when the event happened, as it was before that.

    Args:
        event_id: the event's number.
        alias: the cache.

    Raises:
        CacheEvent.DoesNotExist: there is no such event of this cache.
        NothingToRestore: nothing was changed since, or another SECRET_KEY wrote it.
    """
    rows = CacheEvent.objects.using(conf.get("DATABASE"))
    rows.get(pk=event_id, alias__in=["", *conf.together_with(alias)])
    later = rows.filter(pk__gte=event_id, kind__in=CHANGES, alias__in=conf.together_with(alias))
    change = later.order_by("pk").first()
    if change is None:
        raise NothingToRestore(_("Nothing that is saved was changed since."))
    try:
        return change.settings_before()
    except ValueError as error:
        raise NothingToRestore(_("It was written under another SECRET_KEY.")) from error


def roll_back(
    event_id: int, *, alias: str = "default", force: bool = False, watched: bool = False, **origin: Any
) -> None:
    """Restore choice, address and lifetimes as they were before an event; that is an event too.

    Args:
        event_id: the event's number.
        alias: the cache.
        force: restore an address of Redis even if it does not work.
        watched: whether the choice is taken back if it fails in its first minute; see ``trial``.
        origin: what the event says of its cause, such as ``actor`` and ``request``.

    Raises:
        CacheEvent.DoesNotExist: there is no such event of this cache.
        NothingToRestore: there is nothing to go back to.
        AddressRefused: the address of Redis from then does not work; nothing was changed.
        django.db.DatabaseError: it cannot be saved.
    """
    settings = before(event_id, alias)
    engine, address = settings.choice or ("", "")
    if engine == "redis" and not force:
        refuse_dead_address(alias, address, **origin)
    state.restore(settings, alias=alias, event=event_id, watched=watched, **origin)


def refuse_dead_address(alias: str, address: str, **origin: Any) -> None:
    """Test an address deeply before it is used, and tell the event if it is refused.

    Args:
        alias: the cache that is to use it.
        address: where Redis is; an empty string for the configured place.
        origin: what the event says of its cause, such as ``actor`` and ``request``.

    Raises:
        AddressRefused: it does not work.
    """
    space = cast(AdaptiveCache, caches[alias]).space
    address = address or space.selector.configured.location
    test = deep_test(address, space.namespace, space.selector.namespaces())
    if not test.ok:
        signals.send(
            "refused",
            alias=alias,
            engine="redis",
            address=test.address,
            detail=test.verdict.word,
            **origin,
        )
        raise AddressRefused(test)
