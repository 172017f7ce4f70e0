"""``@cached``: the result of a function, kept in a group of the cache."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.core.cache import caches
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.exceptions import ImproperlyConfigured

from cacheadmin import steps
from cacheadmin.backend import AdaptiveCache
from cacheadmin.cache_keys import KeyFunction, KeyMaker
from cacheadmin.computing import Place, is_fresh
from cacheadmin.engines.base import MISSING
from cacheadmin.leases import Kept, Lease

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

# Seconds a caller waits for another one's computation, unless the decorator says otherwise.
LONGEST_WAIT = 10.0

# What stands in the cache and is no value itself.
_OURS = (Lease, Kept)


class CachedFunction(Generic[Arguments, Result]):
    """A function whose results are kept; calling it looks in the cache first.

    While a value is computed, a lease stands in its place. An invalidation removes the lease with
    the value, so that what was computed from before it is handed to its caller, but never stored.
    """

    def __init__(
        self,
        function: Callable[Arguments, Result],
        group: str,
        *,
        ttl: float | None,
        key: KeyFunction | None,
        alias: str,
        stale: float,
        wait: float,
    ) -> None:
        self._binds: type | None = (
            type(function) if isinstance(function, classmethod | staticmethod) else None
        )
        plain = function.__func__ if isinstance(function, classmethod | staticmethod) else function
        functools.update_wrapper(self, plain)
        self._function: Callable[..., Any] = plain
        self._keys = KeyMaker(plain, group, key)
        self._ttl = ttl
        self._alias = alias
        self._stale = stale
        self._wait = wait
        self._before: tuple[Any, ...] = ()
        self._is_async = iscoroutinefunction(plain)
        if self._is_async:
            markcoroutinefunction(self)

    def __get__(self, instance: object, owner: type | None = None) -> CachedFunction[..., Result]:
        """Bind to *instance*, as a method is bound; a class method to its class."""
        if self._binds is staticmethod or (instance is None and self._binds is not classmethod):
            return cast("CachedFunction[..., Result]", self)
        first = instance if self._binds is None else owner or type(instance)
        return self._copy(_before=(first,))

    def __call__(self, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        """Return the kept result, or compute and keep it."""
        if self._before:
            args = (*self._before, *args)  # type: ignore[assignment]
        if self._is_async:
            return cast(Result, self._call_async(args, kwargs))
        key = self._keys.make(args, kwargs)
        cache = caches[self._alias]
        found = cache.get(key, MISSING)
        if found is MISSING or type(found) in _OURS:
            if type(found) is Kept and is_fresh(found):
                return cast(Result, found.value)
            way = self._place(cache, key).find_or_compute(found)
            return cast(Result, steps.run(way, functools.partial(self._function, *args, **kwargs)))
        return cast(Result, found)

    async def _call_async(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        key = self._keys.make(args, kwargs)
        cache = caches[self._alias]
        found = await sync_to_async(cache.get, thread_sensitive=True)(key, MISSING)
        if found is MISSING or type(found) in _OURS:
            way = self._place(cache, key).find_or_compute(found)
            return await steps.run_async(way, functools.partial(self._function, *args, **kwargs))
        return found

    def key(self, *args: Any, **kwargs: Any) -> str:
        """Return the key under which the result for these arguments is kept.

        Raises:
            TypeError: the function does not take these arguments, or they make no key.
        """
        return self._keys.make((*self._before, *args), kwargs)

    def invalidate(self, *args: Any, **kwargs: Any) -> None:
        """Forget the result for these arguments, in all workers; what is being computed is not stored."""
        key = self.key(*args, **kwargs)
        self._place(caches[self._alias], key).cache.invalidate(key)

    def refresh(self, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        """Compute the result for these arguments anew, and return and keep it.

        Meanwhile the others read the present one; on an engine that the workers do not share it is
        forgotten first. What was begun before this call never replaces what this call computes.
        """
        place = self._place(caches[self._alias], self.key(*args, **kwargs))
        compute = functools.partial(self._function, *self._before, *args, **kwargs)
        if self._is_async:
            return cast(Result, steps.run_async(place.refresh(), compute))
        return cast(Result, steps.run(place.refresh(), compute))

    def using(self, alias: str) -> CachedFunction[Arguments, Result]:
        """Return the same function with its results in another cache.

        Args:
            alias: a key of CACHES.
        """
        return cast("CachedFunction[Arguments, Result]", self._copy(_alias=alias))

    def _copy(self, **changed: Any) -> CachedFunction[..., Result]:
        other = cast("CachedFunction[..., Result]", object.__new__(type(self)))
        other.__dict__.update(self.__dict__, **changed)
        return other

    def _place(self, cache: Any, key: str) -> Place:
        if not isinstance(cache, AdaptiveCache):
            raise ImproperlyConfigured(
                f"@cached keeps results in an AdaptiveCache, and CACHES[{self._alias!r}] is none."
            )
        # What was saved for the group on the page comes before what the decorator says.
        is_own = self._ttl is not None and not cache.has_saved_life(key)
        timeout = self._ttl if is_own else DEFAULT_TIMEOUT
        return Place(cache, key, timeout, self._stale, self._wait)


def cached(
    group: str,
    ttl: float | None = None,
    *,
    key: KeyFunction | None = None,
    alias: str = "default",
    stale_while_revalidate: float = 0,
    wait: float = LONGEST_WAIT,
) -> Callable[[Callable[Arguments, Result]], CachedFunction[Arguments, Result]]:
    """Keep the results of a function or method in the cache.

    Args:
        group: the group they belong to.
        ttl: seconds they are kept; ``None`` takes the group's lifetime, and a saved lifetime of
            the group comes before it.
        key: gives the rest of the key from the arguments; needed where an argument (or ``self``)
            is neither plain data nor a saved model.
        alias: the cache they are kept in; ``.using(alias)`` for a single call.
        stale_while_revalidate: seconds after their end in which results are still given out, while
            one caller computes the next one and waits for it.
        wait: seconds a caller waits for another one that computes the same, before it computes too.

    Raises:
        TypeError: what is decorated is no function, or a generator; or, on a call, the arguments
            do not make a key.
        ValueError: a number of seconds is none.
    """
    if (ttl is not None and not ttl > 0) or not stale_while_revalidate >= 0 or not wait >= 0:
        raise ValueError(
            "@cached needs a ttl above 0 seconds, and stale_while_revalidate and wait of 0 or more."
        )

    def wrap(function: Callable[Arguments, Result]) -> CachedFunction[Arguments, Result]:
        _refuse_what_cannot_be_kept(function)
        return CachedFunction(
            function, group, ttl=ttl, key=key, alias=alias, stale=stale_while_revalidate, wait=wait
        )

    return wrap


def _refuse_what_cannot_be_kept(function: Any) -> None:
    plain = getattr(function, "__func__", function)
    if not hasattr(plain, "__qualname__") or isinstance(plain, type | CachedFunction):
        raise TypeError(f"@cached stands above a function or method, not above {function!r}.")
    if inspect.isgeneratorfunction(plain) or inspect.isasyncgenfunction(plain):
        raise TypeError(
            f"@cached cannot keep {plain.__qualname__}, a generator: it can be read only once. "
            "Return a list or a tuple."
        )
