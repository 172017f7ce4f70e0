"""The steps that the way to a value is made of, and who goes it.

The way is written once (``computing``), as a generator that says what is to be done next. Two
drivers do it: one for threads, one for the event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async

from cacheadmin import flights
from cacheadmin.leases import Lease

# What a way is told instead of a value; the driver raises the failure at the end of the way.
FAILED = object()


@dataclass(frozen=True)
class Ask:
    """Do something with the engine, and say what came of it."""

    action: Callable[[], Any]


@dataclass(frozen=True)
class Wait:
    """Wait for a flight to end, or just so many seconds."""

    flight: flights.Flight | None
    seconds: float


@dataclass(frozen=True)
class Compute:
    """Compute the value under a token, or without one where it will not be stored."""

    token: str | None


Steps = Generator[Ask | Wait | Compute, Any, Any]

# What the present thread or task is computing: who comes by here again must not wait for itself.
_tokens: ContextVar[frozenset[str]] = ContextVar("cacheadmin.computing", default=frozenset())


def is_computing(held: Lease) -> bool:
    """Whether the present thread or task computes under this lease."""
    return not _tokens.get().isdisjoint(held.tokens)


@contextmanager
def _under(token: str | None) -> Iterator[None]:
    if token is None:
        yield
        return
    before = _tokens.set(_tokens.get() | {token})
    try:
        yield
    finally:
        _tokens.reset(before)


def run(steps: Steps, compute: Callable[[], Any]) -> Any:
    """Go the way of *steps* in this thread; what *compute* raises is passed on."""
    go_on: Callable[[Any], Any] = steps.send
    answer: Any = None
    result: Any = None
    failure: BaseException | None = None
    while True:
        try:
            step = go_on(answer)
        except StopIteration as end:
            result = end.value
            break
        go_on = steps.send
        try:
            answer = _do(step, compute)
        except BaseException as error:  # noqa: BLE001 (it is raised again at the end of the way)
            if isinstance(step, Compute):
                failure, answer = error, FAILED
            else:
                go_on, answer = steps.throw, error
    if failure is not None:
        raise failure
    return result


async def run_async(steps: Steps, compute: Callable[[], Awaitable[Any]]) -> Any:
    """Go the way of *steps* in this task, without blocking its loop."""
    go_on: Callable[[Any], Any] = steps.send
    answer: Any = None
    result: Any = None
    failure: BaseException | None = None
    while True:
        try:
            step = go_on(answer)
        except StopIteration as end:
            result = end.value
            break
        go_on = steps.send
        try:
            answer = await _do_async(step, compute)
        except GeneratorExit:
            # The task is thrown away unfinished: nothing can be awaited any more.
            steps.close()
            raise
        except BaseException as error:  # noqa: BLE001 (it is raised again at the end of the way)
            if isinstance(step, Compute):
                failure, answer = error, FAILED
            else:
                go_on, answer = steps.throw, error
    if failure is not None:
        raise failure
    return result


def _do(step: Ask | Wait | Compute, compute: Callable[[], Any]) -> Any:
    if isinstance(step, Ask):
        return step.action()
    if isinstance(step, Wait):
        flights.wait(step.flight, step.seconds)
        return None
    with _under(step.token):
        return compute()


async def _do_async(step: Ask | Wait | Compute, compute: Callable[[], Awaitable[Any]]) -> Any:
    if isinstance(step, Ask):
        return await _to_the_end(sync_to_async(step.action, thread_sensitive=True)())
    if isinstance(step, Wait):
        await flights.wait_async(step.flight, step.seconds)
        return None
    with _under(step.token):
        return await compute()


async def _to_the_end(asking: Coroutine[Any, Any, Any]) -> Any:
    """Wait for what a thread does with the engine, also where this task is cancelled meanwhile.

    The thread goes on all the same: who went away now would not know whether it has taken a lease, and
    nobody would give that back. It takes no longer than the engine's timeouts.

    Raises:
        asyncio.CancelledError: the task was cancelled; what came of the action is known by then.
    """
    task = asyncio.ensure_future(asking)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        # It has been looked at, so that nobody complains of an error that nobody has seen.
        task.exception()
        raise cancelled
    return task.result()
