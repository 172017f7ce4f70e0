"""The site under measurement: installed once, then served as each peer wants it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.servers.processes import BASE_DIR, Running, Server, running
from tests.servers.visitor import Visitor

OWNER, PASSWORD = "owner", "correct horse battery staple"
ARTICLES = 200
# A host without a port: only such pages are files.
HOST = "bench.example"


@dataclass(frozen=True)
class Site:
    """An installed site.

    Args:
        directory: its VAR_DIR and the logs.
        redis: the address of a Redis of its own.
    """

    directory: Path
    redis: str

    @property
    def web(self) -> Path:
        """The directory of the nginx with the shipped configuration."""
        return self.directory / "web"

    @property
    def pages(self) -> Path:
        """Where that looks for pages as files."""
        return self.web / "site" / "var" / "pages"

    def environment(self, peer: str) -> dict[str, str]:
        """What its processes are told."""
        return {
            "VAR_DIR": str(self.directory / "var"),
            "DJANGO_SETTINGS_MODULE": "benchmarks.pages.peer_settings",
            "PEER": peer,
            "PEER_REDIS": self.redis,
            "REDIS_URL": self.redis,
            "WEB_CONCURRENCY": "2",
            "ALLOWED_HOSTS": HOST,
            "PAGES_DIRECTORY": str(self.pages) if peer == "shipped" else "",
        }

    def manage(self, *words: str) -> None:
        """Run a command of the site.

        Raises:
            RuntimeError: it failed.
        """
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=BASE_DIR,
            env={**os.environ, **self.environment("ours"), "ADMIN_PASSWORD": PASSWORD},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"manage.py {words[0]} failed:\n{done.stdout}{done.stderr}")

    def install(self) -> None:
        """Install it with sample articles."""
        flags = ["--site-name", "Bench", "--language", "en", "--admin-username", OWNER]
        flags += ["--admin-email", "owner@example.org", "--cache", "file", "--sample-content", str(ARTICLES)]
        self.manage("install", "--noinput", *flags)

    @contextmanager
    def served(self, server: Server, peer: str, engine: str) -> Iterator[Running]:
        """Serve it as *peer* wants it, its cache on *engine*."""
        self.manage("cache", "use", engine, "--force")
        with running(server, self.environment(peer), self.directory / "server.log") as site:
            yield site


def newest_article(port: int) -> str:
    """Return the path of an article."""
    text = Visitor(f"http://127.0.0.1:{port}").get("/articles/").text
    paths: list[str] = re.findall(r'href="(/articles/[^"?]+/)"', text)
    return next(path for path in paths if "/feed/" not in path)


def session_cookie(port: int) -> str:
    """Log in, and return the cookie."""
    visitor = Visitor(f"http://127.0.0.1:{port}")
    visitor.log_in(OWNER, PASSWORD)
    return f"sessionid={visitor.cookie('sessionid')}"
