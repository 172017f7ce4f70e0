"""The saved settings as this process knows them: a frozen snapshot, renewed at most once a second.

The snapshot is read from the database at the start of a request and before the first use of a
cache, never inside an operation. Whatever fails while reading keeps the last snapshot.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from django.core.signals import setting_changed

from cacheadmin import conf, groups, signals

logger = logging.getLogger("cacheadmin")


@dataclass(frozen=True)
class SavedChoice:
    """What is saved for one alias.

    Args:
        engine: ``auto``, ``redis``, ``file``, ``memory`` or ``off``.
        location: the address of Redis, or an empty string for the configured one.
        revision: raised by every change.
    """

    engine: str
    location: str = field(repr=False)
    revision: int


Snapshot = Mapping[str, SavedChoice]
Lifetimes = Mapping[str, int]


@dataclass(frozen=True)
class Saved:
    """All that is saved, as one look found it.

    Args:
        choices: by alias.
        lifetimes: seconds by group, by alias; the alias saved last comes last.
    """

    choices: Snapshot
    lifetimes: Mapping[str, Lifetimes] = field(default_factory=dict)
    # The same by LOCATION, filled as it is asked for: it goes with the look that it comes from.
    by_location: dict[str, Lifetimes] = field(default_factory=dict, compare=False, repr=False)


Loader = Callable[[], Saved]
ChoiceSaver = Callable[[str, str, str], None]
LifetimeSaver = Callable[[list[str], str, int | None], None]
Listener = Callable[[Snapshot], None]

# Nothing in Redis lives longer than this, so no longer lifetime would be true.
LONGEST_LIFETIME = 30 * 24 * 3600

_NO_PLACE = "cacheadmin is not in INSTALLED_APPS, so there is no place to save to."

# Seconds without a look, at most, while looking takes long and fails.
_LONGEST_PAUSE = 10.0

_saved = Saved(MappingProxyType({}))
_loader: Loader | None = None
_choice_saver: ChoiceSaver | None = None
_lifetime_saver: LifetimeSaver | None = None
_listeners: list[Listener] = []
_lock = threading.Lock()
_next_look = float("-inf")
_has_looked = False
_has_complained = False
_has_loaded = False


def connect(loader: Loader, choice_saver: ChoiceSaver, lifetime_saver: LifetimeSaver) -> None:
    """Say how the saved settings are read and written; called once, when the app is ready."""
    global _loader, _choice_saver, _lifetime_saver
    _loader, _choice_saver, _lifetime_saver = loader, choice_saver, lifetime_saver


def listen(listener: Listener) -> None:
    """Have *listener* called with each new snapshot."""
    _listeners.append(listener)


def snapshot() -> Snapshot:
    """Return the choices that are known now, by alias; costs nothing."""
    return _saved.choices


def refresh(*, now: bool = False) -> None:
    """Look at the saved settings, if the last look was a second or more ago.

    Long-running code without requests calls this from time to time to follow a switch.

    Args:
        now: look even if the last look was a moment ago.
    """
    if _loader is None or not (now or _is_due()):
        return
    # One looks, the others go on with what is known: only who knows nothing yet waits for it.
    if not _lock.acquire(blocking=now or not _has_looked):
        return
    try:
        if not (now or _is_due()) or not _look(_loader):
            return
    finally:
        _lock.release()
    for listener in _listeners:
        listener(_saved.choices)


def _is_due() -> bool:
    return not _has_looked or time.monotonic() >= _next_look


def _look(loader: Loader) -> bool:
    """Read the saved settings; return whether that worked."""
    global _next_look, _saved, _has_looked, _has_complained, _has_loaded
    begun = time.monotonic()
    _next_look = begun + conf.get("REFRESH_INTERVAL")
    try:
        _saved = loader()
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
    return _loader is None or _has_loaded


def refresh_if_possible() -> None:
    """Look at the saved settings unless the caller is in async code, where no query may run."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        refresh()


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


def save_lifetime(group: str, seconds: int | None, *, alias: str = "default", **origin: Any) -> None:
    """Save how long entries of a group live in the alias and those at the same LOCATION.

    In force here at once and in the other processes within two seconds, for what is stored from then on.

    Args:
        group: the group's name.
        seconds: whole seconds, 1 to 30 days; ``None`` goes back to what is declared.
        alias: a key of CACHES.
        origin: what the event says of its cause, such as ``actor`` and ``request``.

    Raises:
        KeyError: there is no such group.
        ValueError: that is no lifetime, or no cache.
    """
    if alias not in conf.aliases():
        raise ValueError(f"There is no cache {alias!r} in CACHES.")
    if groups.get(group) is None:
        raise KeyError(group)
    if seconds is not None and not _is_lifetime(seconds):
        raise ValueError(
            f"A lifetime is a whole number of seconds, 1 to {LONGEST_LIFETIME} (30 days), not {seconds!r}."
        )
    if _lifetime_saver is None:
        raise RuntimeError(_NO_PLACE)
    location = conf.location(alias)
    before = saved_lifetimes(location).get(group)
    beside = [other for other in conf.aliases() if other != alias and conf.has_location(other, location)]
    _lifetime_saver([alias, *beside], group, seconds)
    refresh(now=True)
    signals.send("lifetime", alias=alias, group=group, seconds=seconds, before=before, **origin)


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
    if _choice_saver is None:
        raise RuntimeError(_NO_PLACE)
    _choice_saver(alias, engine, location)
    refresh(now=True)
    signals.send("choice", alias=alias, engine=engine, **origin)


def _forget_locations(*, setting: str, **kwargs: object) -> None:
    if setting == "CACHES":
        _saved.by_location.clear()


setting_changed.connect(_forget_locations, dispatch_uid="cacheadmin.state")
