"""The saved settings as this process knows them: a frozen snapshot, renewed at most once a second.

The snapshot is read from the database at the start of a request and before the first use of a
cache, never inside an operation. Whatever fails while reading keeps the last snapshot.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from django.core.signals import setting_changed
from django.db import connections
from django.utils.translation import gettext as _

from cacheadmin import conf, groups, signals, watcher
from cacheadmin.saved_settings import ANY, Change, SavedSettings
from cacheadmin.snapshot import Lifetimes, Saved, Snapshot, Store

logger = logging.getLogger("cacheadmin")


Listener = Callable[[Saved], None]

# Nothing in Redis lives longer than this, so no longer lifetime would be true.
LONGEST_LIFETIME = 30 * 24 * 3600

# Seconds without a look, at most, while looking takes long and fails.
_LONGEST_PAUSE = 10.0

_saved = Saved(MappingProxyType({}))
_store: Store | None = None
_listeners: list[Listener] = []
_lock = threading.Lock()
_next_look = float("-inf")
_has_looked = False
_has_complained = False
_has_loaded = False


def connect(store: Store | None) -> None:
    """Say where settings are saved; ``None`` for nowhere any more."""
    global _store
    _store = store


def store() -> Store:
    """Return where settings are saved.

    Raises:
        RuntimeError: nowhere, as the app is not installed.
    """
    if _store is None:
        raise RuntimeError("cacheadmin is not in INSTALLED_APPS, so there is no place to save to.")
    return _store


def has_store() -> bool:
    """Whether there is a place where settings could be saved."""
    return _store is not None


def listen(listener: Listener) -> None:
    """Have *listener* called with each new snapshot."""
    _listeners.append(listener)


def snapshot() -> Snapshot:
    """Return the choices that are known now, by alias; costs nothing."""
    return _saved.choices


def saved() -> Saved:
    """Return all that is known now to be saved; costs nothing."""
    return _saved


def place() -> str:
    """Return a name of the database that the settings are saved in; empty where it is not known."""
    return _saved.installation.place


def is_in_transaction() -> bool:
    """Whether what is written now to where settings are saved could be undone together with other things."""
    return connections[conf.get("DATABASE")].in_atomic_block


def refresh(*, now: bool = False) -> None:
    """Look at the saved settings, if the last look was a second or more ago.

    Long-running code without requests calls this from time to time to follow a switch.

    Args:
        now: look even if the last look was a moment ago.
    """
    if _store is None or not (now or _is_due()):
        return
    # One looks, the others go on with what is known: only who knows nothing yet waits for it.
    if not _lock.acquire(blocking=now or not _has_looked):
        return
    try:
        if not (now or _is_due()) or not _look(_store):
            return
    finally:
        _lock.release()
    for listener in _listeners:
        listener(_saved)


def _is_due() -> bool:
    return not _has_looked or time.monotonic() >= _next_look


def _look(store: Store) -> bool:
    """Read the saved settings; return whether that worked."""
    global _next_look, _saved, _has_looked, _has_complained, _has_loaded
    begun = time.monotonic()
    _next_look = begun + conf.get("REFRESH_INTERVAL")
    try:
        _saved = store.load_saved()
    except Exception as error:  # noqa: BLE001
        # Before migrate, without a database, in a test that forbids queries: any failure keeps
        # what was known, and is told once. What took long to fail is tried less often.
        ended = time.monotonic()
        _next_look = ended + max(conf.get("REFRESH_INTERVAL"), min(5 * (ended - begun), _LONGEST_PAUSE))
        if not _has_complained:
            _has_complained = True
            logger.info(
                "The saved cache settings cannot be read (%s); going on without.", type(error).__name__
            )
        return False
    else:
        _has_complained, _has_loaded = False, True
        return True
    finally:
        _has_looked = True


def look_again_soon() -> None:
    """Have the next ``refresh()`` look, however short ago the last one was."""
    global _next_look
    _next_look = float("-inf")


def is_known() -> bool:
    """Whether the saved settings have been read, or there is nothing to read them from."""
    return _store is None or _has_loaded


def refresh_at_first_use() -> None:
    """Look at the saved settings, also from async code: there no query may run, so a thread asks.

    Whoever goes on without knowing its database might take another installation's keys for its own.
    """
    # A connection of another thread would outlive the database of a test.
    if watcher.is_under_test() and threading.current_thread() is not threading.main_thread():
        return
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        refresh()
        return
    if _store is None or not _is_due() or watcher.is_under_test():
        return
    thread = threading.Thread(target=refresh_alone, name="cacheadmin-first-look", daemon=True)
    thread.start()
    thread.join()


def refresh_alone() -> None:
    """Do the same in a thread of ours, whose connections Django does not close."""
    try:
        refresh()
    finally:
        connections.close_all()


# --- Lifetimes ---


def lifetime(group: str, alias: str = "default") -> int | None:
    """Return the seconds that entries of *group* live in *alias* unless a call says otherwise.

    Returns:
        what is saved, else what the group declares; ``None`` leaves it to the alias's TIMEOUT.
    """
    return lifetime_at(group, conf.location(alias))


def lifetime_at(group: str, location: str) -> int | None:
    """Return the same for the caches at *location*: what each write asks, and so dictionaries alone."""
    saved = _saved.by_location.get(location)
    if saved is None:
        saved = saved_lifetimes(location)
    if group in saved:
        return saved[group]
    declared = groups.get(group)
    return None if declared is None else declared.ttl


def saved_lifetimes(location: str) -> Lifetimes:
    """Return the saved seconds by group for the caches at *location*."""
    # One look for all of this, whatever another thread finds meanwhile.
    saved = _saved
    found = saved.by_location.get(location)
    if found is None:
        merged: dict[str, int] = {}
        for alias, seconds in saved.lifetimes.items():
            if conf.has_location(alias, location):
                merged.update(seconds)
        found = saved.by_location[location] = MappingProxyType(merged)
    return found


def save_lifetime(
    group: str,
    seconds: int | None,
    *,
    alias: str = "default",
    was: int | bool | None = ANY,
    **origin: Any,
) -> None:
    """Save how long entries of a group live in the alias and those at the same LOCATION.

    In force here at once and in the other processes within two seconds, for what is stored from then on.

    Args:
        group: the group's name.
        seconds: whole seconds, 1 to 30 days; ``None`` goes back to what is declared.
        alias: a key of CACHES.
        was: what whoever saves has seen; ``ANY`` for whatever it is.
        origin: what the event says of its cause, such as ``actor`` and ``request``.

    Raises:
        ChangedMeanwhile: something else is saved by now; it stays.
        KeyError: there is no such group.
        ValueError: that is no lifetime, or no cache.
    """
    if alias not in conf.aliases():
        raise ValueError(f"There is no cache {alias!r} in CACHES.")
    if groups.get(group) is None:
        raise KeyError(group)
    if seconds is not None and not _is_lifetime(seconds):
        raise ValueError(
            _("A lifetime is a whole number of seconds, 1 to %(most)d (30 days), not %(said)r.")
            % {"most": LONGEST_LIFETIME, "said": seconds}
        )
    before = saved_lifetimes(conf.location(alias)).get(group)
    change = store().save_lifetime(conf.together_with(alias), group, seconds, was=was)
    refresh(now=True)
    _tell("lifetime", change, alias=alias, group=group, seconds=seconds, before=before, **origin)


def _is_lifetime(seconds: object) -> bool:
    return isinstance(seconds, int) and not isinstance(seconds, bool) and 1 <= seconds <= LONGEST_LIFETIME


# --- Choices ---


def save_choice(alias: str = "default", *, engine: str, location: str = "", **origin: Any) -> None:
    """Save which engine the alias and those at the same LOCATION use; in force here at once.

    Args:
        alias: a key of CACHES.
        engine: ``auto``, ``redis``, ``file``, ``memory`` or ``off``.
        location: the address of Redis, or an empty string for the configured one.
        origin: what the event says of its cause, such as ``actor`` and ``request``.

    Raises:
        ValueError: there is no such engine.
    """
    if engine not in ("auto", "redis", "file", "memory", "off"):
        raise ValueError(f"There is no engine {engine!r}.")
    change = store().save_choice(conf.together_with(alias), engine, location)
    refresh(now=True)
    _tell("choice", change, alias=alias, engine=engine, **origin)


def restore(settings: SavedSettings, *, alias: str = "default", **origin: Any) -> None:
    """Save once more what was saved for the alias and those at the same LOCATION; in force here at once.

    Args:
        settings: all of it; what is not in it is forgotten.
        alias: a key of CACHES.
        origin: what the event says of its cause, such as ``actor`` and ``request``.
    """
    change = store().restore(conf.together_with(alias), settings)
    refresh(now=True)
    _tell("rollback", change, alias=alias, **origin)


def _tell(kind: str, change: Change, **details: Any) -> None:
    # Who saves what is saved already has changed nothing.
    if change.before != change.after:
        signals.send(kind, settings_before=change.before, settings_after=change.after, **details)


def _forget_locations(*, setting: str, **kwargs: object) -> None:
    if setting == "CACHES":
        _saved.by_location.clear()


def _after_fork() -> None:
    global _lock
    # The thread that was looking at the moment of the fork is the parent's.
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)
setting_changed.connect(_forget_locations, dispatch_uid="cacheadmin.state")
