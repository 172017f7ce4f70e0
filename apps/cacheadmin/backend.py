"""``AdaptiveCache``: Django's cache contract in front of whichever engine is live.

Django makes a handle for each thread and closes it after each request, so a handle holds
nothing: everything that lasts is in its space.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from time import perf_counter_ns
from typing import Any, TypeVar, cast

from asgiref.sync import sync_to_async
from django.core.cache.backends.base import (
    DEFAULT_TIMEOUT,
    MEMCACHE_MAX_KEY_LENGTH,
    BaseCache,
    default_key_func,
)

from cacheadmin import groups, space, state, stats
from cacheadmin.engines.base import MISSING, Engine, EngineUnavailable
from cacheadmin.identity import identify
from cacheadmin.redis_api import DjangoRedisMethods
from cacheadmin.shared import EPOCH

Result = TypeVar("Result")

# A lifetime that comes from a group is shortened by up to this share, so that entries written
# together do not end together. Explicit timeouts are kept to the letter.
JITTER = 0.1

# Whatever has a hand in making a key: a subclass with its own may make another one of the same word.
_KEY_MAKERS = ("make_key", "validate_key", "key_prefix", "group_of", "full_key")

# A key that Django's check would say nothing about.
_PLAIN_KEY = re.compile(rf"[^\x00-\x20\x7f]{{1,{MEMCACHE_MAX_KEY_LENGTH}}}")


class AdaptiveCache(DjangoRedisMethods, BaseCache):
    """A cache backend that runs on Redis, files or memory.

    Args:
        location: the address where Redis would be; may be empty.
        params: the rest of the entry in CACHES.
    """

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self.space = space.of(identify(location, params))
        self.fixed_group: str | None = params.get("OPTIONS", {}).get("GROUP")
        if self.fixed_group:
            self.space.named_groups.add(self.fixed_group)
        self.reverse_key_function = params.get("OPTIONS", {}).get("REVERSE_KEY_FUNCTION", "")
        self._choose_memory()

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        # Projects set these on a live handle, a prefix for each tenant above all: other keys from now on.
        if name in ("key_prefix", "version", "key_func", "fixed_group") and "_fast" in self.__dict__:
            self._choose_memory()

    def _choose_memory(self) -> None:
        """Share what is remembered of keys with the handles that make the same ones, or remember nothing."""
        own = type(self)
        self._has_plain_keys = self.key_func is default_key_func and all(
            getattr(own, name) is getattr(AdaptiveCache, name) for name in _KEY_MAKERS
        )
        self._fast = self.space.fast_path(
            own, self.key_func, self._key_prefix, str(self.version), group=self.fixed_group
        )

    # --- Keys and lifetimes ---

    @property
    def key_prefix(self) -> str:
        """KEY_PREFIX, and what a copied installation adds to it."""
        return f"{self._key_prefix}{self.space.suffix}" if self._key_prefix else ""

    @key_prefix.setter
    def key_prefix(self, value: str) -> None:
        self._key_prefix = value

    def group_of(self, key: str) -> str:
        """Return the name of the group that *key* belongs to in this cache."""
        return self.fixed_group or groups.of_key(str(key))

    def full_key(self, key: str, version: int | None = None) -> str:
        """Return the key an engine sees: Django's own, and the generation of its group."""
        # Before the generation is looked at: a key of an old one may never meet a new engine.
        known = self._fast.renew()
        made = self.make_key(key, version=version)
        is_plain = self._has_plain_keys and _PLAIN_KEY.fullmatch(made) is not None
        if not is_plain:
            self.validate_key(made)
        group = self.group_of(key)
        token = self.space.token(group)
        full = f"{made}@{token}" if self.key_prefix else f"{self.space.namespace}{made}@{token}"
        if is_plain and version is None and type(key) is str:
            self._fast.learn(known, key, full, self.space.tally(group))
        return full

    def _seconds(self, key: str, timeout: Any) -> float | None:
        if timeout is not DEFAULT_TIMEOUT:
            return None if timeout is None else float(timeout)
        life = state.lifetime_at(self.group_of(key), self.space.identity.location)
        if life is not None:
            return life * (1 - random.random() * JITTER)  # noqa: S311 (spreads load, guards nothing)
        return None if self.default_timeout is None else float(self.default_timeout)

    def life(self, key: str, timeout: Any = DEFAULT_TIMEOUT) -> float | None:
        """Return the seconds that *key* would live if it were stored now; ``None`` is without an end."""
        return self._seconds(key, timeout)

    def has_saved_life(self, key: str) -> bool:
        """Whether somebody saved a lifetime for the group of *key*: it overrules a decorator's."""
        return self.group_of(key) in state.saved_lifetimes(self.space.identity.location)

    # --- Ways to the engine ---

    def _do(self, what: str, key: str, version: int | None, *args: Any) -> Any:
        """Have the live engine do *what*, which changes something, with *key*."""
        cells, epoch, engine, names = self._fast.known
        known = names.get(key) if version is None and type(key) is str else None
        if known is not None and cells[EPOCH] == epoch:
            full, tally = known
            try:
                result = getattr(engine, what)(full, *args)
            except EngineUnavailable as error:
                self.space.leave(engine, error, tally)
            else:
                next(tally.deletes if what == "delete" else tally.writes)
                return result
        result = self._do_anew(what, key, version, *args)
        tally = self.space.tally(self.group_of(key))
        next(tally.deletes if what == "delete" else tally.writes)
        return result

    def _do_anew(self, what: str, key: str, version: int | None, *args: Any) -> Any:
        """Have it do so where nothing is remembered of *key*; counts no more than failures."""
        return self._run(
            lambda engine: getattr(engine, what)(self.full_key(key, version), *args), self.group_of(key)
        )

    def _replace(self, what: str, key: str, version: int | None, *args: Any) -> Any:
        """Have it do what changes the value of *key*, so that nobody goes on reading the old one."""
        cells, epoch = self._seen()
        result = self._do(what, key, version, *args)
        if what == "delete" and self.space.selector.has_lost_redis:
            self.space.note_changes([self.group_of(key)])
        if cells[EPOCH] != epoch:
            return self._replace_again([key], lambda: self._do_anew(what, key, version, *args), result)
        return result

    def _seen(self) -> tuple[Sequence[int] | memoryview, int]:
        """Return the EPOCH that holds now, and where to see whether it still does."""
        cells, epoch, _engine, _names = self._fast.known
        if cells[EPOCH] != epoch:
            cells, epoch, _engine, _names = self._run(lambda _: self._fast.renew())
        return cells, epoch

    def _replace_again(self, keys: Iterable[str], action: Callable[[], Any], result: Any) -> Any:
        """Make up for what may have changed while an engine was changing it.

        Where the others have switched to another engine meanwhile, it may have read the old value from
        the database before it was changed, and keep it; so the change is made there too.
        """
        if self.space.selector.is_behind:
            # This process cannot reach the engine that the others have switched to; a new generation can.
            self.clear_groups({self.group_of(key) for key in keys})
            return result
        again = action()
        return result or again

    def _run(self, action: Callable[[Engine], Result], group: str = "") -> Result:
        return self.space.run(action, group, spared=self.is_spared)

    def _tally(self, key: str) -> stats.Tally:
        """Return where an operation on *key* that has just been done is counted."""
        cells, epoch, _engine, names = self._fast.known
        known = names.get(key) if type(key) is str else None
        if known is not None and cells[EPOCH] == epoch:
            return known[1]
        return self.space.tally(self.group_of(key))

    @property
    def is_shared(self) -> bool:
        """Whether what one worker stores now is what the others read."""
        return self._run(lambda engine: engine.is_shared)

    @property
    def is_behind(self) -> bool:
        """Whether the others have followed a choice that this process has not read yet: it keeps nothing."""
        return self.space.selector.is_behind

    # --- One entry ---

    def get(self, key: str, default: Any = None, version: int | None = None, client: None = None) -> Any:
        # As `_do` has it, written out: this is the operation that everything else waits for.
        cells, epoch, engine, names = self._fast.known
        known = names.get(key) if version is None and type(key) is str else None
        if known is None or cells[EPOCH] != epoch:
            return self._get_anew(key, default, version, perf_counter_ns())
        full, tally = known
        weight = next(tally.samples)
        begun = perf_counter_ns() if weight else 0
        try:
            value = engine.get(full)
        except EngineUnavailable as error:
            self.space.leave(engine, error, tally)
            return self._get_anew(key, default, version, begun or perf_counter_ns())
        if weight:
            tally.sample(key, perf_counter_ns() - begun, weight)
        if value is MISSING:
            next(tally.misses)
            return default
        next(tally.hits)
        return value

    def _get_anew(self, key: str, default: Any, version: int | None, begun: int) -> Any:
        """Read *key* where nothing is remembered of it, or what was remembered holds no more."""
        group = self.group_of(key)
        value = self._run(lambda engine: engine.get(self.full_key(key, version)), group)
        tally = self.space.tally(group)
        weight = next(tally.samples)
        if weight:
            tally.sample(key, perf_counter_ns() - begun, weight)
        next(tally.misses if value is MISSING else tally.hits)
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
        self._replace("set", key, version, value, seconds)
        return None

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        seconds = self._seconds(key, timeout)
        if seconds is not None and seconds <= 0:
            return not self.has_key(key, version)
        return bool(self._do("add", key, version, value, seconds))

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        seconds = self._seconds(key, timeout)
        if seconds is not None and seconds <= 0:
            return self.delete(key, version)
        return bool(self._do("touch", key, version, seconds))

    def delete(self, key: str, version: int | None = None) -> bool:
        return bool(self._replace("delete", key, version))

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
        value = self._do("incr", key, version, delta)
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
        return self._do("modify", key, version, change, self._seconds(key, timeout))

    def invalidate(self, key: str, version: int | None = None) -> None:
        """Make sure that no worker of this machine reads the value of *key* any more.

        An engine that the workers do not share cannot reach into the others' memory: there the
        whole group starts a new generation, which they all see.
        """
        self._replace("delete", key, version)
        if not self.is_shared:
            self.clear_groups([self.group_of(key)])

    # --- Many entries ---

    def get_many(self, keys: Iterable[str], version: int | None = None) -> dict[str, Any]:
        wanted = list(keys)

        def read(engine: Engine) -> dict[str, Any]:
            names = {self._full_key(key, version): key for key in wanted}
            return {names[full]: value for full, value in engine.get_many(names).items()}

        # A failure is one, however many were asked for.
        found = self._run(read, self.group_of(wanted[0]) if wanted else "")
        for key in set(wanted):
            tally = self._tally(key)
            next(tally.hits if key in found else tally.misses)
        return found

    def set_many(
        self, data: Mapping[str, Any], timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> list[str]:
        lives = {key: self._seconds(key, timeout) for key in data}
        over = {key for key, seconds in lives.items() if seconds is not None and seconds <= 0}
        if over:
            self.delete_many(over, version)
        kept = {key: value for key, value in data.items() if key not in over}

        def write(engine: Engine) -> None:
            engine.set_many(
                {self._full_key(key, version): (value, lives[key]) for key, value in kept.items()}
            )

        self._replace_many(kept, write)
        for key in kept:
            next(self._tally(key).writes)
        return []

    def delete_many(self, keys: Iterable[str], version: int | None = None) -> None:
        wanted = list(keys)
        self._replace_many(
            wanted, lambda engine: engine.delete_many([self._full_key(key, version) for key in wanted])
        )
        for key in wanted:
            next(self._tally(key).deletes)
        self.space.note_changes(self.group_of(key) for key in wanted)

    def _replace_many(self, keys: Collection[str], action: Callable[[Engine], None]) -> None:
        cells, epoch = self._seen()
        self._run(action, next(map(self.group_of, keys), ""))
        if cells[EPOCH] != epoch:
            self._replace_again(keys, lambda: self._run(action), None)

    def _full_key(self, key: str, version: int | None) -> str:
        cells, epoch, _engine, names = self._fast.known
        known = names.get(key) if version is None and type(key) is str else None
        return known[0] if known is not None and cells[EPOCH] == epoch else self.full_key(key, version)

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
