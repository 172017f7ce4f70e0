"""A caller on the event loop that is cancelled in the moment in which a thread takes the lease for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from cacheadmin import cached, flights, leases
from cacheadmin.backend import AdaptiveCache
from cacheadmin.engines.base import MISSING

Cancel = Callable[["asyncio.Task[Any]"], None]


class Held:
    """Lets a method of the cache do its work in a thread, and holds back the answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str, error: Exception | None = None) -> None:
        self.is_done, self.may_answer = threading.Event(), threading.Event()
        method = getattr(AdaptiveCache, name)

        def hold(cache: AdaptiveCache, *args: Any, **kwargs: Any) -> Any:
            answer = method(cache, *args, **kwargs)
            if not self.is_done.is_set():
                self.is_done.set()
                assert self.may_answer.wait(30)
                if error is not None:
                    raise error
            return answer

        monkeypatch.setattr(AdaptiveCache, name, hold)

    async def until_done(self) -> None:
        await asyncio.to_thread(self.is_done.wait, 30)


@cached("content", ttl=60)
async def compute() -> str:
    return "computed"


async def cancel_meanwhile(held: Held, task: asyncio.Task[Any], times: int) -> None:
    """Cancel *task* while the thread is at it, and only then let the thread answer."""
    await held.until_done()
    for _ in range(times):
        task.cancel()
        # It hears of it, and goes on waiting for what the thread does.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    held.may_answer.set()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("times", [1, 3])
def test_the_lease_is_given_back(cache: AdaptiveCache, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    held = Held(monkeypatch, "add")

    async def story() -> None:
        await cancel_meanwhile(held, asyncio.create_task(compute()), times)

    asyncio.run(story())
    # Another process would take it for that of somebody who still computes, and wait.
    assert cache.get(compute.key(), MISSING) is MISSING
    assert flights.held() == {}
    assert asyncio.run(compute()) == "computed"


def test_so_is_that_beside_a_value_which_stays(cache: AdaptiveCache, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asyncio.run(compute()) == "computed"
    if not cache.is_shared:
        # There a refresh makes the value void first.
        return
    held = Held(monkeypatch, "replace")

    async def story() -> None:
        await cancel_meanwhile(held, asyncio.create_task(compute.refresh()), 1)

    asyncio.run(story())
    found = cache.get(compute.key(), MISSING)
    assert leases.lease_in(found) is None
    assert flights.held() == {}
    assert asyncio.run(compute()) == "computed"


def test_where_the_thread_fails_too_the_caller_is_cancelled_and_nobody_complains(
    cache: AdaptiveCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch, "add", error=ZeroDivisionError())
    complaints: list[Any] = []

    async def story() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        await cancel_meanwhile(held, asyncio.create_task(compute()), 1)

    asyncio.run(story())
    assert complaints == []
    assert flights.held() == {}


def test_a_value_that_is_being_stored_is_stored(
    cache: AdaptiveCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(monkeypatch, "replace")

    async def story() -> None:
        await cancel_meanwhile(held, asyncio.create_task(compute()), 1)

    asyncio.run(story())
    assert cache.get(compute.key()) == "computed"
    assert flights.held() == {}
