"""Pages as files, which a web server sends without asking anybody (``CACHEADMIN["PAGES_DIRECTORY"]``).

A page that is kept is written aside and renamed into place, plain and compressed, under scheme, host and
path. What it shows is taken down first (``index``), so that a change removes exactly the files of the pages
that show it. The lock of the index makes sure that none is placed behind a change. Whatever goes wrong
closes the doors: then visitors are answered by the page cache, as without all this.
"""

from __future__ import annotations

import contextlib
import gzip
import logging
import os
import secrets
import shutil
import sqlite3
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from cacheadmin import conf
from cacheadmin.pagecache.asked import Asked
from cacheadmin.pagecache.doors import Doors
from cacheadmin.pagecache.index import Index, opened
from cacheadmin.pagecache.marks import GROUP, Held, Marks
from cacheadmin.pagecache.page import Page
from cacheadmin.pagecache.places import place_of
from cacheadmin.plan import Code
from cacheadmin.shared import EPOCH
from cacheadmin.space import Space

logger = logging.getLogger("cacheadmin")

# A page without an end is made anew once a day.
_LONGEST = 24 * 3600.0
# Seconds after which what is half written is nobody's.
_HALF = 60.0
# Times of files: a web server makes its ETag of them, so they say what is in the file, not when it came.
_EARLIEST, _SPAN = 946_684_800, 750_000_000


