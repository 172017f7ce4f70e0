"""The pages that this process has read last, so that what many ask for does not cross the network each time.

Only where the engine is reached over a connection, and only for a second. All that makes a page void is
as much in force here as there: a change, a clear, another engine, and what other machines tell, each
end one EPOCH of the shared words, and with it all that is remembered here. So the only thing that is
noticed later, by a second at the most, is that somebody removed one page by its key.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from cacheadmin.pagecache.page import Page
from cacheadmin.shared import EPOCH
from cacheadmin.space import Space

# Seconds for which a page is remembered: as long as other machines may take to tell of a change.
LIFE = 1.0

# The shared words, and the EPOCH in them.
Moment = tuple[Sequence[int] | memoryview, int]


class Near:
    """A memory of pages under the EPOCH that they were read in.

    Args:
        space: the cache that they come from.
        most: bytes of bodies that it holds at the most; 0 remembers nothing.
    """

    def __init__(self, space: Space, most: int) -> None:
        self._space = space
        self._most = most
        self._size = 0
        # Under which EPOCH they were read, and each page with the moment until which it is remembered.
        self._known: tuple[Moment, dict[str, tuple[Page, float]]] = (self.now(), {})

    def now(self) -> Moment:
        """Return what has to be the same before a page is read and whenever it is given out again."""
        cells = self._space.selector.words.cells
        return cells, cells[EPOCH]

    def find(self, key: str) -> Page | None:
        """Return the page, if nothing at all has changed since it was read, a moment ago."""
        (cells, epoch), pages = self._known
        found = pages.get(key)
        if found is None or cells is not self._space.selector.words.cells or cells[EPOCH] != epoch:
            return None
        page, until = found
        return page if time.monotonic() < until else None

    def keep(self, key: str, page: Page, since: Moment) -> None:
        """Remember a page.

        Args:
            key: its key.
            page: the page.
            since: what ``now`` was before it was read.
        """
        life = min(LIFE, page.ends_at - time.time())
        moment, pages = self._known
        # Odd: what was read may be from before a change that is being made just now.
        if life <= 0 or len(page.body) > self._most or since[1] & 1:
            return
        is_other = moment[0] is not since[0] or moment[1] != since[1]
        if is_other or self._size + len(page.body) > self._most:
            self._size, pages = 0, {}
            self._known = (since, pages)
        if key not in pages:
            self._size += len(page.body)
        pages[key] = (page, time.monotonic() + life)
