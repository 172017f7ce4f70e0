"""Writes down what happens to the caches: who did what, when, from where, and how it was before.

An event may happen anywhere: inside an operation, inside somebody's transaction, while the database
is away. So it is only taken down here. What somebody did outside a transaction is written at once; all
else waits until an answer is out, the watcher comes by or the command ends. Nobody's work fails for it.
"""

from __future__ import annotations

import atexit
import getpass
import logging
import os
import platform
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.db import connections, transaction
from django.http import HttpRequest
from django.utils.module_loading import import_string

from cacheadmin import conf, watcher
from cacheadmin.saved_settings import SavedSettings
from cacheadmin.signals import cache_event

logger = logging.getLogger("cacheadmin")

COMMAND = "manage.py"
# What nobody did: it happens inside operations, where no query may run.
_OF_ITSELF = ("outage", "return", "switch", "restored")
# What is undone with the transaction that it is part of.
_SAVED = ("choice", "lifetime", "rollback")
# What Django's signals add.
_OF_DJANGO = ("signal", "sender")
_MOST_WAITING = 200
# Seconds until a failing database is asked again.
_PAUSE = 10.0


@dataclass(frozen=True)
class Event:
    """One event, not written yet.

    Args:
        kind: as in ``signals``.
        at: when it was over; an outage is noticed at its begin.
        alias: the cache, or the first of several.
        actor_id: the primary key of who did it; empty for the cache itself and for commands.
        actor_name: the name, ``manage.py`` and the system's user, or empty for the cache itself.
        address: of the client.
        machine: the name of this machine.
        ms: milliseconds it took, where that means something.
        details: plain data: ``groups``, ``engine``, ``was``, ``detail``, ``seconds``, …
        before: what was saved before it, where it changed that.
        after: and after it.
    """

    kind: str
    at: datetime
    alias: str = ""
    actor_id: str = ""
    actor_name: str = ""
    address: str = ""
    machine: str = ""
    ms: float | None = None
    details: dict[str, Any] = field(default_factory=dict)
    before: SavedSettings | None = None
    after: SavedSettings | None = None


Sink = Callable[[Sequence[Event]], None]

_sink: Sink | None = None
_trim: Callable[[int], None] | None = None
_waiting: deque[Event] = deque(maxlen=_MOST_WAITING)
_is_trimmed = True
_next_try = float("-inf")
_has_complained = False


def connect(sink: Sink, trim: Callable[[int], None]) -> None:
    """Say where events are written, and what keeps that bounded; called once, when the app is ready."""
    global _sink, _trim
    _sink, _trim = sink, trim
    cache_event.connect(take_down, dispatch_uid="cacheadmin.events")
    atexit.register(_write_at_exit)


def take_down(
    kind: str,
    *,
    alias: str = "",
    actor: object = "",
    request: HttpRequest | None = None,
    ms: float | None = None,
    settings_before: SavedSettings | None = None,
    settings_after: SavedSettings | None = None,
    **details: Any,
) -> None:
    """Take down an event; the receiver of ``signals.cache_event``."""
    event = Event(
        kind=kind,
        at=datetime.now(UTC),
        alias=alias,
        actor_id=str(getattr(actor, "pk", None) or ""),
        actor_name=_name_of(actor),
        address=_address_of(request),
        machine=platform.node(),
        ms=ms,
        details={
            name: value for name, value in details.items() if name not in _OF_DJANGO and _is_plain(value)
        },
        before=settings_before,
        after=settings_after,
    )
    database = conf.get("DATABASE")
    if kind in _OF_ITSELF:
        _waiting.append(event)
    elif not connections[database].in_atomic_block:
        _write(event)
    elif kind in _SAVED:
        transaction.on_commit(partial(_write, event), using=database)
    else:
        _waiting.append(event)


def _write(event: Event) -> None:
    _waiting.append(event)
    write_waiting()


def write_waiting(*, now: bool = True) -> None:
    """Write what waits, unless this thread is in a transaction; whatever fails is tried again later.

    Args:
        now: even if it has failed a moment ago.
    """
    global _is_trimmed, _next_try, _has_complained
    if _sink is None or not _waiting or (not now and time.monotonic() < _next_try):
        return
    taken: list[Event] = []
    try:
        if connections[conf.get("DATABASE")].in_atomic_block:
            return
        while _waiting:
            taken.append(_waiting.popleft())
        _sink(taken)
    except Exception as error:  # noqa: BLE001
        # No app, no table, no database, or a loop where no query may run: another time, perhaps.
        _waiting.extendleft(reversed(taken))
        _next_try = time.monotonic() + _PAUSE
        if not _has_complained:
            _has_complained = True
            logger.info("What happens to the cache cannot be written down (%s).", type(error).__name__)
    else:
        _is_trimmed = _has_complained = False


def keep_house() -> None:
    """Write what waits, and remove what is too old; never inside a request."""
    global _is_trimmed
    write_waiting(now=False)
    if _is_trimmed or _trim is None:
        return
    _is_trimmed = True
    _trim(conf.get("EVENTS"))


def forget() -> None:
    """Forget what waits, instead of writing it."""
    global _is_trimmed
    _waiting.clear()
    _is_trimmed = True


def _name_of(actor: object) -> str:
    if actor == COMMAND:
        return f"{COMMAND} ({_system_user()})"
    get_username = getattr(actor, "get_username", None)
    return str(get_username() if callable(get_username) else actor or "")


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A container may run under a number that has no name.
        return str(os.geteuid())


def _address_of(request: HttpRequest | None) -> str:
    if request is None:
        return ""
    finder = conf.get("CLIENT_ADDRESS")
    return str(import_string(finder)(request) if finder else request.META.get("REMOTE_ADDR", ""))


def _is_told(name: str, value: object) -> bool:
    return name not in _OF_DJANGO and _is_plain(value)


def _is_plain(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(name, str) and _is_plain(part) for name, part in value.items())
    return value is None or isinstance(value, str | int | float | bool)


def _write_at_exit() -> None:
    # Only what is left: a command has written its own, and so has a worker after its last answer.
    if not watcher.is_under_test():
        write_waiting()


def _after_fork() -> None:
    # The parent writes what it has seen.
    _waiting.clear()


os.register_at_fork(after_in_child=_after_fork)
