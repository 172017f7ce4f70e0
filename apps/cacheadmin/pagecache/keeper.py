"""Where pages are kept, found, and made by one at a time."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from time import perf_counter_ns
from typing import Any, cast

from django.core.cache import caches
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.exceptions import ImproperlyConfigured

from cacheadmin import conf, flights, leases
from cacheadmin.backend import AdaptiveCache
from cacheadmin.engines.base import MISSING
from cacheadmin.pagecache import direct
from cacheadmin.pagecache.asked import Asked
from cacheadmin.pagecache.marks import GROUP, Marks, Snapshot
from cacheadmin.pagecache.near import Near
from cacheadmin.pagecache.page import LARGEST, Page

# Seconds after which nobody waits for whoever began to make a page.
_LONGEST_LEASE = 60.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.002, 0.05


class Keeper:
    """Keeps the pages of one release in one cache.

    Args:
        cache: the cache.
        stamp: what tells this release from others.
    """

    def __init__(self, cache: AdaptiveCache, stamp: str) -> None:
        self._cache = cache
        self.stamp = stamp
        self._marks = marks_of(cache)
        self._near = Near(cache.space, conf.get("PAGES_NEAR"))

    # --- Reading: what every visitor waits for ---

    def find(self, asked: Asked) -> Page | None:
        """Return the page, if it is kept and nothing that it shows has changed; may ask a server for it."""
        key = self.key(asked)
        return self.find_near(key) or self.find_far(key)

    def key(self, asked: Asked) -> str:
        """Return the key under which the page is kept."""
        return asked.key(self.stamp)

    def find_near(self, key: str) -> Page | None:
        """Return the page under *key*, if this process has read it a moment ago; never waits."""
        begun = perf_counter_ns()
        page = self._near.find(key)
        if page is not None:
            # As the cache counts what is asked of itself.
            tally = self._cache.space.tally(GROUP)
            next(tally.hits)
            weight = next(tally.samples)
            if weight:
                tally.sample(key, perf_counter_ns() - begun, weight)
        return page

    def find_far(self, key: str) -> Page | None:
        """Return the page under *key* as the cache has it, read by this process already or not."""
        since = self._near.now()
        found = self._cache.get(key)
        if found is None:
            return None
        if not self._marks.are_current(found[0]):
            # It was counted as a hit.
            next(self._cache.space.tally(GROUP).unfit)
            return None
        page = Page(*found)
        if self._cache.space.engine().is_remote:
            self._near.keep(key, page, since)
        return page

    # --- Making ---

    def snapshot(self) -> Snapshot | None:
        """Return what a page that is made from now on is made from."""
        return self._marks.snapshot()

    def keep(self, asked: Asked, page: Page, since: Snapshot | None, marks: Iterable[str], life: Any) -> Page:
        """Keep *page*, unless something that it shows has changed *since* it was begun.

        Args:
            asked: what it answers.
            page: the page, which holds nothing yet.
            since: what was there when it was begun.
            marks: what it shows.
            life: seconds, or what the cache's methods take for "as the group says".
        """
        held = self._marks.held_since(since, [GROUP, *marks])
        if held is not None and self._marks.are_current(held) and len(page.body) <= LARGEST:
            # As a plain tuple, which is read faster than a class.
            self._cache.set(self.key(asked), (held, self._end(life), *page[2:]), life)
            files = direct.of(self._cache.space, self._marks)
            if files is not None:
                files.write(asked, page, held, self._cache.life(f"{GROUP}:", life), self.stamp)
        return page

    def _end(self, life: Any) -> float:
        seconds = self.usual_life() if life is DEFAULT_TIMEOUT else life
        return math.inf if seconds is None else time.time() + seconds

    def usual_life(self) -> float | None:
        """Return the seconds that a page lives unless it says otherwise; ``None`` is without an end."""
        return self._cache.life(GROUP + ":")

    def lead_or_find(self, asked: Asked) -> tuple[str, Page | None]:
        """Wait while somebody else makes the page.

        Returns:
            the right to make it, a word for ``give_back``, which is empty where the wait was too long;
            or the page.
        """
        key, pause = self._lease_key(asked), _FIRST_PAUSE
        deadline = time.monotonic() + conf.get("PAGES_WAIT")
        while True:
            token = self._take(key)
            # Also where we have it: the last one may have given it back just now.
            page = self._look(asked)
            if page is not None:
                self.give_back(asked, token)
                return "", page
            if token or time.monotonic() >= deadline:
                return token, None
            held = self._do("get", key)
            if type(held) is leases.Lease and leases.is_abandoned(held, flights.held()):
                self._do("delete", key)
                continue
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _take(self, key: str) -> str:
        token = leases.new_token()
        flights.begin(token)
        is_taken = False
        try:
            is_taken = self._do("add", key, leases.lease((token,)), _LONGEST_LEASE)
        finally:
            if not is_taken:
                flights.end(token)
        return token if is_taken else ""

    def give_back(self, asked: Asked, token: str) -> None:
        """Let the next one make the page."""
        if not token:
            return
        try:
            key = self._lease_key(asked)
            held = self._do("get", key)
            if type(held) is leases.Lease and token in held.tokens:
                self._do("delete", key)
        finally:
            flights.end(token)

    def _look(self, asked: Asked) -> Page | None:
        found = self._do("get", self.key(asked))
        return Page(*found) if found is not MISSING and self._marks.are_current(found[0]) else None

    def _do(self, what: str, key: str, *args: Any) -> Any:
        """Have the live engine do *what*, without counting it: what visitors asked for is counted."""
        return self._cache.space.run(lambda engine: getattr(engine, what)(self._cache.full_key(key), *args))

    def _lease_key(self, asked: Asked) -> str:
        return asked.key(f"{self.stamp}:being made")


def marks_of(cache: AdaptiveCache) -> Marks:
    """Return the marks of *cache*, one object for all who use them in this process."""
    found = _marks.get(id(cache.space))
    if found is None or found[0] is not cache.space:
        found = _marks[id(cache.space)] = (cache.space, Marks(cache.space))
    return found[1]


def cache_of_pages() -> AdaptiveCache:
    """Return the cache that pages are kept in.

    Raises:
        ImproperlyConfigured: it is not one of ours.
    """
    alias = conf.get("PAGES_ALIAS")
    cache = caches[alias]
    if not isinstance(cache, AdaptiveCache):
        raise ImproperlyConfigured(f"Pages are kept in an AdaptiveCache, and CACHES[{alias!r}] is none.")
    return cache


def new_handle() -> AdaptiveCache:
    """Return a handle of that cache that lasts: it holds nothing, so threads may share it."""
    return cast(AdaptiveCache, caches.create_connection(conf.get("PAGES_ALIAS")))


def forget(*marks: str) -> None:
    """Have all pages that show one of *marks* made anew; call it once the change is committed.

    Args:
        marks: what has changed, in the words that the views gave to ``depends_on``.
    """
    if marks:
        marks_of(cache_of_pages()).touch(marks)


def forget_all() -> None:
    """Have all pages made anew."""
    cache_of_pages().clear_groups([GROUP])


_marks: dict[int, tuple[Any, Marks]] = {}
