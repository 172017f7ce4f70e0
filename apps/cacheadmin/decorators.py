"""``@cached``: the result of a function, kept in a group of the cache."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import inspect
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeVar, cast

from asgiref.sync import sync_to_async
from django.core.cache import caches
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.db import models

from cacheadmin.backend import AdaptiveCache
from cacheadmin.engines.base import MISSING

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
KeyFunction = Callable[..., str]

# Seconds one caller may compute before others stop trusting that it will finish, and seconds
# another caller waits for it before it computes for itself.
LEASE = 30.0
LONGEST_WAIT = 2.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.002, 0.05

# Django warns of keys longer than 250 characters; its prefix and version, and our group, come on top.
_LONGEST_REST = 160
_KEPT_OF_REST = 100


@dataclass(frozen=True)
class Lease:
    """Stands in the cache for a value that somebody is computing."""

    token: str


class _LeaseLost(Exception):
    """Somebody else's value or lease stands in the place of ours, and stays there untouched."""


class CachedFunction(Generic[Arguments, Result]):
    """A function whose results are kept; calling it looks in the cache first.

    While a value is computed, a lease stands in its place. An invalidation removes the lease with
    the value, so that what was computed from before it is handed to its caller, but never stored.
    """

    def __init__(
        self,
        function: Callable[Arguments, Result],
        group: str,
        ttl: float | None,
        key: KeyFunction | None,
        alias: str,
    ) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._group = group
        self._timeout: Any = DEFAULT_TIMEOUT if ttl is None else ttl
        self._key = key
        self._alias = alias
        self._signature = inspect.signature(function)
        self._name = f"{function.__module__}.{function.__qualname__}"
        self._before: tuple[Any, ...] = ()

    def __get__(self, instance: object, owner: type | None = None) -> CachedFunction[..., Result]:
        """Bind to *instance*, as a method is bound."""
        if instance is None:
            return cast("CachedFunction[..., Result]", self)
        bound = cast("CachedFunction[..., Result]", object.__new__(type(self)))
        bound.__dict__.update(self.__dict__, _before=(instance,))
        return bound

    def __call__(self, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        """Return the kept result, or compute and keep it."""
        cache, key = self._cache(), self.key(*args, **kwargs)
        compute = functools.partial(self._function, *self._before, *args, **kwargs)
        if inspect.iscoroutinefunction(self._function):
            return cast(Result, self._call_async(cache, key, compute))
        return self._call(cache, key, compute)

    def key(self, *args: Any, **kwargs: Any) -> str:
        """Return the key under which the result for these arguments is kept."""
        if self._key is not None:
            return f"{self._group}:{self._key(*self._before, *args, **kwargs)}"
        bound = self._signature.bind(*self._before, *args, **kwargs)
        bound.apply_defaults()
        rest = ":".join([self._name, *(_in_key(value, name) for name, value in bound.arguments.items())])
        if len(rest) > _LONGEST_REST:
            rest = f"{rest[:_KEPT_OF_REST]}:{_hash(rest)}"
        return f"{self._group}:{rest}"

    def invalidate(self, *args: Any, **kwargs: Any) -> None:
        """Forget the result for these arguments, in all workers."""
        self._cache().invalidate(self.key(*args, **kwargs))

    def refresh(self, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        """Forget the result for these arguments and compute it anew."""
        self.invalidate(*args, **kwargs)
        return self(*args, **kwargs)

    def _cache(self) -> AdaptiveCache:
        return cast(AdaptiveCache, caches[self._alias])

    def _call(self, cache: AdaptiveCache, key: str, compute: Callable[[], Result]) -> Result:
        found, lease = self._find_or_lease(cache, key)
        pause, deadline = _FIRST_PAUSE, time.monotonic() + LONGEST_WAIT
        while isinstance(found, Lease) and time.monotonic() < deadline:
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            found, lease = self._find_or_lease(cache, key)
        if found is not MISSING and not isinstance(found, Lease):
            return cast(Result, found)
        try:
            value = compute()
            self._store(cache, key, value, lease)
        except BaseException:
            self._give_back(cache, key, lease)
            raise
        return value

    async def _call_async(self, cache: AdaptiveCache, key: str, compute: Callable[[], Any]) -> Any:
        find = sync_to_async(self._find_or_lease, thread_sensitive=True)
        found, lease = await find(cache, key)
        pause, deadline = _FIRST_PAUSE, time.monotonic() + LONGEST_WAIT
        while isinstance(found, Lease) and time.monotonic() < deadline:
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            found, lease = await find(cache, key)
        if found is not MISSING and not isinstance(found, Lease):
            return found
        try:
            value = await compute()
            await sync_to_async(self._store, thread_sensitive=True)(cache, key, value, lease)
        except BaseException:
            await sync_to_async(self._give_back, thread_sensitive=True)(cache, key, lease)
            raise
        return value

    def _find_or_lease(self, cache: AdaptiveCache, key: str) -> tuple[Any, Lease | None]:
        """Return what is stored, or ``MISSING`` and a lease to compute it under."""
        found = cache.get(key, MISSING)
        if found is not MISSING:
            return found, None
        lease = Lease(secrets.token_hex(8))
        if cache.add(key, lease, LEASE):
            return MISSING, lease
        # Somebody was faster: a value, a lease, or already neither again.
        return cache.get(key, MISSING), None

    def _store(self, cache: AdaptiveCache, key: str, value: Any, lease: Lease | None) -> None:
        if lease is None:
            return

        def hand_in(held: Any) -> Any:
            if not _is_same(held, lease):
                raise _LeaseLost
            return value

        with contextlib.suppress(_LeaseLost):
            cache.replace(key, hand_in, self._timeout)

    def _give_back(self, cache: AdaptiveCache, key: str, lease: Lease | None) -> None:
        if lease is not None and _is_same(cache.get(key), lease):
            cache.delete(key)


def cached(
    group: str, ttl: float | None = None, *, key: KeyFunction | None = None, alias: str = "default"
) -> Callable[[Callable[Arguments, Result]], CachedFunction[Arguments, Result]]:
    """Keep the results of a function or method in the cache.

    Args:
        group: the group they belong to.
        ttl: seconds they are kept; ``None`` takes the group's lifetime.
        key: gives the rest of the key from the arguments; needed where an argument (or ``self``)
            is neither plain data nor a saved model.
        alias: the cache they are kept in.

    Raises:
        TypeError: on a call whose arguments do not make a key.
    """

    def wrap(function: Callable[Arguments, Result]) -> CachedFunction[Arguments, Result]:
        return CachedFunction(function, group, ttl, key, alias)

    return wrap


def _is_same(held: Any, lease: Lease) -> bool:
    # The type first: what a stored value makes of a comparison is its own affair.
    return type(held) is Lease and held == lease


def _in_key(value: Any, name: str) -> str:
    """Return what stands for an argument in a key: numbers as they are, all else hashed.

    Names, addresses and search words must not be readable in a key.
    """
    if value is None or isinstance(value, bool | int):
        return _plain(value)
    if isinstance(value, models.Model) and value.pk is not None:
        return _model(value)
    return _hash(_described(value, name))


def _described(value: Any, name: str) -> str:
    if value is None or isinstance(value, str | bytes | bool | int | float):
        return _plain(value)
    if isinstance(value, tuple | list):
        return f"{type(value).__name__}({','.join(_described(part, name) for part in value)})"
    if isinstance(value, dict):
        parts = sorted((_described(key, name), _described(part, name)) for key, part in value.items())
        return f"dict({parts})"
    if isinstance(value, set | frozenset):
        return f"set({sorted(_described(part, name) for part in value)})"
    if isinstance(value, models.Model) and value.pk is not None:
        return _model(value)
    raise TypeError(
        f"@cached cannot make a key from {name!r}, a {type(value).__name__}: "
        "pass plain data or a saved model, or give the decorator a key function (key=…)."
    )


def _plain(value: str | bytes | float | None) -> str:
    # A member of an enumeration, a marked-safe text and the plain value are equal: one key for all.
    for kind in (bool, int, float, str, bytes):
        if isinstance(value, kind):
            return kind.__repr__(value)
    return repr(value)


def _model(instance: models.Model) -> str:
    key = instance.pk
    shown = key if isinstance(key, int) else _hash(str(key))
    return f"{instance._meta.label_lower}.{shown}"


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=10).hexdigest()
