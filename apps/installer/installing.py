"""Installs what was entered in the wizard, in a process that is configured for it from its start.

The workers of the server have read their configuration before the owner chose a database: what
they hold could not be bent to another one. So the command ``finish_setup`` does it, and the worker
that was asked waits for it.
"""

from __future__ import annotations

import fcntl
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from installer import progress, state
from installer.answers import Answers
from installer.forms.database import chosen_url

logger = logging.getLogger(__name__)

LOCK = ".setup-running"
# Seconds. Migrations take a few; what takes longer than this, hangs.
LONGEST = 900


def install(answers: Answers) -> str:
    """Install, or wait for another browser that does.

    Returns:
        Why it failed, in words; an empty string where the site is installed now.
    """
    with _alone():
        if state.is_outdated():
            return ""
        progress.forget()
        return _run(chosen_url(answers))


def is_running() -> bool:
    """Whether somebody is installing."""
    try:
        with Path(settings.VAR_DIR, LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _run(database_url: str) -> str:
    words = [python(), str(settings.BASE_DIR / "manage.py"), "finish_setup", f"--language={get_language()}"]
    environment = {
        **os.environ,
        "VAR_DIR": str(settings.VAR_DIR),
        # A single connection; a pool is for servers.
        "WEB_THREADS": "1",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        # Not in the command line, which every user of the machine can read.
        **({"DATABASE_URL": database_url} if database_url else {}),
    }
    try:
        done = subprocess.run(  # noqa: S603
            words,
            env=environment,
            cwd=settings.BASE_DIR,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        logger.exception("The installation could not be run, or did not end.")
        return _("The installation did not end. The log of the server says more.")
    if done.returncode == 0:
        return ""
    logger.error("The installation failed:\n%s", done.stderr.strip())
    return progress.read().failure or _("Something unexpected happened. The log of the server says what.")


def python() -> str:
    """Return the Python to run commands with; inside a server, ``sys.executable`` may be that server."""
    if Path(sys.executable or "").name.startswith("python"):
        return sys.executable
    return str(Path(sys.prefix, "bin", "python3"))


@contextmanager
def _alone() -> Iterator[None]:
    """One at a time; the second browser waits here, and then finds the site installed."""
    descriptor = os.open(Path(settings.VAR_DIR, LOCK), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
