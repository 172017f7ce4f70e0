"""What is due about once a second: before an answer, only what it depends on; after one, the rest."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from django.db import Error

from cacheadmin import conf, events, selector, space, state, stats, watcher

# What else is due then, of what stands above this module.
_also: list[Callable[[], None]] = []
_mended_at = _kept_house_at = float("-inf")


def tick() -> None:
    """Follow the saved settings, exchange generations, watch for a lost engine."""
    global _mended_at
    state.refresh()
    now = time.monotonic()
    if now - _mended_at >= conf.get("REFRESH_INTERVAL"):
        _mended_at = now
        for one in selector.every():
            one.mend()
    for cache in space.every():
        cache.sync()
    for one in selector.every():
        one.watch()


def also(action: Callable[[], None]) -> None:
    """Have *action* done by ``housekeeping()``, about once a second; it may not take long."""
    if action not in _also:
        _also.append(action)


def housekeeping() -> None:
    """Do what no request shall wait for: tell other machines, give back room, write down what happened."""
    global _kept_house_at
    stats.after_answer()
    if not watcher.threads_run():
        for one in selector.every():
            one.probe_once()
    now = time.monotonic()
    if now - _kept_house_at < conf.get("REFRESH_INTERVAL") or state.is_in_transaction():
        return
    _kept_house_at = now
    for cache in space.every():
        cache.publish_changes()
        cache.sweep()
    with contextlib.suppress(Error):
        events.keep_house()
    installation = state.saved().installation
    if installation.place:
        # A connection that was lost says InterfaceError, which is no DatabaseError; after a purge there is
        # no place to save to (RuntimeError).
        with contextlib.suppress(Error, RuntimeError):
            state.store().raise_revision_if_due(installation)
    for action in _also:
        action()
