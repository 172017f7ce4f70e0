"""When what was counted is handed over: every few seconds by a thread, and when the process ends.

A batch that could not be handed over is kept and goes with the next one, so nothing is lost by a
database that is locked, or away for a while; the room for it is bounded.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.util import Finalize
from types import FrameType
from typing import Any, Protocol

from cacheadmin import conf, watcher
from cacheadmin.stats import tallies

logger = logging.getLogger("cacheadmin")

# Cache, hour (UTC), group.
Place = tuple[str, datetime, str]

# Seconds between two hand-overs of the keys read most, and how many there are in one, for each group.
_KEYS_EVERY = 30.0
_MOST_KEYS = 15
# Seconds that a hand-over may wait for a lock of the database: while nobody waits for it, and else.
_PATIENCE, _LITTLE_PATIENCE = 2.0, 0.2
# Seconds without another try, at most, after one that failed.
_LONGEST_PAUSE = 60.0
# What is kept while it cannot be handed over: some days of a site with many groups.
_MOST_PLACES = 2_000
_TRIMMED_EVERY = 3600.0


@dataclass
class Batch:
    """What was counted, by cache, hour and group.

    Args:
        counts: by kind.
        latencies: how many reads took how long, by bucket of ``histogram``.
        keys: how often which keys were read.
    """

    counts: dict[Place, Counter[str]] = field(default_factory=dict)
    latencies: dict[Place, Counter[int]] = field(default_factory=dict)
    keys: dict[Place, Counter[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.counts or self.latencies or self.keys)

    def bound(self) -> None:
        """Let go of what is oldest, if this has become too much."""
        parts: tuple[dict[Place, Any], ...] = (self.counts, self.latencies, self.keys)
        for part in parts:
            for place in list(part)[: max(0, len(part) - _MOST_PLACES)]:
                del part[place]


class Sink(Protocol):
    """Who keeps what was counted."""

    def add(self, batch: Batch, patience: float) -> None:
        """Add *batch* to what is kept, all of it or nothing, waiting for locks for *patience* seconds."""

    def trim(self, patience: float) -> None:
        """Let go of what is older than it shall be kept."""


_sink: Sink | None = None
_lock = threading.RLock()
_pending = Batch()
_next_try = _next_keys = float("-inf")
_next_trim = 0.0
_failures = 0
_trouble = ""
_has_begun = False
# The tests of a project undo what they save, and may end with another database than they began with.
_is_test = False
_is_ending = False


def connect(sink: Sink) -> None:
    """Say who keeps what is counted."""
    global _sink
    _sink = sink


def trouble() -> str:
    """Return why the last hand-over failed, as the name of an error; empty if it did not."""
    return _trouble


# --- What has come together ---


def _collect(*, with_keys: bool) -> None:
    """Add what was counted since the last time to what is to be handed over."""
    global _next_keys
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for one in tallies.every():
        place = (one.cache, hour, one.group)
        _gather(_pending.counts, place, one.take())
        _gather(_pending.latencies, place, one.take_latencies())
        if with_keys:
            _gather(_pending.keys, place, one.take_keys(_MOST_KEYS))
    if with_keys:
        _next_keys = time.monotonic() + _KEYS_EVERY
    _pending.bound()


def _gather(part: dict[Place, Counter[Any]], place: Place, found: Counter[Any]) -> None:
    if found:
        part.setdefault(place, Counter()).update(found)


@contextmanager
def collected() -> Iterator[Batch]:
    """Look at what this process has counted and not handed over; meanwhile it hands over nothing.

    So what is read from the sink within the block, and this, are all there is, and nothing twice.
    """
    with _lock:
        _collect(with_keys=True)
        yield _pending


# --- Handing over ---


def hand_over(*, patience: float = _PATIENCE, now: bool = True) -> bool:
    """Give the sink what was counted; return whether nothing is left.

    Args:
        patience: seconds to wait for locks, of ours and of the sink.
        now: also if the last try failed a moment ago.
    """
    if _sink is None or not tallies.is_on() or (not now and time.monotonic() < _next_try):
        return False
    if not _lock.acquire(timeout=patience):
        return False
    try:
        _collect(with_keys=now or time.monotonic() >= _next_keys)
        return _give(_sink, patience)
    finally:
        _lock.release()


def _give(sink: Sink, patience: float) -> bool:
    global _pending, _next_try, _failures, _trouble
    interval = conf.get("STATISTICS_INTERVAL")
    try:
        if _pending:
            sink.add(_pending, patience)
    except Exception as error:  # noqa: BLE001
        # No table, no database, a lock: nobody may suffer from it. It is kept for the next time.
        _failures += 1
        _next_try = time.monotonic() + min(interval * 2 ** min(_failures, 10), _LONGEST_PAUSE)
        if type(error).__name__ != _trouble:
            _trouble = type(error).__name__
            logger.info("Cache statistics cannot be saved now (%s); they are kept for later.", _trouble)
        return False
    _pending, _failures, _trouble = Batch(), 0, ""
    _next_try = time.monotonic() + interval
    return True


def _trim_if_due(patience: float) -> None:
    global _next_trim
    if _sink is None or time.monotonic() < _next_trim or _trouble:
        return
    _next_trim = time.monotonic() + _TRIMMED_EVERY
    try:
        _sink.trim(patience)
    except Exception as error:  # noqa: BLE001
        # As above: the next time, then.
        logger.info("Old cache statistics cannot be removed now (%s).", type(error).__name__)


# --- When ---


def begin() -> None:
    """See to it that what is counted in this process from now on is handed over."""
    global _has_begun, _is_test
    if _has_begun or not tallies.is_on():
        return
    _has_begun, _is_test = True, watcher.is_under_test()
    if _is_test:
        return
    # At the end of a process, whatever its kind: workers made by multiprocessing skip `atexit`.
    Finalize(None, _at_exit, exitpriority=100)
    _listen_to_celery()
    if watcher.threads_run():
        threading.Thread(target=_look_after, name="cacheadmin-statistics", daemon=True).start()


def _look_after() -> None:
    pause = threading.Event()
    while not watcher.is_under_test():
        pause.wait(conf.get("STATISTICS_INTERVAL"))
        hand_over(now=False)
        _trim_if_due(_PATIENCE)
        watcher.give_back_connections()


def after_answer() -> None:
    """Hand over where no thread does, and after each of the last answers of a process."""
    if _is_test or not _has_begun:
        return
    if _is_ending:
        hand_over()
    elif not watcher.threads_run():
        hand_over(patience=_LITTLE_PATIENCE, now=False)
        _trim_if_due(_LITTLE_PATIENCE)


def _at_exit() -> None:
    if not watcher.is_under_test():
        hand_over()


def _listen_to_celery() -> None:
    """Hand over at the farewell of Celery's prefork pool, whose processes end without any other."""
    known = sys.modules.get("celery.signals")
    farewell = getattr(known, "worker_process_shutdown", None)
    if farewell is not None:
        farewell.connect(_at_celerys_exit, weak=False, dispatch_uid="cacheadmin.stats")


