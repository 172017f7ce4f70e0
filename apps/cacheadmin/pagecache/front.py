"""What the fronts for WSGI and ASGI have in common."""

from __future__ import annotations

import hashlib
import time
from http import HTTPStatus
from typing import Any

from django.core.signals import setting_changed

from cacheadmin import conf
from cacheadmin.pagecache import direct
from cacheadmin.pagecache import keeper as keeping
from cacheadmin.pagecache.asked import Rules
from cacheadmin.pagecache.keeper import Keeper
from cacheadmin.pagecache.page import Manners

# Of what is stored; another one for each way to store it.
_FORMAT = 2


class Front:
    """Reads the settings at the first request, and looks after the cache once a second.

    Args:
        application: the application of Django.
        version: what tells this release of the site from others: no page outlives it.
    """

    def __init__(self, application: Any, version: str = "") -> None:
        self.application = application
        self._stamp = hashlib.blake2b(f"{_FORMAT}:{version}".encode(), digest_size=4).hexdigest()
        direct.serve(self._stamp)
        self._next_look = float("-inf")
        self._parts: tuple[Rules, Keeper, Manners] | None = None
        setting_changed.connect(self._forget)

    def _ready(self) -> tuple[Rules, Keeper, Manners]:
        parts = self._parts
        if parts is None:
            keeping.cache_of_pages()
            parts = self._parts = (Rules(), Keeper(keeping.new_handle(), self._stamp), Manners())
        return parts

    def _is_due(self) -> bool:
        """Whether the settings have not been looked at for a second."""
        now = time.monotonic()
        if now < self._next_look:
            return False
        self._next_look = now + float(conf.get("REFRESH_INTERVAL"))
        return True

    def _forget(self, **_kwargs: object) -> None:
        self._parts = None


STATUS_LINES = {status: f"{status} {HTTPStatus(status).phrase}" for status in (200, 304)}
