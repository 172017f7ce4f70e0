"""Every way to lose Redis, met by every operation: nothing is raised, and nothing old comes back with it."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from django.core.cache import caches
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from cacheadmin.backend import AdaptiveCache
from cacheadmin.signals import cache_event
from cacheadmin.verdicts import Verdict
from tests.cacheadmin.failures import EVERY, Failure, Maker
from tests.cacheadmin.waiting import wait_until
from tests.engines import fresh_name

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True)
class Operation:
    """What is asked of a cache that holds ``price`` and ``n``.

    Args:
        ask: does it.
        with_redis: its answer where Redis still gives one.
        without: its answer once files have taken the place of Redis, empty.
    """

    ask: Callable[[AdaptiveCache], object]
    with_redis: object
    without: object


def count(cache: AdaptiveCache) -> object:
    try:
        return cache.incr("n")
    except ValueError:
        return "no number"


OPERATIONS = {
    "get": Operation(lambda cache: cache.get("price", "nothing"), "old", "nothing"),
    "get_many": Operation(lambda cache: cache.get_many(["price", "n"]), {"price": "old", "n": 5}, {}),
    "set": Operation(lambda cache: cache.set("price", "new"), None, None),
    "set_many": Operation(lambda cache: cache.set_many({"price": "new", "n": 6}), [], []),
    "add": Operation(lambda cache: cache.add("price", "new"), False, True),
    "incr": Operation(count, 6, "no number"),
    "touch": Operation(lambda cache: cache.touch("price", 60), True, False),
    "delete": Operation(lambda cache: cache.delete("price"), True, False),
    "delete_many": Operation(lambda cache: cache.delete_many(["price", "n"]), None, None),
    "clear": Operation(lambda cache: cache.clear(), None, None),
}


def engine_of(cache: AdaptiveCache) -> str:
    return cache.space.selector.status().engine


@pytest.fixture
def changes() -> Iterator[Counter[tuple[str, str]]]:
    """How often each alias was told to be lost, and to be back."""
    seen: Counter[tuple[str, str]] = Counter()

    def receive(**event: Any) -> None:
        seen.update((event["kind"], alias) for alias in event.get("aliases", ()))

    cache_event.connect(receive)
    yield seen
    cache_event.disconnect(receive)


@pytest.fixture(params=EVERY, ids=lambda maker: maker.__name__)
def failure(request: pytest.FixtureRequest) -> Iterator[Failure]:
    maker: Maker = request.param
    with ExitStack() as stack:
        yield maker(stack)


@pytest.fixture
def machines(failure: Failure, settings: Settings, tmp_path: Path) -> dict[str, AdaptiveCache]:
    """A cache for each operation, which shares nothing but Redis: as if on so many machines."""
    entries = {
        name: {
            "BACKEND": "cacheadmin.backend.AdaptiveCache",
            "LOCATION": failure.location,
            "KEY_PREFIX": fresh_name("test"),
            "OPTIONS": {"ENGINE": "redis" if number % 2 else "auto", "DIRECTORY": str(tmp_path / name)},
        }
        for number, name in enumerate(OPERATIONS)
    }
    settings.CACHES = {**settings.CACHES, **entries, "default": entries["set"]}
    # What answers may take its time on a busy machine; what does not costs each of them all of it.
    patience = 0.25 if failure.verdict is Verdict.TIMED_OUT else 2.0
    settings.CACHEADMIN = {**settings.CACHEADMIN, "ANSWER_TIMEOUT": patience}
    found = {name: cast(AdaptiveCache, caches[name]) for name in OPERATIONS}
    for cache in found.values():
        cache.set_many({"price": "old", "n": 5}, None)
        assert engine_of(cache) == "redis"
    return found


def test_whoever_meets_it_goes_on_and_comes_back_with_nothing_old(
    failure: Failure, machines: dict[str, AdaptiveCache], changes: Counter[tuple[str, str]], client: Client
) -> None:
    failure.harm()
    for name, operation in OPERATIONS.items():
        cache, is_done = machines[name], name in failure.still
        assert operation.ask(cache) == (operation.with_redis if is_done else operation.without), name
        assert engine_of(cache) == ("redis" if is_done else "file"), name
    for name, cache in machines.items():
        cache.set("price", "new", None)
        assert cache.get("price") == "new"
        status = cache.space.selector.status()
        assert (status.engine, status.is_degraded) == ("file", True)
        assert status.reason is failure.verdict, name
    assert [changes["outage", name] for name in machines] == [1] * len(machines)
    say(client, failure)
    failure.mend()
    wait_until(lambda: all(engine_of(cache) == "redis" for cache in machines.values()), seconds=15)
    for cache in machines.values():
        assert cache.get("price") in (None, "new")
        assert cache.get("n") in (None, 6)
        cache.set("price", "newest")
        assert cache.get("price") == "newest"
    wait_until(lambda: all(changes["return", name] == 1 for name in machines), seconds=5)
    assert [changes["outage", name] for name in machines] == [1] * len(machines)
    assert client.get("/health/ready/").json()["status"] == "ok"


def say(client: Client, failure: Failure) -> None:
    """See that the page for programs and the command tell it."""
    answer = client.get("/health/ready/")
    told = answer.json()
    assert (answer.status_code, told["status"]) == (200, "degraded")
    assert (told["cache"]["engine"], told["cache"]["reason"]) == ("file", failure.verdict.word)
    out = io.StringIO()
    call_command("cache", "status", "--json", stdout=out)
    status = json.loads(out.getvalue())
    assert (status["engine"], status["degraded"]) == ("file", True)
    assert str(failure.verdict.label) in status["reason"]
