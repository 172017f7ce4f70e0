"""However many ask, a page is made once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.core.cache import caches
from pytest_django import Settings

from cacheadmin import flights, leases, pagecache
from cacheadmin.leases import Lease
from cacheadmin.pagecache.asked import Rules
from cacheadmin.pagecache.front import Front
from cacheadmin.processes import Holder, this_process
from tests.cacheadmin.pages.asking import HOST, Asker
from tests.cacheadmin.pages.conftest import FrontMaker
from tests.cacheadmin.pages.urls import made, meanwhile


@contextmanager
def held_up(name: str) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Hold up whoever makes a page; yields when somebody is at it, and what lets them go on."""
    begun, may_end = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        assert may_end.wait(20)

    meanwhile[name] = wait
    try:
        yield begun, may_end
    finally:
        may_end.set()
        meanwhile.clear()


@pytest.mark.parametrize("is_changed", [False, True], ids=["at first", "after a change"])
def test_a_crowd_makes_a_page_once(engine: str, ask: Asker, is_changed: bool) -> None:
    if is_changed:
        ask("/things/a/")
        pagecache.forget("thing:a")
        made.clear()
    with held_up("a") as (begun, may_end), ThreadPoolExecutor(8) as crowd:
        asked = [crowd.submit(ask, "/things/a/") for _ in range(8)]
        assert begun.wait(20)
        # Others than those who want it do not wait.
        assert ask("/things/b/").cache == "fwd=miss"
        may_end.set()
        answers = [one.result(20) for one in asked]
    assert made["a"] == 1
    assert len({answer.body for answer in answers}) == 1
    assert sorted(answer.cache for answer in answers) == ["fwd=miss", *["hit"] * 7]


def test_a_crowd_on_event_loops_makes_a_page_once(engine: str, new_front: FrontMaker) -> None:
    ask = new_front("asgi")
    with ThreadPoolExecutor(4) as crowd:
        answers = [one.result(20) for one in [crowd.submit(ask, "/async/") for _ in range(4)]]
    assert made["async"] == 1
    assert len({answer.body for answer in answers}) == 1


def test_who_waits_too_long_makes_the_page_too(
    engine: str, settings: Settings, new_front: FrontMaker
) -> None:
    settings.CACHEADMIN = {"PAGES_WAIT": 0.05}
    ask = new_front()
    with held_up("a") as (begun, may_end), ThreadPoolExecutor(1) as crowd:
        first = crowd.submit(ask, "/things/a/")
        assert begun.wait(20)
        meanwhile.clear()
        second = ask("/things/a/")
        assert (second.cache, second.text[:3]) == ("fwd=miss", "a 2")
        may_end.set()
        assert first.result(20).text[:3] == "a 1"
    assert ask("/things/a/").cache == "hit"


@pytest.mark.parametrize("what", ["missing", "broken", "cookie"])
def test_what_is_not_kept_in_the_end_holds_nobody_up(ask: Asker, what: str) -> None:
    began = time.monotonic()
    for _ in range(3):
        ask(f"/personal/{what}/")
    assert made[what] == 3
    assert time.monotonic() - began < 5
    assert not flights.held()


def test_who_died_while_making_a_page_holds_nobody_up(engine: str, ask: Asker) -> None:
    here = this_process()
    dead = Lease(("gone",), Holder(here.machine, 2**22 + 1, 1), time.time())
    caches["default"].set(_lease_key(), dead)
    assert [ask("/things/a/").cache for _ in range(2)] == ["fwd=miss", "hit"]


def test_a_right_that_somebody_else_has_is_not_given_back(engine: str, ask: Asker) -> None:
    def take_over() -> None:
        caches["default"].set(_lease_key(), leases.lease(("another",)))

    meanwhile["a"] = take_over
    ask("/things/a/")
    found = caches["default"].get(_lease_key())
    assert isinstance(found, Lease)
    assert found.tokens == ("another",)


def _lease_key() -> str:
    environ = {"REQUEST_METHOD": "GET", "HTTP_HOST": HOST, "PATH_INFO": "/things/a/"}
    asked = Rules().read(environ)
    assert asked is not None
    return asked.key(f"{Front(None)._stamp}:being made")
