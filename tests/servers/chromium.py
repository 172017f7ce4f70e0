"""The browser that the tests drive."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.servers import packages

HOW_TO_INSTALL = (
    "The browser tests need Chromium. On Debian: apt-get install chromium. Elsewhere: install Google "
    "Chrome or Chromium, or run: python -m playwright install --with-deps chromium."
)
NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
# A browser that talks to nobody but the site under test.
ARGUMENTS = [
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def arguments() -> list[str]:
    """The command line switches; Chromium's sandbox cannot be had as root."""
    return [*ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]


@cache
def find_chromium() -> Path:
    """The browser's program.

    Raises:
        packages.NotInstalledError: there is none and none can be had.
    """
    said = ""
    found = packages.find_program(*NAMES)
    if found is None and packages.can_install():
        said = packages.install("chromium")
        found = packages.find_program(*NAMES)
    if found is not None:
        return found
    own = _playwrights_own()
    if not own.exists():
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    if own.exists():
        return own
    raise packages.NotInstalledError(f"{HOW_TO_INSTALL} {said}")


def _playwrights_own() -> Path:
    # Asked in another process: the synchronous API may not start inside a running event loop.
    question = (
        "from playwright.sync_api import sync_playwright\n"
        "with sync_playwright() as playwright: print(playwright.chromium.executable_path)"
    )
    answer = subprocess.run([sys.executable, "-c", question], capture_output=True, text=True, check=True)
    return Path(answer.stdout.strip())
