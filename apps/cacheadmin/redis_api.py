"""What users of django-redis call besides Django's own methods, on whichever engine is live.

docs/reusable-app.md has the table of what works where. What has no meaning without Redis says so
in words: ``RedisNotLiveError`` while another engine is live, ``AttributeError`` for what never works here.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, default_key_func
from django.utils.module_loading import import_string

from cacheadmin import globs, groups
from cacheadmin.engines.base import MISSING, Engine, EngineUnavailable
from cacheadmin.engines.redis import RedisEngine
from cacheadmin.locks import Lock
from cacheadmin.plan import Code

if TYPE_CHECKING:
    from cacheadmin.space import Space

# How many keys are deleted in one go.
_CHUNK = 1000
_STRUCTURES = re.compile(
    "(s|h|z)(add|card|count|del|diff|diffstore|exists|get|incrby|inter|interstore|ismember|"
    "keys|len|members|mismember|move|pop|popmax|popmin|randmember|range|rangebyscore|rank|rem|remrangebyscore|"
    "revrange|revrangebyscore|scan|scan_iter|score|set|union|unionstore)"
)


class RedisNotLiveError(NotImplementedError):
    """There is no connection to Redis to give, because the cache runs on something else just now."""


class RedisClients:
    """What ``django_redis.get_redis_connection()`` looks for on a cache.

    Args:
        run: has the live engine do something.
    """

    def __init__(self, run: Callable[[Callable[[Engine], Any]], Any]) -> None:
        self._run = run

    def get_client(self, write: bool = True, **_: Any) -> Any:
        """Return the client library's own client for the live Redis; a master, whatever *write* says.

        Raises:
            RedisNotLiveError: Redis is not live.
        """

        def find(engine: Engine) -> Any:
            if isinstance(engine, RedisEngine):
                return engine.client
            raise RedisNotLiveError(
                f"This cache runs on the engine {engine.name!r} now, so there is no Redis connection."
            )

        return self._run(find)


class DjangoRedisMethods:
    """The methods themselves, for ``AdaptiveCache``.

    An argument ``client`` is django-redis's way to name a connection; there is none to choose here.
    """

    space: Space
    version: int
    key_prefix: str
    key_func: Callable[[str, str, int], str]
    default_timeout: float | None
    full_key: Callable[..., str]
    group_of: Callable[[str], str]
    fixed_group: str | None
    _run: Callable[[Callable[[Engine], Any]], Any]
    add: Callable[..., bool]
    touch: Callable[..., bool]
    delete: Callable[..., bool]
    has_key: Callable[..., bool]
    replace: Callable[..., Any]
    incr: Callable[..., Any]

    # Dotted path of what undoes KEY_FUNCTION; Django's own needs none.
    reverse_key_function: str = ""

    @property
    def is_spared(self) -> bool:
        """Whether it goes on while the cache is switched off: all of it is sessions, limits or the like."""
        return groups.is_protected(self.fixed_group)

    @property
    def client(self) -> RedisClients:
        """For ``django_redis.get_redis_connection()``."""
        return RedisClients(self._run)

    def __getattr__(self, name: str) -> Any:
        if _STRUCTURES.fullmatch(name):
            raise AttributeError(
                f"{name}() works on Redis's own structures, which the other engines do not have. "
                "Use django_redis.get_redis_connection()."
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    # --- How long an entry lives ---

    def remaining(self, key: str, version: int | None = None) -> Any:
        """Return the seconds *key* has left, ``None`` for one without an end, ``MISSING`` for none.

        Raises:
            PermissionError: the Redis user may not use PTTL.
        """
        return self._run(lambda engine: engine.remaining(self.full_key(key, version)))

    def ttl(self, key: str, version: int | None = None, client: None = None) -> int | None:
        """Return the whole seconds *key* has left, ``None`` for one without an end, 0 for none."""
        return _whole(self.remaining(key, version), 1)

    def pttl(self, key: str, version: int | None = None, client: None = None) -> int | None:
        """Return the milliseconds *key* has left, ``None`` for one without an end, 0 for none."""
        return _whole(self.remaining(key, version), 1000)

    def expire(
        self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None, client: None = None
    ) -> bool:
        """Give *key* a life of *timeout* seconds (or a ``timedelta``); return whether it was there."""
        return self.touch(key, _seconds(timeout, 1), version)

    def pexpire(
        self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None, client: None = None
    ) -> bool:
        """Give *key* a life of *timeout* milliseconds (or a ``timedelta``); return whether it was there."""
        return self.touch(key, _seconds(timeout, 1000), version)

    def expire_at(
        self, key: str, when: float | datetime, version: int | None = None, client: None = None
    ) -> bool:
        """Let *key* end at *when*, in seconds since 1970 or a ``datetime``; return whether it was there."""
        return self.touch(key, _from_now(when, 1), version)

    def pexpire_at(
        self, key: str, when: float | datetime, version: int | None = None, client: None = None
    ) -> bool:
        """Let *key* end at *when*, in milliseconds since 1970 or a ``datetime``; see ``expire_at()``."""
        return self.touch(key, _from_now(when, 1000), version)

    def persist(self, key: str, version: int | None = None, client: None = None) -> bool:
        """Take the end from the life of *key*; return whether it was there and had one."""
        left = self.remaining(key, version)
        return left is not MISSING and left is not None and self.touch(key, None, version)

    # --- Keys by pattern ---

    def iter_keys(
        self, search: str, itersize: int | None = None, client: None = None, version: int | None = None
    ) -> Iterator[str]:
        """Yield the keys of one version that match, as they were given to this cache.

        Args:
            search: ``*``, ``?``, ``[abc]``, ``[^a]``; a backslash before one of these means the sign itself.
            itersize: how many keys Redis looks at in one go.
            client: nothing else than ``None``.
            version: Django's version of the keys.

        Raises:
            PermissionError: the Redis user may not use SCAN.
        """
        for _, key in self._matching(search, version, itersize):
            yield key

    def keys(self, search: str, version: int | None = None, client: None = None) -> list[str]:
        """Return what ``iter_keys()`` yields, each once. KEYS, which stops Redis, is never sent."""
        return list(dict.fromkeys(self.iter_keys(search, version=version)))

    def delete_pattern(
        self,
        pattern: str,
        version: int | None = None,
        prefix: str | None = None,
        client: None = None,
        itersize: int | None = None,
    ) -> int:
        """Remove the keys that match, and return how many those were; see ``iter_keys()``.

        Args:
            pattern: which keys.
            version: Django's version of the keys.
            prefix: a KEY_PREFIX other than this cache's own is refused: what others keep is not ours.
            client: nothing else than ``None``.
            itersize: how many keys Redis looks at in one go.
        """
        if prefix not in (None, self.key_prefix):
            raise ValueError("Keys under another prefix belong to another cache: use that one.")
        count = 0
        chunk: dict[str, None] = {}
        changed: set[str] = set()
        for full, key in self._matching(pattern, version, itersize):
            chunk[full] = None
            changed.add(self.group_of(key))
            if len(chunk) == _CHUNK:
                count += self._delete_full(chunk)
                chunk = {}
        count += self._delete_full(chunk)
        self.space.note_changes(changed)
        return count

    def live_keys(self) -> Iterator[str | None]:
        """Yield for each full key that the engine holds the key it was made from, of this version.

        ``None`` stands for one that no key leads to any more, or that is another version's.

        Raises:
            PermissionError: the Redis user may not use SCAN.
        """
        head = "" if self.key_prefix else self.space.namespace
        begin = default_key_func("", self.key_prefix, self.version)
        for full in self._names("", None):
            name, _, token = full.rpartition("@")
            made = name.removeprefix(head)
            if made.startswith(begin) or self.reverse_key_function:
                key = self._original(made, self.version)
                yield key if token == self.space.token(self.group_of(key)) else None
            else:
                yield None

    def _delete_full(self, names: Iterable[str]) -> int:
        doomed = list(names)
        if doomed:
            self._run(lambda engine: engine.delete_many(doomed))
        return len(doomed)

    def _matching(self, pattern: str, version: int | None, itersize: int | None) -> Iterator[tuple[str, str]]:
        """Yield full keys of the present generation, and the keys they were made from."""
        chosen = self.version if version is None else version
        made: Any = self.key_func(pattern, globs.escaped(self.key_prefix), chosen)
        head = "" if self.key_prefix else self.space.namespace
        wanted = f"{globs.escaped(head)}{made}@*"
        matches = globs.compiled(wanted).fullmatch
        for full in self._names(wanted, itersize):
            if matches(full):
                name, _, token = full.rpartition("@")
                key = self._original(name.removeprefix(head), chosen)
                if token == self.space.token(self.group_of(key)):
                    yield full, key

    def _names(self, pattern: str, itersize: int | None) -> Iterator[str]:
        code = self.space.selector.live(spared=self.is_spared)
        engine = self.space.engine(code)
        try:
            if isinstance(engine, RedisEngine):
                yield from engine.names(pattern, itersize or _CHUNK)
            else:
                yield from engine.names()
        except EngineUnavailable as error:
            if code == Code.MEMORY:
                raise
            # What it held is out of reach, and the engine that takes its place begins empty.
            self.space.selector.fall_back(code, error)

    def _original(self, made: str, version: int) -> str:
        """Return the key that Django made *made* from."""
        if self.reverse_key_function:
            return str(import_string(self.reverse_key_function)(made))
        return made.removeprefix(default_key_func("", self.key_prefix, version))

    # --- Locks, and values that depend on what is there ---

    def lock(
        self,
        key: str,
        version: int | None = None,
        timeout: float | None = None,
        sleep: float = 0.1,
        blocking: bool = True,
        blocking_timeout: float | None = None,
        client: None = None,
        thread_local: bool = True,
    ) -> Lock:
        """Return a lock on *key*, for ``with`` or its ``acquire()`` and ``release()``; see ``Lock``."""
        return Lock(
            self,
            key,
            version=version,
            timeout=timeout,
            sleep=sleep,
            blocking=blocking,
            blocking_timeout=blocking_timeout,
            thread_local=thread_local,
        )

    def set_if(self, key: str, value: Any, timeout: Any, version: int | None, *, there: bool) -> bool:
        """Store *value* only if *key* is *there* or not, atomically; return whether that was done."""
        if not there:
            return self.add(key, value, timeout, version)
        seconds = timeout if timeout is not DEFAULT_TIMEOUT else self.default_timeout
        if seconds is not None and seconds <= 0:
            return self.delete(key, version)
        return self.replace(key, lambda _: value, timeout, version) is not MISSING

    def incr_or_add(self, key: str, delta: int, version: int | None) -> int:
        """Add *delta* to the number under *key*; if it is not there, it begins at nothing and has no end."""
        while True:
            try:
                return int(self.incr(key, delta, version))
            except ValueError:
                if self.add(key, delta, None, version):
                    return delta


def _whole(left: Any, factor: int) -> int | None:
    if left is MISSING:
        return 0
    return None if left is None else max(1, round(left * factor))


def _seconds(timeout: Any, per_second: int) -> Any:
    if isinstance(timeout, timedelta):
        return timeout.total_seconds()
    return timeout if timeout is None or timeout is DEFAULT_TIMEOUT else timeout / per_second


def _from_now(when: float | datetime, per_second: int) -> float:
    moment = when.timestamp() if isinstance(when, datetime) else when / per_second
    return moment - time.time()
