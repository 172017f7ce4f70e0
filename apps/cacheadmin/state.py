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

from cacheadmin import conf, signals

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
Loader = Callable[[], Snapshot]
Saver = Callable[[str, str, str], None]
Listener = Callable[[Snapshot], None]

# Seconds without a look, at most, while looking takes long and fails.
_LONGEST_PAUSE = 10.0

_snapshot: Snapshot = MappingProxyType({})
_loader: Loader | None = None
_saver: Saver | None = None
_listeners: list[Listener] = []
_lock = threading.Lock()
_next_look = float("-inf")
_has_looked = False
_has_complained = False
_has_loaded = False


def connect(loader: Loader, saver: Saver) -> None:
    """Say how the saved settings are read and written; called once, when the app is ready."""
    global _loader, _saver
    _loader, _saver = loader, saver


def listen(listener: Listener) -> None:
    """Have *listener* called with each new snapshot."""
    _listeners.append(listener)


def snapshot() -> Snapshot:
    """Return what is known now, by alias; costs nothing."""
    return _snapshot


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
        listener(_snapshot)


def _is_due() -> bool:
    return not _has_looked or time.monotonic() >= _next_look


def _look(loader: Loader) -> bool:
    """Read the saved settings; return whether that worked."""
    global _next_look, _snapshot, _has_looked, _has_complained, _has_loaded
    begun = time.monotonic()
    _next_look = begun + conf.get("REFRESH_INTERVAL")
    try:
        _snapshot = MappingProxyType(dict(loader()))
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
    if _saver is None:
        raise RuntimeError("cacheadmin is not in INSTALLED_APPS, so there is no place to save to.")
    _saver(alias, engine, location)
    refresh(now=True)
    signals.send("choice", alias=alias, engine=engine, **origin)
