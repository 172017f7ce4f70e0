"""How the tests give the command."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys
from pathlib import Path

from installer import site_file
from tests.servers.site import ADMIN_PASSWORD, CHECKOUT, Site

FLAGS = {
    "--site-name": "The House",
    "--language": "fr",
    "--admin-username": "owner",
    "--admin-email": "owner@example.org",
    "--cache": "file",
}


def install(
    site: Site,
    *more: str,
    file_limit: int | None = None,
    environment: dict[str, str] | None = None,
    directory: Path = CHECKOUT,
    **flags: str,
) -> subprocess.CompletedProcess[str]:
    """Give the command; *flags* replace the usual ones, an empty one leaves it out."""
    usual = {**FLAGS, **{f"--{name.replace('_', '-')}": value for name, value in flags.items()}}
    words = [f"{name}={value}" for name, value in usual.items() if value]

    def limit() -> None:
        if file_limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))

    return subprocess.run(
        [sys.executable, str(CHECKOUT / "manage.py"), "install", "--noinput", *words, *more],
        cwd=directory,
        env={**site.environment, "ADMIN_PASSWORD": ADMIN_PASSWORD, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=limit,
    )


def written(site: Site) -> dict[str, object]:
    """What stands in the configuration file."""
    return site_file.read(site.directory / "site.toml")


def rows(site: Site, query: str) -> list[tuple[object, ...]]:
    """What the site's SQLite database answers."""
    with sqlite3.connect(site.directory / "db.sqlite3") as database:
        return database.execute(query).fetchall()


def is_refused(done: subprocess.CompletedProcess[str], words: str) -> bool:
    """Whether it failed with *words* and without a traceback or a secret."""
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    assert ADMIN_PASSWORD not in done.stdout + done.stderr
    assert words in done.stderr, done.stderr
    return True
