"""The computations under way in this process, and who here waits for those elsewhere.

A caller that waits for a thread of its own process is woken by it; of those that wait for another
process, one asks the engine and wakes the others.
"""

from __future__ import annotations

import asyncio
import os
import time
from concurrent.futures import Future
from contextlib import suppress

from cacheadmin.leases import Lease

Flight = Future[None]

_held: dict[str, Flight] = {}
_watched: dict[str, Flight] = {}


def held() -> dict[str, Flight]:
    """Return the computations under way in this process, by token."""
    return _held


def begin(token: str) -> None:
    """Say that this process computes under *token*."""
    _held[token] = _new()


def end(token: str) -> None:
    """Say that it does no more, and wake who waits for that."""
    flight = _held.pop(token, None)
    if flight is not None:
        flight.set_result(None)


def of(lease: Lease) -> Flight | None:
    """Return the flight of this process that the lease belongs to."""
    return next((_held[token] for token in lease.tokens if token in _held), None)


def watch(lease: Lease) -> tuple[Flight, bool]:
    """Return the flight of those here who wait for another process, and whether the caller asks for all."""
    mine = _new()
    flight = _watched.setdefault(lease.tokens[-1], mine)
    return flight, flight is mine


def unwatch(lease: Lease) -> None:
    """Wake all who wait for another process; only who asks for all does this."""
    flight = _watched.pop(lease.tokens[-1], None)
    if flight is not None:
        flight.set_result(None)


def wait(flight: Flight | None, seconds: float) -> None:
    """Wait for the end of a flight, at most *seconds*; without one just so long."""
    if flight is None:
        time.sleep(seconds)
        return
    with suppress(TimeoutError):
        flight.result(seconds)


async def wait_async(flight: Flight | None, seconds: float) -> None:
    """Do the same on the event loop, without blocking it."""
    if flight is None:
        await asyncio.sleep(seconds)
        return
    ended = asyncio.wrap_future(flight)
    try:
        await asyncio.wait([ended], timeout=seconds)
    finally:
        # A flight that runs is not cancelled by this; its end just finds nobody here any more.
        ended.cancel()


def _new() -> Flight:
    flight: Flight = Future()
    flight.set_running_or_notify_cancel()
    return flight


def _after_fork() -> None:
    # The threads that would end them are the parent's.
    _held.clear()
    _watched.clear()


os.register_at_fork(after_in_child=_after_fork)
