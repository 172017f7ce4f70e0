"""What goes through Django with a request that found no page, and comes back with the answer."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from cacheadmin.pagecache import page as pages
from cacheadmin.pagecache.asked import Asked
from cacheadmin.pagecache.keeper import Keeper
from cacheadmin.pagecache.page import Page

# Its name in the environment of a WSGI request and in the scope of an ASGI one.
NAME = "cacheadmin.page"
# Whatever makes one visitor's answer another one's: it is the page itself that is kept.
_CHOICES = ("HTTP_ACCEPT_ENCODING", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE")


class Ticket:
    """Says whether the answer is a public page, what it shows, and when it ends.

    Args:
        keeper: where it would be kept.
        asked: what it answers.
    """

    def __init__(self, keeper: Keeper, asked: Asked) -> None:
        self._keeper = keeper
        self._asked = asked
        # Before anything is read that the page is made from.
        self._since = keeper.snapshot()
        self._begun = time.time()
        self._marks: list[str] = []
        self._end: datetime | None = None
        self._token = ""
        self._is_public = False
        # What somebody else has made meanwhile.
        self.found: Page | None = None

    # --- In the view ---

    def may_be_kept(self, request: HttpRequest, parameters: Collection[str]) -> bool:
        """Whether the site understands the request as the cache does, and nothing in it is left out.

        Args:
            request: as the view gets it.
            parameters: those that the view reads.
        """
        asked = self._asked
        # A name that the site does not answer to has been refused before.
        seen = (request.scheme, request.get_host(), request.path)
        path = asked.path.encode("latin-1", "replace").decode("utf-8", "replace")
        return (
            request.method == "GET"
            and asked.is_exact
            and seen == (asked.scheme, asked.host, path)
            and asked.parameters() <= set(parameters)
        )

    def wait(self) -> bool:
        """Wait while somebody else makes the page; return whether that gave one."""
        self._token, self.found = self._keeper.lead_or_find(self._asked)
        return self.found is not None

    def depends_on(self, marks: Iterable[str]) -> None:
        """Say what the page shows."""
        self._marks += marks

    def ends_at(self, moment: datetime) -> None:
        """Say when it is another page even if nothing is changed."""
        self._end = moment if self._end is None else min(self._end, moment)

    def close_view(self, request: HttpRequest, response: HttpResponseBase) -> None:
        """Take the view's answer for a public page, if it is one."""
        if response.status_code != 200 or response.streaming:
            return
        self._is_public = True
        for name in _CHOICES:
            request.META.pop(name, None)

    # --- Behind Django ---

    def is_wanted(self, status: int, headers: Iterable[tuple[str, str]]) -> bool:
        """Whether ``keep`` wants to see the body of this answer."""
        return self._is_public and pages.is_for_everybody(status, headers)

    def keep(self, headers: Iterable[tuple[str, str]], body: bytes) -> Page:
        """Keep the answer as a page, if it still holds, and return it."""
        page = pages.make(headers, body, self._begun, self._keeper.stamp)
        life: Any = DEFAULT_TIMEOUT
        if self._end is not None:
            life = (self._end - timezone.now()).total_seconds()
            if life <= 0:
                return page
            usual = self._keeper.usual_life()
            life = life if usual is None else min(life, usual)
        return self._keeper.keep(self._asked, page, self._since, self._marks, life)

    def end(self) -> None:
        """Let others make the page, if this one was to."""
        token, self._token = self._token, ""
        self._keeper.give_back(self._asked, token)
