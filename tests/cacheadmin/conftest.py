"""Fixtures for the tests of cacheadmin."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, cast

import pytest
from django.core.cache import caches
from pytest_django import Settings

from cacheadmin import events, snapshot, state, warmers
from cacheadmin.backend import AdaptiveCache
from cacheadmin.stats import handover, tallies
from tests.cacheadmin.failures import hanging_up
from tests.cacheadmin.workers import Worker, settings_of
from tests.engines import fresh_name
from tests.servers.process import free_port

CacheMaker = Callable[..., AdaptiveCache]
WorkerMaker = Callable[..., Worker]


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """Forget what an earlier test saved: its row is rolled back, and what is known of it is not."""
    state._saved = snapshot.Saved({})
    state._next_look = float("-inf")
    state._has_complained = False
    state._has_looked = False
    state._has_loaded = False
    events._waiting.clear()
    events._next_try = float("-inf")


@pytest.fixture
def cache(engine: str) -> AdaptiveCache:
    """The default cache; the test runs once on each engine."""
    return cast(AdaptiveCache, caches["default"])


@pytest.fixture
def new_cache(settings: Settings, tmp_path: Path) -> CacheMaker:
    """Make the default cache anew: ``new_cache("redis", location=url, MAX_ENTRIES=10)``.

    ``KEY_PREFIX``, ``VERSION``, ``KEY_FUNCTION`` and ``TIMEOUT`` stand as in CACHES, all else is an option.
    """

    def make(engine: str, *, location: str = "", alias: str = "default", **options: Any) -> AdaptiveCache:
        beside = {"KEY_PREFIX", "VERSION", "KEY_FUNCTION", "TIMEOUT"}
        entry = {
            "BACKEND": "cacheadmin.backend.AdaptiveCache",
            "LOCATION": location or nobodys_address(),
            "KEY_PREFIX": fresh_name("test"),
            **{name: value for name, value in options.items() if name in beside},
            "OPTIONS": {
                "ENGINE": engine,
                "DIRECTORY": str(tmp_path / "cache"),
                **{name: value for name, value in options.items() if name not in beside},
            },
        }
        settings.CACHES = {**settings.CACHES, alias: entry}
        return cast(AdaptiveCache, caches[alias])

    return make


@pytest.fixture
def new_worker(tmp_path: Path) -> Iterator[WorkerMaker]:
    """Start a process of a small project: ``new_worker("auto", location=url)``; they share one directory."""
    started: list[Worker] = []
    # One for all: LOCATION is a part of what makes two processes' caches the same.
    nobody = nobodys_address()

    def start(
        engine: str, *, location: str = "", user: int = 0, environment: Any = None, **more: Any
    ) -> Worker:
        more.setdefault("directory", tmp_path / "cache")
        config = settings_of(engine=engine, location=location or nobody, **more)
        worker = Worker(config, user=user, environment=environment)
        started.append(worker)
        return worker

    yield start
    for worker in started:
        worker.end()


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have these warmers and no others: ``only(Warmer(…), Warmer(…))``."""
    monkeypatch.setattr(warmers, "_registry", {})

    def declare(*found: warmers.Warmer) -> None:
        for warmer in found:
            warmers.register(warmer)

    return declare


def nobodys_address() -> str:
    """An address of the loopback where nobody listens."""
    return f"redis://127.0.0.1:{free_port()}/0"


# --- Statistics ---


@pytest.fixture
def fresh_statistics() -> Iterator[None]:
    """Nothing was counted, and nothing waits to be handed over; nor afterwards."""
    forget_statistics()
    yield
    forget_statistics()


def forget_statistics() -> None:
    """Begin counting anew, in place: the caches remember where they count."""
    for one in tallies.every():
        one.begin()
    handover._pending = handover.Batch()
    handover._next_try = handover._next_keys = float("-inf")
    handover._failures, handover._trouble = 0, ""


# --- What is no Redis ---


@pytest.fixture
def silent() -> Iterator[str]:
    """An address that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


@pytest.fixture
def full() -> Iterator[str]:
    """An address whose kernel drops what comes: its queue of connections is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
            waiting.append(one)
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
        for one in waiting:
            one.close()


class Web(BaseHTTPRequestHandler):
    """Not a Redis."""

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def website() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Web) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"redis://127.0.0.1:{server.server_port}/0"
        server.shutdown()
        thread.join()


@pytest.fixture
def hangs_up() -> Iterator[str]:
    """An address that closes every connection at once."""
    with hanging_up() as port:
        yield f"redis://127.0.0.1:{port}/0"
