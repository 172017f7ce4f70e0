"""The session engine: sessions live in the cache, and in the database behind it.

A lost, cleared or switched cache logs nobody out: the database answers. Activity renews a
session's life; to spare the database that is written at most once in a twentieth of that life.

A cache that the workers do not share is left alone, since one worker would not hear of a logout
in another: there the database alone answers.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.core.cache import caches

from cacheadmin import state

if TYPE_CHECKING:
    from django.contrib.sessions.models import Session

# The first part makes them entries of the protected group "sessions" in whichever cache they are.
KEY_PREFIX = "sessions:"
_RENEWED_EVERY = 20


class _Entry(NamedTuple):
    # As the database would give it back, so that a hit equals a miss in every type.
    serialised: bytes
    expires: float


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
        life = state.lifetime("sessions", settings.SESSION_CACHE_ALIAS)
        return settings.SESSION_COOKIE_AGE if life is None else life

    # --- Reading ---

    def load(self) -> dict[str, Any]:
        """Return what is stored, from the cache or else from the database."""
        session_key = self._get_or_create_session_key()
        entry = self._find(session_key)
        if entry is None:
            row = self._get_session_from_db()
            entry = None if row is None else self._keep(session_key, row)
        return self._open(entry)

    async def aload(self) -> dict[str, Any]:
        """Return what is stored, from the cache or else from the database."""
        session_key = await self._aget_or_create_session_key()
        entry = await sync_to_async(self._find)(session_key)
        if entry is None:
            row = await self._aget_session_from_db()
            entry = None if row is None else await sync_to_async(self._keep)(session_key, row)
        return self._open(entry)

    def _find(self, session_key: str) -> _Entry | None:
        if not self._is_shared():
            return None
        name, gone = self._name(session_key), self._name_when_gone(session_key)
        found = self._cache.get_many([name, gone])
        return None if gone in found else found.get(name)

    def _keep(self, session_key: str, row: Session) -> _Entry:
        entry = self._entry(self.decode(row.session_data), row.expire_date)
        if self._is_shared():
            # Not over an entry that somebody has written since this row was read.
            self._cache.add(self._name(session_key), entry, self._life(entry))
        return entry

    def _open(self, entry: _Entry | None) -> dict[str, Any]:
        if entry is None:
            return {}
        data: dict[str, Any] = self.serializer().loads(entry.serialised)
        self._renew_if_due(entry.expires, data.get("_session_expiry"))
        return data

    def _renew_if_due(self, expires: float, own_life: int | str | None) -> None:
        if isinstance(own_life, str):
            # It ends at a fixed moment, whatever its owner does.
            return
        life = own_life or self.get_session_cookie_age()
        if expires - time.time() < life - life / _RENEWED_EVERY:
            # The session middleware writes a modified session, and sends its cookie again.
            self.modified = True

    # --- Writing: the database first, it is what counts ---

    def save(self, must_create: bool = False) -> None:
        """Write the session to the database, then to the cache."""
        super().save(must_create)
        self._write()

    async def asave(self, must_create: bool = False) -> None:
        """Write the session to the database, then to the cache."""
        await super().asave(must_create)
        await sync_to_async(self._write)()

    def delete(self, session_key: str | None = None) -> None:
        """Remove the session from both."""
        super().delete(session_key)
        self._forget(session_key or self.session_key)

    async def adelete(self, session_key: str | None = None) -> None:
        """Remove the session from both."""
        await super().adelete(session_key)
        await sync_to_async(self._forget)(session_key or self.session_key)

    def _write(self) -> None:
        if self._is_shared():
            entry = self._entry(self._session, self.get_expiry_date())
            self._cache.set(self._name(self.session_key or ""), entry, self._life(entry))

    def _forget(self, session_key: str | None) -> None:
        if session_key and self._is_shared():
            # Another request may be about to write what it read before the end: this word outlives
            # all that such a request can leave behind.
            self._cache.set(self._name_when_gone(session_key), True, self.get_session_cookie_age())
            self._cache.delete(self._name(session_key))

    # --- Entries ---

    def _is_shared(self) -> bool:
        return bool(getattr(self._cache, "is_shared", True))

    def _entry(self, data: dict[str, Any], expires: datetime) -> _Entry:
        return _Entry(self.serializer().dumps(data), expires.timestamp())

    def _life(self, entry: _Entry) -> float:
        return max(1.0, min(entry.expires - time.time(), self.get_session_cookie_age()))

    def _name(self, session_key: str) -> str:
        return f"{self.cache_key_prefix}{session_key}"

    def _name_when_gone(self, session_key: str) -> str:
        return f"{self.cache_key_prefix}gone:{session_key}"
