"""``AdaptiveCache``: Django's cache contract in front of whichever engine is live.

Django makes a handle for each thread and closes it after each request, so a handle holds
nothing: everything that lasts is in its space.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

from asgiref.sync import sync_to_async
from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache

from cacheadmin import groups, space
from cacheadmin.engines.base import MISSING, Engine
from cacheadmin.redis_api import DjangoRedisMethods

Result = TypeVar("Result")

# A lifetime that comes from a group is shortened by up to this share, so that entries written
# together do not end together. Explicit timeouts are kept to the letter.
JITTER = 0.1


class AdaptiveCache(DjangoRedisMethods, BaseCache):
    """A cache backend that runs on Redis, files or memory.

    Args:
        location: the address where Redis would be; may be empty.
        params: the rest of the entry in CACHES.
    """

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self.space = space.of(space.identify(location, params))
        self.fixed_group: str | None = params.get("OPTIONS", {}).get("GROUP")
        self.reverse_key_function = params.get("OPTIONS", {}).get("REVERSE_KEY_FUNCTION", "")

    # --- Keys and lifetimes ---

    def group_of(self, key: str) -> str:
        """Return the name of the group that *key* belongs to in this cache."""
        return self.fixed_group or groups.of_key(str(key))

    def full_key(self, key: str, version: int | None = None) -> str:
        """Return the key an engine sees: Django's own, and the generation of its group."""
        made = self.make_and_validate_key(key, version=version)
        token = self.space.token(self.group_of(key))
        return f"{made}@{token}" if self.key_prefix else f"{self.space.namespace}{made}@{token}"

    def _seconds(self, key: str, timeout: Any) -> float | None:
        if timeout is not DEFAULT_TIMEOUT:
            return None if timeout is None else float(timeout)
        group = groups.get(self.group_of(key))
        if group is not None and group.ttl is not None:
            return group.ttl * (1 - random.random() * JITTER)  # noqa: S311 (spreads load, guards nothing)
        return None if self.default_timeout is None else float(self.default_timeout)

    def _run(self, action: Callable[[Engine], Result]) -> Result:
        return self.space.run(action)

    def _overwrite(self, keys: Iterable[str], action: Callable[[Engine], Result]) -> Result:
        """Do an *action* that replaces what the *keys* hold, so that nobody goes on reading that."""
        result = self._run(action)
        if self.space.selector.is_behind:
            # This process cannot reach the engine that the others have switched to; a new generation can.
            self.clear_groups({self.group_of(key) for key in keys})
        return result

    @property
    def is_shared(self) -> bool:
        """Whether what one worker stores now is what the others read."""
        return self._run(lambda engine: engine.is_shared)

    # --- One entry ---

    def get(self, key: str, default: Any = None, version: int | None = None, client: None = None) -> Any:
        value = self._run(lambda engine: engine.get(self.full_key(key, version)))
        return default if value is MISSING else value

    def set(  # type: ignore[override]
        self,
        key: str,
        value: Any,
        timeout: Any = DEFAULT_TIMEOUT,
        version: int | None = None,
        client: None = None,
        nx: bool = False,
        xx: bool = False,
    ) -> bool | None:
        if nx or xx:
            return self.set_if(key, value, timeout, version, there=xx)
        seconds = self._seconds(key, timeout)
        if seconds is not None and seconds <= 0:
            self.delete(key, version)
            return None
        self._overwrite([key], lambda engine: engine.set(self.full_key(key, version), value, seconds))
        return None

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        seconds = self._seconds(key, timeout)
        if seconds is not None and seconds <= 0:
            return not self.has_key(key, version)
        return self._run(lambda engine: engine.add(self.full_key(key, version), value, seconds))

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        seconds = self._seconds(key, timeout)
        if seconds is not None and seconds <= 0:
            return self.delete(key, version)
        return self._run(lambda engine: engine.touch(self.full_key(key, version), seconds))

    def delete(self, key: str, version: int | None = None) -> bool:
        return self._overwrite([key], lambda engine: engine.delete(self.full_key(key, version)))

    def incr(
        self,
        key: str,
        delta: int = 1,
        version: int | None = None,
        client: None = None,
        ignore_key_check: bool = False,
    ) -> int:
        if ignore_key_check:
            return self.incr_or_add(key, delta, version)
        value = self._run(lambda engine: engine.incr(self.full_key(key, version), delta))
        if value is MISSING:
            raise ValueError(f"Key {key!r} not found")
        return cast(int, value)

    def replace(
        self,
        key: str,
        change: Callable[[Any], Any],
        timeout: Any = DEFAULT_TIMEOUT,
        version: int | None = None,
    ) -> Any:
        """Replace a stored value by ``change(value)``, atomically over all workers.

        Args:
            key: where the value is.
            change: gives the new value.
            timeout: the new life in seconds.
            version: Django's version of the key.

        Returns:
            the new value, or ``MISSING`` if nothing is stored.
        """
        seconds = self._seconds(key, timeout)
        return self._run(lambda engine: engine.modify(self.full_key(key, version), change, seconds))

    def invalidate(self, key: str, version: int | None = None) -> None:
        """Make sure that no worker of this machine reads the value of *key* any more.

        An engine that the workers do not share cannot reach into the others' memory: there the
        whole group starts a new generation, which they all see.
        """

        def forget(engine: Engine) -> bool:
            engine.delete(self.full_key(key, version))
            return engine.is_shared

        if not self._overwrite([key], forget):
            self.clear_groups([self.group_of(key)])

    # --- Many entries ---

    def get_many(self, keys: Iterable[str], version: int | None = None) -> dict[str, Any]:
        wanted = list(keys)

        def read(engine: Engine) -> dict[str, Any]:
            names = {self.full_key(key, version): key for key in wanted}
            return {names[full]: value for full, value in engine.get_many(names).items()}

        return self._run(read)

    def set_many(
        self, data: Mapping[str, Any], timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> list[str]:
        lives = {key: self._seconds(key, timeout) for key in data}
        over = {key for key, seconds in lives.items() if seconds is not None and seconds <= 0}
        if over:
            self.delete_many(over, version)
        kept = {key: value for key, value in data.items() if key not in over}
        self._overwrite(
            kept,
            lambda engine: engine.set_many(
                {self.full_key(key, version): (value, lives[key]) for key, value in kept.items()}
            ),
        )
        return []

    def delete_many(self, keys: Iterable[str], version: int | None = None) -> None:
        wanted = list(keys)
        self._overwrite(
            wanted, lambda engine: engine.delete_many([self.full_key(key, version) for key in wanted])
        )

    # --- The whole ---

    def clear(self) -> None:
        self.space.clear()

    def clear_groups(self, names: Iterable[str]) -> None:
        """Empty some groups of this cache, at once and at any size.

        Args:
            names: names of groups.
        """
        self.space.clear_groups(names)

    # --- Async: BaseCache's own versions of these are several steps, and so not atomic ---

    async def aincr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        return await sync_to_async(self.incr, thread_sensitive=True)(key, delta, version)

    async def aget_many(self, keys: Iterable[str], version: int | None = None) -> dict[str, Any]:
        return await sync_to_async(self.get_many, thread_sensitive=True)(keys, version)

    async def aset_many(
        self,
        data: Mapping[str, Any],
        timeout: Any = DEFAULT_TIMEOUT,  # noqa: ASYNC109 (Django's signature)
        version: int | None = None,
    ) -> list[str]:
        return await sync_to_async(self.set_many, thread_sensitive=True)(data, timeout, version)

    async def adelete_many(self, keys: Iterable[str], version: int | None = None) -> None:
        await sync_to_async(self.delete_many, thread_sensitive=True)(keys, version)
