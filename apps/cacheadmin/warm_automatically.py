"""Fills again what a clear or a switch has emptied, in the background.

Who empties something leaves a word in the state that the workers of the machine share. The first of them
that keeps house takes it up: in a thread, or, where no thread runs between requests, in small slices
after answers. The lock of the warm-up sees to it that it is one for all machines that share the cache.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import cast

from django.core.cache import caches
from django.db import connections

from cacheadmin import conf, shared, space, warmers, warmup, watcher
from cacheadmin.backend import AdaptiveCache
from cacheadmin.warmup import WarmUp

logger = logging.getLogger("cacheadmin")

# Seconds that it may take at the most, and that a slice after an answer may take.
BUDGET = 120.0
SLICE = 0.05

_current: WarmUp | None = None
_thread: threading.Thread | None = None
_lock = threading.Lock()


def go_on() -> None:
    """Begin what is due, or go on with it; takes no longer than a slice."""
    # Several threads of a worker keep house at the same time: one is enough.
    if _lock.acquire(blocking=False):
        try:
            _go_on()
        finally:
            _lock.release()


def _go_on() -> None:
    global _current, _thread
    if _thread is not None and _thread.is_alive():
        return
    if _current is None and not _begin():
        return
    if watcher.threads_run():
        _thread = threading.Thread(target=_finish, name="cacheadmin-warmup", daemon=True)
        _thread.start()
    elif _current is not None and not _current.go_on(SLICE):
        _current = None


def _begin() -> bool:
    global _current
    if not conf.get("WARM_AUTOMATICALLY") or watcher.is_under_test():
        return False
    for alias in space.aliases():
        words = cast(AdaptiveCache, caches[alias]).space.selector.words
        if not words.read(shared.COLD) or not warmers.of(alias):
            continue
        # Before it begins: what is emptied from here on is another matter.
        words.write(shared.COLD, 0)
        found = WarmUp(alias=alias, budget=BUDGET, automatic=True)
        try:
            found.begin()
        except warmup.NothingToWarm:
            continue
        except warmup.AlreadyRunning:
            # It may be past what was emptied now: another time.
            words.write(shared.COLD, 1)
        else:
            _current = found
            return True
    return False


def _finish() -> None:
    global _current
    try:
        if _current is not None:
            _current.go_on()
    except Exception:
        # The cache fills without it too; whoever looks after the site reads why it did not.
        logger.exception("The automatic warm-up has failed.")
    finally:
        _current = None
        connections.close_all()


def _after_fork() -> None:
    global _current, _thread, _lock
    # It is the parent's.
    _current = _thread = None
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)
