"""How a server that was started before the installation comes to read the configuration anew.

From the best way to the last one: the server is asked by a signal, or by the file that it watches;
a worker that may not ask ends, as its server starts a new one; where nothing is possible, the owner
is told which command the server was started with. Nothing is tried twice: a server that keeps its
configuration in memory would replace its workers for ever.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from cacheadmin import watcher
from installer import server, site_file

# Both replace their workers one by one when they are told to read their configuration anew.
LISTENING = ("gunicorn", "granian")
# Seconds after which a server that was asked has not done it.
PATIENCE = 60

_started_at = time.time()
# Whether this process was forked from one that had the site in memory already.
_is_copy = False


def renew() -> bool:
    """Have the server of this process take over the new configuration.

    Returns:
        Whether it will; if not, somebody has to restart it.
    """
    if server.running() == os.getppid():
        # It is ours, and whoever installed has told it.
        return True
    asked_at = _asked_before()
    if asked_at is not None:
        return time.time() - asked_at < PATIENCE
    is_asked = _ask_parent() or _touch_file() or _reload_uwsgi() or _is_autoreloaded()
    if not is_asked:
        # Nobody was asked: the others shall not believe it.
        with suppress(OSError):
            _note().unlink()
    return is_asked


def renew_if_stale() -> bool:
    """Do the same from a worker that has found out by itself that its configuration is an old one.

    Returns:
        Whether the server will take it over, or has been asked to only a moment ago.
    """
    return renew() or _end_worker()


def commands() -> list[str]:
    """Return what somebody has to type where nothing else helps: one line that stops this server, one that
    starts it as it was started.
    """
    words = sys.orig_argv
    if "granian" in " ".join(words):
        words = [sys.executable, str(settings.BASE_DIR / "manage.py"), "serve"]
    elif "uwsgi" in sys.modules:
        # The Python inside uWSGI was given no command line.
        words = _command_line(os.getpid())
    return [f"kill {_first_process()}", f"cd {shlex.quote(os.getcwd())} && {shlex.join(words)}"]


def _first_process() -> int:
    """Return the process that started the other ones of this server."""
    parent = os.getppid()
    is_ours = _is_listening(parent) or _command_line(parent) == _command_line(os.getpid())
    return parent if is_ours else os.getpid()


def _asked_before() -> float | None:
    """Return when a worker of this server asked it; ``None`` once, for the one that is to ask now."""
    note = _note()
    try:
        note.touch(exist_ok=False)
    except FileExistsError:
        return note.stat().st_mtime
    except OSError:
        # Who can leave no note asks no more than once per worker, see `_end_worker`.
        return None if _started_at < _written_at() else 0.0
    return None


def _note() -> Path:
    """The file by which the workers of one server know that it was asked to take this configuration over."""
    generation = site_file.read(settings.SITE_FILE).get("generation", 0)
    return Path(settings.VAR_DIR, f".restarted-{generation}-{socket.gethostname()}-{os.getppid()}")


def _ask_parent() -> bool:
    """Signal the first process of gunicorn or granian, which is the parent of this one."""
    if not _has_listening_parent():
        return False
    try:
        os.kill(os.getppid(), signal.SIGHUP)
    except OSError:
        return False
    return True


def _has_listening_parent() -> bool:
    # One that had loaded the site before it forked would only hand its old copy on (gunicorn --preload).
    return not _is_copy and _is_listening(os.getppid())


def _is_listening(process: int) -> bool:
    return any(name in word for word in _command_line(process)[:4] for name in LISTENING)


def _command_line(process: int) -> list[str]:
    try:
        told = Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return []
    return told.rstrip("\0").split("\0")


def _touch_file() -> bool:
    """Passenger and LSAPI look at this file with each request."""
    if watcher.named_host() not in {"Passenger", "LSAPI"}:
        return False
    try:
        directory = Path(settings.BASE_DIR, "tmp")
        directory.mkdir(exist_ok=True)
        (directory / "restart.txt").touch()
    except OSError:
        return False
    return True


def _reload_uwsgi() -> bool:
    uwsgi = sys.modules.get("uwsgi")
    # Without its master process, nobody listens.
    if uwsgi is None or not uwsgi.masterpid():
        return False
    uwsgi.reload()
    return True


def _is_autoreloaded() -> bool:
    """``manage.py runserver`` watches the configuration, see ``InstallerConfig``."""
    return os.environ.get("RUN_MAIN") == "true"


def _end_worker() -> bool:
    """End, where a server that may not be signalled starts a new worker in the place of this one.

    A worker that was started after the configuration was written, and has the old one all the same,
    got it from the memory of its server: the next one would have it too.
    """
    if not _has_listening_parent() or _started_at >= _written_at():
        return False
    os.kill(os.getpid(), signal.SIGTERM)
    return True


def _written_at() -> float:
    try:
        return Path(settings.SITE_FILE).stat().st_mtime
    except OSError:
        return 0.0


def _note_start() -> None:
    global _started_at, _is_copy
    _started_at, _is_copy = time.time(), True


os.register_at_fork(after_in_child=_note_start)
