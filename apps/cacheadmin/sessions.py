"""The session engine: sessions live in the cache, and in the database behind it.

A lost, cleared or switched cache logs nobody out: the database answers. Activity renews a
session's life; to spare the database that is written at most once in a twentieth of that life.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.core.cache import caches
from django.utils import timezone

from cacheadmin import groups

if TYPE_CHECKING:
    from django.contrib.sessions.models import Session

logger = logging.getLogger("cacheadmin")

KEY_PREFIX = "cacheadmin.sessions:"
_RENEWED_EVERY = 20


class SessionStore(DatabaseStore):
    """One visitor's session."""

    cache_key_prefix = KEY_PREFIX

    if TYPE_CHECKING:
        # What Django's class has, and its type stubs leave out.
        _session: dict[str, Any]

        def _get_or_create_session_key(self) -> str: ...
        async def _aget_or_create_session_key(self) -> str: ...
        def _get_session_from_db(self) -> Session | None: ...
        async def _aget_session_from_db(self) -> Session | None: ...

    def __init__(self, session_key: str | None = None) -> None:
        self._cache = caches[settings.SESSION_CACHE_ALIAS]
        super().__init__(session_key)

    @classmethod
    def get_session_cookie_age(cls) -> int:
        """Return the idle lifetime in seconds: that of the group ``sessions``."""
        group = groups.get("sessions")
        return settings.SESSION_COOKIE_AGE if group is None or group.ttl is None else group.ttl

    # --- Reading ---

    def load(self) -> dict[str, Any]:
        """Return what is stored, from the cache or else from the database."""
        key = self._entry_key(self._get_or_create_session_key())
        entry = self._cache.get(key)
        if entry is None:
            entry = self._load_row(key)
        if entry is None:
            return {}
        data, expires = entry
        self._renew_if_due(expires)
        return dict(data)

    async def aload(self) -> dict[str, Any]:
        """Return what is stored, from the cache or else from the database."""
        key = self._entry_key(await self._aget_or_create_session_key())
        entry = await self._cache.aget(key)
        if entry is None:
            row = await self._aget_session_from_db()
            if not row:
                return {}
            entry = (self.decode(row.session_data), row.expire_date.timestamp())
            await self._cache.aset(key, entry, self._seconds_until(row.expire_date))
        data, expires = entry
        self._renew_if_due(expires)
        return dict(data)

    def _load_row(self, key: str) -> tuple[dict[str, Any], float] | None:
        row = self._get_session_from_db()
        if not row:
            return None
        entry = (self.decode(row.session_data), row.expire_date.timestamp())
        self._cache.set(key, entry, self._seconds_until(row.expire_date))
        return entry

    def _renew_if_due(self, expires: float) -> None:
        life = self.get_session_cookie_age()
        if expires - time.time() < life - life / _RENEWED_EVERY:
            # The session middleware writes a modified session, and sends its cookie again.
            self.modified = True

    # --- Writing: the database first, it is what counts ---

    def save(self, must_create: bool = False) -> None:
        """Write the session to the database, then to the cache."""
        super().save(must_create)
        key, entry, seconds = self._entry()
        self._cache.set(key, entry, seconds)

    async def asave(self, must_create: bool = False) -> None:
        """Write the session to the database, then to the cache."""
        await super().asave(must_create)
        key, entry, seconds = self._entry()
        await self._cache.aset(key, entry, seconds)

    def delete(self, session_key: str | None = None) -> None:
        """Remove the session from both."""
        super().delete(session_key)
        gone = session_key or self.session_key
        if gone:
            self._cache.delete(self._entry_key(gone))

    async def adelete(self, session_key: str | None = None) -> None:
        """Remove the session from both."""
        await super().adelete(session_key)
        gone = session_key or self.session_key
        if gone:
            await self._cache.adelete(self._entry_key(gone))

    def _entry(self) -> tuple[str, tuple[dict[str, Any], float], float]:
        expires: datetime = self.get_expiry_date()
        entry = (dict(self._session), expires.timestamp())
        return self._entry_key(self.session_key or ""), entry, self._seconds_until(expires)

    def _entry_key(self, session_key: str) -> str:
        return f"{self.cache_key_prefix}{session_key}"

    @staticmethod
    def _seconds_until(moment: datetime) -> float:
        return max(1.0, (moment - timezone.now()) / timedelta(seconds=1))