class Direct:
    """The files of the pages of one cache.

    Args:
        directory: where they are; the web server has to be able to read there.
        space: the cache.
        marks: what says whether a page still holds.
    """

    def __init__(self, directory: Path, space: Space, marks: Marks) -> None:
        self.directory = directory
        self.space = space
        self._marks = marks
        self._pages, self._aside = directory / "pages", directory / "aside"
        self._doors = Doors(directory / "now", "../pages")
        # The EPOCH under which all files were found to hold, and the words it was read from.
        self._looked: tuple[object, int] = (None, 0)
        self._complaints: set[str] = set()

    def write(self, asked: Asked, page: Page, held: Held, life: float | None, release: str) -> None:
        """Make a file of *page*, if it may be one.

        Args:
            asked: what it answers.
            page: the page.
            held: what it shows, and since when.
            life: the seconds that it is kept.
            release: of the site.
        """
        place = place_of(asked, page)
        if place is None or not self._is_in_force():
            return
        plain = gzip.decompress(page.body) if page.encoding else page.body
        smaller = page.body if page.encoding else b""
        ends = time.time() + (_LONGEST if life is None else min(life, _LONGEST))
        modified = _EARLIEST + int(page.tag[:12], 16) % _SPAN
        with self._safely(), self._opened() as index:
            index.note(place, len(plain) + len(smaller), ends, release, held)
            most = (conf.get("PAGES_DIRECTORY_ENTRIES"), conf.get("PAGES_DIRECTORY_BYTES"))
            gone = index.beyond(*most)
            if place not in gone and self._marks.are_current(held):
                self._put(f"{place}.gz", smaller, modified)
                self._put(place, plain, modified)
            self._remove(index, gone)

    def forget(self, names: Collection[str]) -> None:
        """Remove what shows one of the marks *names*."""
        with self._safely(), self._opened() as index:
            if GROUP in names:
                self._remove_all(index)
            else:
                self._remove(index, index.showing(names))

    def close(self) -> None:
        """Have nothing found until the next sweep."""
        with self._safely():
            self._doors.close()

    def sweep(self, release: str) -> None:
        """Remove what does not hold any more, and have the rest found for some seconds more.

        Args:
            release: of the site; empty where this process does not know it.
        """
        words = self.space.selector.words
        cells, epoch = words.cells, words.cells[EPOCH]
        if epoch & 1 or not self._is_in_force():
            self.close()
            return
        with self._safely():
            with self._opened() as index:
                gone = index.ended(time.time(), release)
                if self._looked != (cells, epoch):
                    gone += index.outdated(self._marks.are_current)
                self._remove(index, gone)
            self._looked = (cells, epoch)
            self._doors.open(time.time())
            # Something was made void meanwhile, by whoever closed the doors before they were opened here.
            if words.cells is not cells or cells[EPOCH] != epoch:
                self._doors.close()
            self._clear_aside()

    def contents(self) -> tuple[int, int] | None:
        """Return how many pages are files, and their bytes; nothing where that cannot be known."""
        with self._safely(), self._opened() as index:
            return index.contents()
        return None

    @property
    def exists(self) -> bool:
        """Whether anybody has ever written a file."""
        return (self.directory / "index.sqlite3").exists()

    def _is_in_force(self) -> bool:
        """Whether pages are kept at all, and all workers know together which ones hold."""
        selector = self.space.selector
        return selector.live() != Code.OFF and selector.words.is_shared

    # --- Files ---

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Index]:
        for directory in (self.directory, self._pages, self._aside):
            directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        with opened(self.directory / "index.sqlite3") as index:
            if index.is_new:
                self._remove_all(index)
            yield index

    def _put(self, place: str, content: bytes, modified: int) -> None:
        """Replace one file; nothing instead of no content."""
        target = self._pages / place
        if not content:
            target.unlink(missing_ok=True)
            return
        aside = self._aside / secrets.token_hex(8)
        aside.write_bytes(content)
        # Whatever the umask is: the web server is another user.
        aside.chmod(0o644)
        os.utime(aside, (modified, modified))
        target.parent.mkdir(parents=True, exist_ok=True)
        aside.replace(target)

    def _remove(self, index: Index, places: list[str]) -> None:
        for place in places:
            target = self._pages / place
            for path in (target, target.with_name(f"{target.name}.gz")):
                path.unlink(missing_ok=True)
            self._remove_empty(target.parent)
        index.forget(places)

    def _remove_empty(self, directory: Path) -> None:
        while directory != self._pages:
            try:
                directory.rmdir()
            except OSError:
                # Other pages are below it, or it is gone already.
                return
            directory = directory.parent

    def _remove_all(self, index: Index) -> None:
        """Take all files away in one step, at any number; they go a little later."""
        index.forget_all()
        with contextlib.suppress(FileNotFoundError):
            self._pages.rename(self._aside / f"gone-{secrets.token_hex(8)}")

    def _clear_aside(self) -> None:
        for path in self._aside.iterdir():
            if path.name.startswith("gone-"):
                shutil.rmtree(path, ignore_errors=True)
            elif time.time() - path.stat().st_ctime > _HALF:
                path.unlink(missing_ok=True)

    # --- Trouble ---

    @contextlib.contextmanager
    def _safely(self) -> Iterator[None]:
        """Close the doors if anything goes wrong: no request fails for it, and nothing old is sent."""
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            with contextlib.suppress(OSError):
                self._doors.close()
            if type(error) is sqlite3.DatabaseError:
                # It is no database any more. Without it the next one begins anew, without any file.
                with contextlib.suppress(OSError):
                    (self.directory / "index.sqlite3").unlink()
            kind = f"{type(error).__name__}: {error}"
            if kind not in self._complaints:
                self._complaints.add(kind)
                logger.warning(
                    "Pages in %s are not served by the web server for now (%s).", self.directory, kind
                )


_release = ""
_known: dict[str, Direct] = {}


def serve(release: str) -> None:
    """Say which *release* of the site this process serves: files of another one go with the next sweep."""
    global _release
    _release = release


def release_served() -> str:
    """Return that release; an empty text where this process serves nothing."""
    return _release


def of(space: Space, marks: Marks) -> Direct | None:
    """Return the files of the pages of *space*; nothing where the setting names no directory."""
    directory = str(conf.get("PAGES_DIRECTORY") or "")
    if not directory:
        return None
    found = _known.get(directory)
    if found is None or found.space is not space:
        found = _known[directory] = Direct(Path(directory), space, marks)
    return found
