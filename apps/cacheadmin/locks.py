"""Locks in a cache, on whichever engine is live: at most one holder at a time.

The token of the holder is the value of an entry. Taking it is ``add``; giving it back replaces it by
a mark, in one atomic step that fails if it is not ours any more, so that a lock which expired and was
taken by somebody else stays theirs. A change of engine ends all locks, and so does clearing their group.
"""

from __future__ import annotations

import threading
import time
import uuid
from types import SimpleNamespace, TracebackType
from typing import Any, Protocol

from redis.exceptions import LockError, LockNotOwnedError

from cacheadmin.engines.base import MISSING

# What stands in the entry of a lock that was given back, and for how many seconds.
_FREE = ""
_FREE_FOR = 1.0


class _Cache(Protocol):
    def add(self, key: str, value: Any, timeout: Any, version: int | None) -> bool: ...
    def get(self, key: str, default: Any, version: int | None) -> Any: ...
    def replace(self, key: str, change: Any, timeout: Any, version: int | None) -> Any: ...
    def remaining(self, key: str, version: int | None) -> Any: ...


class _TakenError(Exception):
    """The entry holds somebody else's token."""


class Lock:
    """A lock as redis-py has one, with the same methods and errors.

    Args:
        cache: where it is kept.
        key: its name.
        version: Django's version of the key.
        timeout: seconds after which it is free again whatever happens; ``None`` for no end.
        sleep: seconds between two attempts to take it.
        blocking: whether taking it waits for it.
        blocking_timeout: seconds to wait at the most; ``None`` for no end.
        thread_local: whether another thread with this object is another holder.
    """

    def __init__(
        self,
        cache: _Cache,
        key: str,
        *,
        version: int | None = None,
        timeout: float | None = None,
        sleep: float = 0.1,
        blocking: bool = True,
        blocking_timeout: float | None = None,
        thread_local: bool = True,
    ) -> None:
        self._cache = cache
        self.name = key
        self._version = version
        self.timeout = timeout
        self.sleep = sleep
        self.blocking = blocking
        self.blocking_timeout = blocking_timeout
        self.local: Any = threading.local() if thread_local else SimpleNamespace()
        self.local.token = None

    def __enter__(self) -> Lock:
        if not self.acquire():
            raise LockError("The lock was not free in time.", lock_name=self.name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.release()
        except LockError:
            # What went wrong inside matters more than a lock that ended meanwhile.
            if error is None:
                raise

    # --- Taking ---

    def acquire(
        self,
        sleep: float | None = None,
        blocking: bool | None = None,
        blocking_timeout: float | None = None,
        token: str | None = None,
    ) -> bool:
        """Take it, waiting if need be, and return whether that worked; the class tells the arguments."""
        pause = self.sleep if sleep is None else sleep
        waits = self.blocking if blocking is None else blocking
        patience = self.blocking_timeout if blocking_timeout is None else blocking_timeout
        deadline = None if patience is None else time.monotonic() + patience
        mine = token or uuid.uuid4().hex
        while not self._take(mine):
            if not waits or (deadline is not None and time.monotonic() + pause > deadline):
                return False
            time.sleep(pause)
        self.local.token = mine
        return True

    def _take(self, token: str) -> bool:
        if self._cache.add(self.name, token, self.timeout, self._version):
            return True

        def change(stored: Any) -> str:
            if stored != _FREE:
                raise _TakenError
            return token

        try:
            return self._cache.replace(self.name, change, self.timeout, self._version) is not MISSING
        except _TakenError:
            return False

    # --- Holding ---

    def locked(self) -> bool:
        """Return whether anybody holds it."""
        return bool(self._cache.get(self.name, _FREE, self._version))

    def owned(self) -> bool:
        """Return whether we hold it."""
        token = self._token()
        return token is not None and self._cache.get(self.name, _FREE, self._version) == token

    def extend(self, additional_time: float, replace_ttl: bool = False) -> bool:
        """Let it last longer.

        Args:
            additional_time: seconds on top of what is left.
            replace_ttl: take them instead of what is left.

        Raises:
            LockNotOwnedError: it is not ours any more.
        """
        token = self._needed("It is not held, so it cannot be extended.")
        if self.timeout is None:
            raise LockError("It has no timeout to extend.", lock_name=self.name)
        left = 0.0 if replace_ttl else self._cache.remaining(self.name, self._version)
        if left is MISSING or left is None:
            raise LockNotOwnedError("It ended before it was extended.", lock_name=self.name)
        return self._put(token, token, left + additional_time, "It ended before it was extended.")

    def reacquire(self) -> bool:
        """Let it last its whole time from now on.

        Raises:
            LockNotOwnedError: it is not ours any more.
        """
        token = self._needed("It is not held, so it cannot be renewed.")
        if self.timeout is None:
            raise LockError("It has no timeout to renew.", lock_name=self.name)
        return self._put(token, token, self.timeout, "It ended before it was renewed.")

    def release(self) -> None:
        """Give it back.

        Raises:
            LockNotOwnedError: it expired, and perhaps somebody else has it now.
        """
        token = self._needed("It is not held, so it cannot be released.")
        self.local.token = None
        self._put(token, _FREE, _FREE_FOR, "It ended before it was released.")

    def _token(self) -> str | None:
        return getattr(self.local, "token", None)

    def _needed(self, complaint: str) -> str:
        token = self._token()
        if token is None:
            raise LockError(complaint, lock_name=self.name)
        return token

    def _put(self, token: str, new: str, seconds: float, complaint: str) -> bool:
        def change(stored: Any) -> str:
            if stored != token:
                raise _TakenError
            return new

        try:
            is_there = self._cache.replace(self.name, change, seconds, self._version) is not MISSING
        except _TakenError:
            is_there = False
        if not is_there:
            raise LockNotOwnedError(complaint, lock_name=self.name)
        return True
