"""Which processes serve this installation, on all its machines, and whether they run what is saved.

Each worker has a row in the shared state of its machine, and one of them tells the database about all
of them every few seconds, so that the other machines know. Both is done after an answer.
"""

from __future__ import annotations

import hashlib
import logging
import platform
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import Error

from cacheadmin import processes, selector, state, watcher
from cacheadmin.shared import FIRST_WORKER, REPORTED, WORKER_CELLS, WORKERS, SharedState
from cacheadmin.snapshot import Saved

logger = logging.getLogger("cacheadmin")

# Seconds between two reports of a machine to the database.
REPORTED_EVERY = 10
# Seconds for which somebody is believed to live whom nobody here can look at.
TRUSTED_FOR = 600
# For how long two machines have to be at work both, before they are called several.
_TOGETHER = timedelta(minutes=1)
# The cells of a row; a pid of 0 is a free one.
_PID, _BEGAN, _MACHINE, _SEEN, _SETTINGS, _STARTED = range(WORKER_CELLS)


@dataclass(frozen=True)
class Worker:
    """One process that serves.

    Args:
        machine: a short name of where it runs.
        pid: its number there.
        started: when the process began.
        seen: when it last did something.
        settings: a number that stands for the saved settings it knows.
    """

    machine: str
    pid: int
    started: datetime
    seen: datetime
    settings: int

    @property
    def is_current(self) -> bool:
        """Whether it runs the settings that are known here to be saved."""
        return self.settings == _settings(state.saved())

    @property
    def is_idle(self) -> bool:
        """Whether it has done nothing since the last change: it follows before its next answer."""
        changed = state.saved().installation.raised_at
        return not self.is_current and changed is not None and self.seen <= changed

    def as_json(self) -> dict[str, Any]:
        """Return what the command prints of it."""
        return {
            "machine": self.machine,
            "pid": self.pid,
            "started": self.started.isoformat(),
            "seen": self.seen.isoformat(),
            "current": self.is_current,
            "idle": self.is_idle,
        }


# --- Signing in ---


def sign_in() -> None:
    """Say that this process is there, and which settings it knows; tell the database if that is due."""
    if not watcher.is_worker() or watcher.is_under_test():
        return
    for words in _all_words():
        _write_row(words)
        if state.has_store() and words.claim(REPORTED, REPORTED_EVERY):
            try:
                state.store().save_workers(machine(), words.path.name, [_plain(one) for one in here(words)])
            except (Error, ImproperlyConfigured):
                # No table yet, or no database: the next time, perhaps. This machine's own list goes without.
                continue


def _all_words() -> Iterable[SharedState]:
    return {id(one.words): one.words for one in selector.every()}.values()


def _write_row(words: SharedState) -> None:
    own = processes.this_process()
    mark = (own.pid, own.began, _number(own.machine))
    for row in _rows():
        if _marks(words, row) == mark:
            break
    else:
        with words.lock():
            free = [row for row in _rows() if not _is_taken(words, row)]
            if not free:
                return
            row = free[0]
            started = processes.started_at(own.began) or time.time()
            words.cells[row + _STARTED] = int(started * 1e9)
            words.cells[row], words.cells[row + _BEGAN], words.cells[row + _MACHINE] = mark
    words.cells[row + _SEEN] = time.time_ns()
    words.cells[row + _SETTINGS] = _settings(state.saved())


# --- Looking ---


def every(words: SharedState) -> list[Worker]:
    """Return the workers of all machines, those of this one first.

    Args:
        words: the shared state of the caches they serve.
    """
    found = here(words)
    if not state.has_store():
        return found
    try:
        told = state.store().load_workers(words.path.name, TRUSTED_FOR)
        others = [_from_plain(name, row) for name, rows in told.items() if name != machine() for row in rows]
    except Exception as error:  # noqa: BLE001
        # Without a database, in a test that forbids queries, or with rows that another version wrote:
        # whatever fails, there is what this machine knows by itself.
        logger.info("The workers of other machines cannot be read (%s).", type(error).__name__)
        return found
    return [*found, *sorted(others, key=lambda one: (one.machine, one.pid))]


def together(found: Iterable[Worker]) -> tuple[str, ...]:
    """Return the machines that serve at the same time as another one, for a minute and more.

    A deployment has the new container begin a little before the old one ends: those are no two machines.

    Args:
        found: workers, as ``every()`` has them.
    """
    spans: dict[str, tuple[datetime, datetime]] = {}
    for one in found:
        begun, seen = spans.get(one.machine, (one.started, one.seen))
        spans[one.machine] = (min(begun, one.started), max(seen, one.seen))
    return tuple(
        name
        for name, (begun, seen) in spans.items()
        if any(
            min(seen, other_seen) - max(begun, other_begun) >= _TOGETHER
            for other, (other_begun, other_seen) in spans.items()
            if other != name
        )
    )


def here(words: SharedState) -> list[Worker]:
    """Return the workers of this machine; whoever has ended is not among them."""
    ours = _number(processes.this_process().machine)
    rows = [row for row in _rows() if words.cells[row + _MACHINE] == ours and _is_taken(words, row)]
    found = [
        Worker(
            machine(),
            words.cells[row],
            _moment(words.cells[row + _STARTED]),
            _moment(words.cells[row + _SEEN]),
            words.cells[row + _SETTINGS],
        )
        for row in rows
    ]
    return sorted(found, key=lambda one: one.pid)


def machine() -> str:
    """Return a short name of this machine: its own, and what tells it apart from another of that name."""
    return f"{platform.node()[:60]}-{_number(processes.this_process().machine) & 0xFFFFFF:06x}"


def _rows() -> range:
    return range(FIRST_WORKER, FIRST_WORKER + WORKERS * WORKER_CELLS, WORKER_CELLS)


def _marks(words: SharedState, row: int) -> tuple[int, int, int]:
    return (words.cells[row], words.cells[row + _BEGAN], words.cells[row + _MACHINE])


def _is_taken(words: SharedState, row: int) -> bool:
    pid, began, where = _marks(words, row)
    if where != _number(processes.this_process().machine):
        # Another container, whose processes cannot be seen from here.
        return bool(pid) and 0 <= time.time_ns() - words.cells[row + _SEEN] < TRUSTED_FOR * 1e9
    return 0 < pid < 1 << 31 and processes.is_running(pid, began)


# --- Numbers and words ---


def _settings(saved: Saved) -> int:
    """Return a number that differs where anything differs that somebody has saved; it gives nothing away."""
    choices = [(alias, one.engine, one.revision) for alias, one in sorted(saved.choices.items())]
    lifetimes = [(alias, sorted(groups.items())) for alias, groups in sorted(saved.lifetimes.items())]
    return _number(repr((choices, lifetimes, saved.installation.suffix)))


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "big")


def _moment(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC)


def _plain(worker: Worker) -> dict[str, Any]:
    return {
        "pid": worker.pid,
        "started": worker.started.timestamp(),
        "seen": worker.seen.timestamp(),
        # As text: JSON of some databases has no whole numbers of this size.
        "settings": str(worker.settings),
    }


def _from_plain(name: str, row: dict[str, Any]) -> Worker:
    started, seen = (datetime.fromtimestamp(row[word], UTC) for word in ("started", "seen"))
    return Worker(name, int(row["pid"]), started, seen, int(row["settings"]))
