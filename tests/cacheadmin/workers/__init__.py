"""Real processes of a small project that uses the cache: what one does, the others have to notice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import coverage

from tests.servers.site import CHECKOUT

HERE = Path(__file__).parent
PATIENCE = 60.0
IMPORTS = """
import os, signal, threading, time
from django.core.cache import cache, caches
from django.core.signals import request_started
import cacheadmin
from cacheadmin import groups, space
groups.register(groups.Group("content", ttl=120))
"""


def settings_of(
    *, engine: str, location: str, directory: Path | str, database: Path | str = ":memory:", **more: Any
) -> dict[str, Any]:
    """The settings of a project with one adaptive cache.

    Args:
        engine: OPTIONS["ENGINE"].
        location: the address of Redis.
        directory: where files go.
        database: a file of SQLite; in memory, every process has its own, without tables.
        more: further settings, over the usual ones.
    """
    return {
        "SECRET_KEY": "the workers share it",
        "INSTALLED_APPS": ["cacheadmin", "django.contrib.contenttypes", "django.contrib.sessions"],
        "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(database)}},
        "CACHES": {
            "default": {
                "BACKEND": "cacheadmin.backend.AdaptiveCache",
                "LOCATION": location,
                "KEY_PREFIX": "workers",
                "OPTIONS": {"ENGINE": engine, "DIRECTORY": str(directory)},
            },
        },
        "SESSION_ENGINE": "cacheadmin.sessions",
        "USE_TZ": True,
        **more,
    }


class Worker:
    """One process; ``worker("cache.get('a')")`` is the value of an expression evaluated in it.

    Args:
        settings: Django's settings in it.
        user: the system user it becomes once Django is set up; 0 for the present one.
        environment: variables on top of the present ones.
    """

    def __init__(
        self, settings: Mapping[str, Any], *, user: int = 0, environment: Mapping[str, str] | None = None
    ) -> None:
        self._pipe, theirs = Pipe()
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed at the end)
        self.seconds = 0.0
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-W", "error", str(HERE / "worker_main.py")),
                *(str(theirs.fileno()), str(user or os.geteuid())),
            ],
            env={**self.environment(settings), **(environment or {})},
            pass_fds=[theirs.fileno()],
            stdout=self._log,
            stderr=self._log,
        )
        theirs.close()
        self(IMPORTS)

    @staticmethod
    def environment(settings: Mapping[str, Any]) -> dict[str, str]:
        """The environment in which a process has these settings."""
        return {
            **{name: value for name, value in os.environ.items() if name != "REDIS_URL"},
            "PYTHONPATH": os.pathsep.join([str(HERE), str(CHECKOUT / "apps")]),
            "DJANGO_SETTINGS_MODULE": "worker_settings",
            "WORKER_SETTINGS": json.dumps(settings),
            # What it runs counts as run by the tests, where that is counted.
            **({"COVERAGE_PROCESS_START": str(CHECKOUT / "pyproject.toml")} if _is_measured() else {}),
        }

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def __call__(self, code: str) -> Any:
        """Do *code*, wait for it, and return its value; what it raises fails the test."""
        self.begin(code)
        return self.finish()

    def begin(self, code: str) -> None:
        """Send *code* and do not wait: several workers can be at it together."""
        self._pipe.send(code)

    def finish(self, patience: float = PATIENCE) -> Any:
        """Wait for what was begun and return its value; ``seconds`` says how long it took in there."""
        assert self._pipe.poll(patience), f"the worker is still at it:\n{self.said()}"
        try:
            value, error, self.seconds = self._pipe.recv()
        except EOFError:
            raise AssertionError(f"the worker has died:\n{self.said()}") from None
        assert not error, f"{error}\n{self.said()}"
        return value

    def request(self) -> None:
        """What the start of a request does in it."""
        self("request_started.send(sender=None, environ={}) and None")

    @property
    def engine(self) -> str:
        """The engine that it uses now."""
        return str(self("cache.space.selector.status().engine"))

    def said(self) -> str:
        """What it has printed and logged."""
        self._log.seek(0)
        return self._log.read()

    def kill(self) -> None:
        """End it without a goodbye."""
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Close its pipe, on which it ends by itself."""
        self._pipe.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()
        self._log.close()


def _is_measured() -> bool:
    return coverage.Coverage.current() is not None


def migrate(settings: Mapping[str, Any]) -> None:
    """Make the tables of the project in its database."""
    with Worker(settings) as worker:
        worker("from django.core.management import call_command; call_command('migrate', verbosity=0)")
