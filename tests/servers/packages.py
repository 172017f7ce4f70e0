"""Where a program comes from: the system, else Debian's packages, else words that say what to install."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

POLICY = Path("/usr/sbin/policy-rc.d")
LOCK = Path(tempfile.gettempdir()) / "site-tests-packages.lock"


class NotInstalledError(Exception):
    """A program that the tests need is missing and cannot be installed from here."""


def find_program(*names: str) -> Path | None:
    """The first of *names* on the search path, leaving out the virtual environment's own programs."""
    own = {Path(sys.prefix, "bin"), Path(sys.executable).parent}
    folders = [folder for folder in os.get_exec_path() if folder and Path(folder) not in own]
    path = os.pathsep.join([*folders, "/usr/local/bin", "/usr/bin", "/usr/local/sbin", "/usr/sbin"])
    for name in names:
        found = shutil.which(name, path=path)
        if found:
            return Path(found)
    return None


def can_install() -> bool:
    """Whether this is Debian (or a child of it) and we are root."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(*packages: str) -> str:
    """Install Debian packages without starting the services they bring.

    Returns:
        An empty string, or what apt-get said when it failed.
    """
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with _services_stay_down():
            for words in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *packages]):
                done = subprocess.run(
                    ["apt-get", *words],
                    env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                # A stale list of one source must not stop us: the installation itself decides.
                if done.returncode and words[0] == "install":
                    return (done.stdout + done.stderr)[-2000:]
    return ""


@contextlib.contextmanager
def _services_stay_down() -> Iterator[None]:
    """A test run installs programs; it must not leave a Redis listening on 6379."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()
