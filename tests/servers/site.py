"""The site as its owner runs it: installed by command, served by the production server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.servers.process import ServerError, ServerProcess, free_port
from tests.servers.visitor import Visitor

CHECKOUT = Path(__file__).resolve().parents[2]
ADMIN = "owner"
ADMIN_PASSWORD = "correct horse battery staple"
# What a developer's shell may hold and a site under test must not see.
FROM_OUTSIDE = {
    "ADMIN_PASSWORD", "ALLOWED_HOSTS", "API_ALLOWED_ORIGINS", "CSRF_TRUSTED_ORIGINS", "DATABASE_URL", "DEBUG",
    "DJANGO_SETTINGS_MODULE", "EMAIL_URL", "GENERATION", "HOST", "INSTALLATION_ID", "INSTALLED",
    "LOG_LEVEL", "METRICS_TOKEN", "PAGES_DIRECTORY", "PORT", "REDIS_URL", "SECRET_KEY",
    "SECRET_KEY_FALLBACKS",
    "SETUP_TOKEN", "SITE_URL", "TRUSTED_PROXIES", "VAR_DIR", "WEB_CONCURRENCY", "WEB_THREADS",
}  # fmt: skip


class Site:
    """A site with its own VAR_DIR on a free port of the loopback address.

    Args:
        directory: becomes its VAR_DIR.
        release: the code to run; this checkout, or a copy of it.
        workers: worker processes of the server.
        environment: more variables, for instance ``{"REDIS_URL": "…"}``; they win.
    """

    def __init__(
        self,
        directory: Path,
        *,
        release: Path = CHECKOUT,
        workers: int = 2,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory
        self.release = release
        self.port = free_port()
        inherited = {name: value for name, value in os.environ.items() if name not in FROM_OUTSIDE}
        self.environment = {
            **inherited,
            "PYTHONWARNINGS": "default",
            "VAR_DIR": str(directory),
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "WEB_CONCURRENCY": str(workers),
            # Each visitor of a test says who he is; else all of them would share one limit.
            "TRUSTED_PROXIES": "127.0.0.1",
            **(environment or {}),
        }
        self._process: ServerProcess | None = None
        self._noted: list[str] = []

    @property
    def log(self) -> Path:
        """What the server prints."""
        return self.directory.parent / f"{self.directory.name}.log"

    def url(self, path: str = "/") -> str:
        """The absolute address of *path*."""
        return f"http://127.0.0.1:{self.port}{path}"

    def visitor(self) -> Visitor:
        """Somebody new: no cookies, an address of his own."""
        return Visitor(self.url(""))

    def owner(self) -> Visitor:
        """The administrator, logged in; one login for all tests that ask."""
        known = getattr(self, "_owner", None)
        if known is None:
            known = self._owner = self.visitor()
            known.log_in(ADMIN, ADMIN_PASSWORD)
        assert isinstance(known, Visitor)
        return known

    def manage(self, *words: str, environment: Mapping[str, str] | None = None) -> str:
        """Run one management command of this site; return what it printed.

        Raises:
            ServerError: it failed.
        """
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=self.release,
            env={**self.environment, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        self._noted.append(done.stderr)
        if done.returncode:
            said = f"{done.stdout}\n{done.stderr}"
            raise ServerError(f"manage.py {' '.join(words)} ended with {done.returncode}:\n{said}")
        return done.stdout

    def install(
        self, *, cache: str = "auto", language: str = "en", samples: int = 60, **options: str
    ) -> None:
        """Install it as ``manage.py install`` does.

        Args:
            cache: auto, redis, file or memory.
            language: of the site, en or fr.
            samples: number of sample articles.
            options: more flags, without their dashes: ``redis_url="…"``.

        Raises:
            ServerError: the command failed.
        """
        flags = {
            "site_name": "The Test House",
            "language": language,
            "admin_username": ADMIN,
            "admin_email": "owner@example.org",
            "cache": cache,
            "sample_content": str(samples),
            **options,
        }
        words = [word for name, value in flags.items() for word in (f"--{name.replace('_', '-')}", value)]
        self.manage("install", "--noinput", *words, environment={"ADMIN_PASSWORD": ADMIN_PASSWORD})

    def start(self) -> Site:
        """Serve it, and wait until it says that it is alive."""
        process = ServerProcess(
            [sys.executable, "manage.py", "serve"],
            log=self.log,
            directory=self.release,
            environment=self.environment,
        )
        process.start()
        process.wait_until(self.is_alive, seconds=60)
        self._process = process
        return self

    def stop(self) -> None:
        """Stop serving, as Ctrl-C does."""
        if self._process is not None:
            self._process.stop(number=signal.SIGINT)
            self._process = None

    def restart(self) -> Site:
        """Stop and start: new workers, the same directory and port."""
        self.stop()
        return self.start()

    def is_alive(self) -> bool:
        """Whether /health/ answers."""
        try:
            with urllib.request.urlopen(self.url("/health/"), timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def readiness(self) -> dict[str, Any]:
        """What /health/ready/ says."""
        with urllib.request.urlopen(self.url("/health/ready/"), timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def said(self) -> str:
        """Everything the server printed so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def noted(self) -> str:
        """Everything that the commands wrote to the error output so far: their log."""
        return "".join(self._noted)
