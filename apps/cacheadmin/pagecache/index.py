"""Which pages are files, until when and what they show: an SQLite database beside them, and their lock."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from cacheadmin.pagecache.marks import Held

# Seconds to wait for another worker; whoever cannot have the lock serves no files.
_PATIENCE = 2.0
_SCHEMA = (
    "CREATE TABLE pages (place TEXT PRIMARY KEY, bytes INTEGER, ends REAL, release TEXT) WITHOUT ROWID",
    "CREATE INDEX pages_by_end ON pages (ends)",
    "CREATE TABLE shown (mark TEXT, place TEXT, number INTEGER, PRIMARY KEY (mark, place)) WITHOUT ROWID",
    "CREATE INDEX shown_by_place ON shown (place)",
    "PRAGMA user_version = 1",
)


class Index:
    """The database, as long as it is ours alone.

    Args:
        connection: in a transaction that keeps the others out.
        is_new: whether it was made just now: files that are there are nobody's.
    """

    def __init__(self, connection: sqlite3.Connection, *, is_new: bool) -> None:
        self._connection = connection
        self.is_new = is_new

    def note(self, place: str, size: int, ends: float, release: str, held: Held) -> None:
        """Take down one file before it is there, for good: whatever happens next, somebody removes it."""
        self.forget([place])
        self._connection.execute("INSERT INTO pages VALUES (?, ?, ?, ?)", (place, size, ends, release))
        rows = [(mark, place, number) for mark, number in held]
        self._connection.executemany("INSERT INTO shown VALUES (?, ?, ?)", rows)
        self._connection.execute("COMMIT")
        self._connection.execute("BEGIN IMMEDIATE")

    def forget(self, places: Iterable[str]) -> None:
        """Take out what is no file any more."""
        rows = [(place,) for place in places]
        self._connection.executemany("DELETE FROM shown WHERE place = ?", rows)
        self._connection.executemany("DELETE FROM pages WHERE place = ?", rows)

    def forget_all(self) -> None:
        """Take out everything."""
        self._connection.execute("DELETE FROM shown")
        self._connection.execute("DELETE FROM pages")

    def showing(self, marks: Iterable[str]) -> list[str]:
        """Return the places of what shows one of *marks*."""
        found = [self._places("SELECT place FROM shown WHERE mark = ?", mark) for mark in marks]
        return [place for places in found for place in places]

    def ended(self, now: float, release: str) -> list[str]:
        """Return the places of what has ended, and of what another release made; an empty one is any."""
        ended = self._places("SELECT place FROM pages WHERE ends <= ?", now)
        return ended + self._places(
            "SELECT place FROM pages WHERE ? <> '' AND release <> ?", release, release
        )

    def outdated(self, are_current: Callable[[Held], bool]) -> list[str]:
        """Return the places of what shows something that has changed."""
        known = self._connection.execute("SELECT DISTINCT mark, number FROM shown").fetchall()
        asked = "SELECT place FROM shown WHERE mark = ? AND number = ?"
        found = [self._places(asked, *one) for one in known if not are_current((one,))]
        return [place for places in found for place in places]

    def beyond(self, entries: int, size: int) -> list[str]:
        """Return the places of what is to go so that no more is left; what ends first goes first."""
        count, held = self.contents()
        gone = []
        for place, own in self._connection.execute("SELECT place, bytes FROM pages ORDER BY ends"):
            if count <= entries and held <= size:
                break
            gone.append(place)
            count, held = count - 1, held - own
        return gone

    def contents(self) -> tuple[int, int]:
        """Return how many pages are files, and their bytes."""
        row = self._connection.execute("SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM pages").fetchone()
        return int(row[0]), int(row[1])

    def _places(self, query: str, *values: object) -> list[str]:
        return [row[0] for row in self._connection.execute(query, values)]


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Index]:
    """Open the database at *path*, and keep all others out until the end.

    Raises:
        sqlite3.Error: it cannot be read, or somebody keeps it for too long.
    """
    connection = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
    try:
        # What a loss of power costs is made anew; what the death of a process costs, the journal mends.
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN IMMEDIATE")
        is_new = connection.execute("PRAGMA user_version").fetchone()[0] == 0
        for line in _SCHEMA if is_new else ():
            connection.execute(line)
        yield Index(connection, is_new=is_new)
        connection.execute("COMMIT")
    finally:
        connection.close()
