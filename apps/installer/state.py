"""Whether the site is installed: the one place that answers it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection

from installer import databases, site_file

# Seconds for which "not yet", or "nobody knows", is believed.
PATIENCE = 1.0


class DatabaseUnreachable(Exception):
    """The database that the configuration names does not answer, so nobody can tell; its cause says why."""


class _Marker:
    """What this process knows of the mark in the database. Once found, it is found for good."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        self._found = False
        self._trouble: Exception | None = None
        self._asked_at = float("-inf")

    def found(self) -> bool:
        if self._found:
            return True
        # One asks, the others wait for what it hears: a dead database costs one timeout, not one each.
        with self._lock:
            if self._is_due():
                self._ask()
        if self._trouble:
            raise DatabaseUnreachable from self._trouble
        return self._found

    def _is_due(self) -> bool:
        return not self._found and time.monotonic() - self._asked_at >= PATIENCE

    def _ask(self) -> None:
        try:
            self._found, self._trouble = _database_is_marked(), None
        except DatabaseError as error:
            connection.close()
            self._trouble = error.with_traceback(None)
        self._asked_at = time.monotonic()


_marker = _Marker()


def installed() -> bool:
    """Return whether the site is installed: its configuration says so, or its database holds the mark.

    Raises:
        DatabaseUnreachable: only the database could tell, and it does not answer.
    """
    return bool(settings.INSTALLED) or _marker.found()


def forget() -> None:
    """Ask the database again at the next question."""
    _marker.forget()


def database_exists() -> bool:
    """Return whether there is a database to ask; connecting to an absent SQLite file would make one."""
    if connection.vendor != "sqlite":
        return True
    name = str(connection.settings_dict["NAME"])
    return ":memory:" in name or "mode=memory" in name or Path(name).exists()


def database_answers() -> bool:
    """Return whether the database answers just now."""
    try:
        databases.require_answer()
    except DatabaseError:
        return False
    return True


def is_outdated() -> bool:
    """Return whether the site was installed after this process had read its configuration."""
    try:
        written = site_file.read(settings.SITE_FILE)
    except site_file.SiteFileError:
        return False
    return bool(written.get("installed")) and int(written.get("generation", 0)) > settings.GENERATION


def _database_is_marked() -> bool:
    if not database_exists():
        return False
    databases.require_answer()
    return databases.holds_installation()
