"""The production server: its command line, its address, and how a running one is found and renewed."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from django.conf import settings

# At least two, so that one slow page, one reload or one crash never stops the site.
LEAST_WORKERS = 2
# With one, two slow uploads stop the site, and each login makes readers wait: docs/server.md.
USUAL_THREADS = 4
# Seconds a worker may take to finish what it is doing when it is replaced or stopped.
FAREWELL = 10
# Seconds a client may take to send the headers of a request; slower ones are hung up on.
PATIENCE = 10
RUN_FILE = "serve.pid"
EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104


class ServerError(Exception):
    """The server cannot start; the message says what to do."""


def workers() -> int:
    """Return the number of worker processes."""
    return max(LEAST_WORKERS, settings.CONFIGURATION.web_concurrency)


def threads() -> int:
    """Return the number of threads of each worker: what WEB_THREADS says, or else what was measured."""
    configuration = settings.CONFIGURATION
    return configuration.web_threads if "web_threads" in configuration.model_fields_set else USUAL_THREADS


def command() -> list[str]:
    """Return the command line of the server; docs/server.md tells how it was chosen."""
    configuration = settings.CONFIGURATION
    options = {
        "--interface": "wsgi",
        "--http": "1",
        "--host": configuration.host,
        "--port": configuration.port,
        "--workers": workers(),
        "--blocking-threads": threads(),
        "--workers-kill-timeout": FAREWELL,
        "--http1-header-read-timeout": PATIENCE * 1000,
        "--log-level": "warning",
    }
    words = [str(word) for option in options.items() for word in option]
    switches = ["--respawn-failed-workers", "--no-ws"]
    return [sys.executable, "-m", "granian", *words, *switches, "config.worker:application"]


def environment(*, is_installed: bool) -> dict[str, str]:
    """Return the environment of the server: the present one, with what was decided here."""
    decided = {
        # Relative to where the command was typed, and the server runs elsewhere.
        "VAR_DIR": str(settings.VAR_DIR),
        # The database pool is shared out by these; they have to be the true numbers.
        "WEB_CONCURRENCY": str(workers()),
        "WEB_THREADS": str(threads()),
    }
    if is_installed and not settings.INSTALLED:
        # Only the database knows (a new machine, a lost file): say it where the settings look.
        decided["INSTALLED"] = "true"
    return {**os.environ, **decided}


def become_server(environment: Mapping[str, str]) -> None:
    """Turn this process into the server; does not return.

    The server's first process must not have the site in memory: its workers are forked from it,
    and would keep the configuration of its start for ever, reloads or not.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    # Until the server listens to it, "renew" would end it; what it shall read anew, it has not read yet.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.chdir(settings.BASE_DIR)
    os.execve(sys.executable, command(), dict(environment))  # noqa: S606


# --- Addresses ---


def base_url() -> str:
    """Return the address that the owner can open: SITE_URL, else where the server listens."""
    configuration = settings.CONFIGURATION
    if configuration.site_url:
        return str(configuration.site_url)
    host = "localhost" if configuration.host in EVERYWHERE else configuration.host
    return f"http://{f'[{host}]' if ':' in host else host}:{configuration.port}"


def require_free_address() -> None:
    """Make sure that the server can listen; it would share its port with another one silently.

    Raises:
        ServerError: the port is taken or not allowed, or the address is not this machine's.
    """
    host, port = settings.CONFIGURATION.host, settings.CONFIGURATION.port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _name, address = found[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise ServerError(_why_not(error, host, port)) from error


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        other = running()
        who = (
            f"this site is served already; `kill {other}` stops it"
            if other
            else "another program listens there"
        )
        advice = f"Or choose another port: PORT={port % 65535 + 1} make run"
        return f"Port {port} of {host} is in use: {who}. {advice}"
    if error.errno == errno.EACCES:
        return f"Port {port} is not open to this user. Choose one above 1023: PORT=8000 make run"
    return (
        f"HOST={host} is no address of this machine ({error.strerror}). Use 127.0.0.1 for this machine only, "
        "0.0.0.0 to be reached from others."
    )


# --- A running server ---


def claim() -> None:
    """Let :func:`running` find this process, from now until it ends.

    The file is locked, and the kernel opens the lock when the process ends, however it ends: a
    number that was left behind is never taken for a server. Where a server of the same VAR_DIR
    runs already, that one stays the one to be found.
    """
    with suppress(OSError):  # a read-only VAR_DIR: the server can still be renewed by hand
        descriptor = os.open(settings.VAR_DIR / RUN_FILE, os.O_RDWR | os.O_CREAT, 0o644)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n{socket.gethostname()}\n".encode())
        os.set_inheritable(descriptor, True)


def running() -> int | None:
    """Return the process of the server that serves this VAR_DIR on this machine."""
    try:
        with Path(settings.VAR_DIR, RUN_FILE).open() as file:
            pid, machine = file.read().split()
            if _is_locked(file.fileno()) and machine == socket.gethostname():
                os.kill(int(pid), 0)
                return int(pid)
    except (OSError, ValueError):
        return None
    return None


def renew() -> bool:
    """Have a running server replace its workers, so that they read the configuration anew.

    Returns:
        Whether there was one to ask. It goes on answering meanwhile, for some seconds with the old
        configuration.
    """
    pid = running()
    if pid is None:
        return False
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGHUP)
        return True
    return False


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