def _at_celerys_exit(**_about: Any) -> None:
    _at_exit()


# --- Signals ---


def listen_for_end() -> None:
    """Hand over before SIGTERM ends a process that has no handler of its own, or is served by uvicorn.

    Others tell their workers to end and let them: there ``begin()`` is enough. uvicorn finishes
    what it is doing and then has the signal end the process, without any farewell.
    """
    if threading.current_thread() is not threading.main_thread() or "mod_wsgi" in sys.modules:
        return
    before = signal.getsignal(signal.SIGTERM)
    is_uvicorns = type(getattr(before, "__self__", None)).__module__.startswith("uvicorn")
    if before is not signal.SIG_DFL and not is_uvicorns:
        return

    def end(number: int, frame: FrameType | None) -> None:
        global _is_ending
        _is_ending = True
        if _has_begun and not _is_test:
            # Not in this thread: it may be in the middle of anything, holding any lock.
            farewell = threading.Thread(target=_say_farewell, name="cacheadmin-farewell", daemon=True)
            farewell.start()
            farewell.join(2 * _PATIENCE)
        if callable(before):
            # It lets the present requests finish, each of which hands over what it has counted.
            before(number, frame)
        else:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, end)


def _say_farewell() -> None:
    hand_over()
    watcher.give_back_connections()


def _after_fork() -> None:
    global _lock, _pending, _has_begun, _is_ending
    # What the parent has collected, the parent hands over.
    _lock, _pending = threading.RLock(), Batch()
    _has_begun = _is_ending = False


os.register_at_fork(after_in_child=_after_fork)
