"""Entries in the memory of this process."""

from __future__ import annotations

import os
import pickle
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from cacheadmin.engines.base import KEEP, MISSING, Contents, Engine

_engines: weakref.WeakSet[MemoryEngine] = weakref.WeakSet()


class MemoryEngine(Engine):
    """A bounded dictionary, the entries least recently used going first.

    Values are kept pickled, so that nobody can change what is stored by changing what was read.

    Args:
        max_entries: how many entries it holds at the most.
        cull_frequency: 1/n of the entries go when it is full; 0 empties it.
    """

    name = "memory"
    is_shared = False

    def __init__(self, max_entries: int, cull_frequency: int) -> None:
        self._max_entries = max_entries
        self._cull_frequency = cull_frequency
        self._entries: OrderedDict[str, tuple[bytes, float | None]] = OrderedDict()
        self._lock = threading.RLock()
        _engines.add(self)

    def after_fork(self) -> None:
        """Forget a lock that a thread of the parent may have held."""
        self._lock = threading.RLock()

    def get(self, key: str) -> Any:
        with self._lock:
            data = self._live(key)
            if data is None:
                return MISSING
            self._entries.move_to_end(key)
        return self._value(key, data)

    def set(self, key: str, value: Any, timeout: float | None) -> None:
        data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        with self._lock:
            self._store(key, data, timeout)

    def add(self, key: str, value: Any, timeout: float | None) -> bool:
        data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        with self._lock:
            if self._live(key) is not None:
                return False
            self._store(key, data, timeout)
            return True

    def touch(self, key: str, timeout: float | None) -> bool:
        with self._lock:
            data = self._live(key)
            if data is None:
                return False
            self._entries[key] = (data, _expiry(timeout))
            return True

    def delete(self, key: str) -> bool:
        with self._lock:
            was_there = self._live(key) is not None
            self._entries.pop(key, None)
            return was_there

    def modify(self, key: str, change: Callable[[Any], Any], timeout: Any = KEEP) -> Any:
        while True:
            with self._lock:
                data = self._live(key)
                if data is None:
                    return MISSING
                seen = self._entries[key]
            # Not under the lock: a lazy value asks its database only now.
            old = self._value(key, data)
            if old is MISSING:
                return MISSING
            value = change(old)
            new = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
            with self._lock:
                if self._live(key) is not None and self._entries[key] is seen:
                    self._entries[key] = (new, seen[1] if timeout is KEEP else _expiry(timeout))
                    return value

    def remaining(self, key: str) -> Any:
        with self._lock:
            if self._live(key) is None:
                return MISSING
            expires = self._entries[key][1]
        return None if expires is None else max(0.0, expires - time.monotonic())

    def names(self) -> Iterator[str]:
        with self._lock:
            return iter([key for key in list(self._entries) if self._live(key) is not None])

    def sizes_of(self, names: Sequence[str]) -> list[int | None]:
        with self._lock:
            found = [self._live(name) for name in names]
        return [None if data is None else len(data) for data in found]

    def reclaim(self) -> None:
        with self._lock:
            self._entries.clear()

    def contents(self) -> Contents:
        now = time.monotonic()
        with self._lock:
            live = [len(data) for data, expires in self._entries.values() if expires is None or expires > now]
        return Contents(entries=len(live), size=sum(live))

    def probe(self) -> None:
        return None

    def _value(self, key: str, data: bytes) -> Any:
        """Return the value of *data*, or ``MISSING``: then the entry goes, as on the other engines."""
        try:
            # Nothing but this process has written these bytes.
            return pickle.loads(data)  # noqa: S301
        except Exception:  # noqa: BLE001 (a class that refuses: unpickling may raise anything)
            with self._lock:
                entry = self._entries.get(key)
                if entry is not None and entry[0] is data:
                    del self._entries[key]
                    self.damaged += 1
            return MISSING

    def _live(self, key: str) -> bytes | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        data, expires = entry
        if expires is not None and expires <= time.monotonic():
            del self._entries[key]
            return None
        return data

    def _store(self, key: str, data: bytes, timeout: float | None) -> None:
        if key not in self._entries and len(self._entries) >= self._max_entries:
            self._cull()
        self._entries[key] = (data, _expiry(timeout))
        self._entries.move_to_end(key)

    def _cull(self) -> None:
        if self._cull_frequency == 0:
            self._entries.clear()
            return
        doomed = max(1, len(self._entries) // self._cull_frequency)
        for key in list(islice(self._entries, doomed)):
            del self._entries[key]


def _expiry(timeout: float | None) -> float | None:
    return None if timeout is None else time.monotonic() + timeout


def _after_fork() -> None:
    for engine in list(_engines):
        engine.after_fork()


os.register_at_fork(after_in_child=_after_fork)
