"""Entries in a Redis (or Valkey), over django-redis: shared by all machines that reach it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

import redis
from django_redis.cache import RedisCache
from django_redis.pool import ConnectionFactory
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    AuthenticationWrongNumberOfArgsError,
    BusyLoadingError,
    InvalidResponse,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    WatchError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from cacheadmin.engines.base import KEEP, MISSING, Contents, Engine, EngineUnavailable
from cacheadmin.serializer import NotOurs, OtherFormat, Serializer
from cacheadmin.verdicts import Verdict

# An entry without a timeout still ends one day, so that what a clear orphaned goes by itself.
LONGEST_LIFE = 30 * 24 * 3600
SCHEMES = ("redis", "rediss", "unix")
# A generation: nanoseconds, which have nineteen digits until the year 2286.
_NUMBER = re.compile(rb"[0-9]{1,19}")
_MOST_CONNECTIONS = 50


class PooledConnectionFactory(ConnectionFactory[Any, Any, Any]):  # type: ignore[misc]
    """One pool per set of connection parameters, not per URL alone.

    django-redis keeps a pool for each URL; two caches with different timeouts would share one,
    and a changed password would go unnoticed. Pools of a parent process are not used after a fork.
    """

    _own_pools: dict[tuple[int, str], Any] = {}
    _lock = threading.Lock()

    def get_or_create_connection_pool(self, params: dict[str, Any]) -> Any:
        described = repr(sorted((name, str(value)) for name, value in params.items()))
        described += repr(sorted((name, str(value)) for name, value in self.pool_cls_kwargs.items()))
        # Hashed, since the parameters hold the password.
        key = (os.getpid(), hashlib.blake2b(described.encode()).hexdigest())
        with self._lock:
            if key not in self._own_pools:
                self._own_pools[key] = self.get_connection_pool(params)
            return self._own_pools[key]


def connect(address: str, connect_timeout: float, answer_timeout: float) -> redis.Redis:
    """Return a client for *address*; nothing is sent yet.

    Every default of the libraries is set here, so that none changes under us.

    Args:
        address: ``redis://``, ``rediss://…?ssl_ca_certs=…`` or ``unix://``.
        connect_timeout: seconds to wait for a connection.
        answer_timeout: seconds to wait for each answer.

    Raises:
        EngineUnavailable: the address cannot be understood.
    """
    if _scheme(address) not in SCHEMES:
        raise EngineUnavailable(Verdict.BAD_ADDRESS, f"it begins with none of {', '.join(SCHEMES)}")
    options = {
        "CONNECTION_FACTORY": f"{__name__}.{PooledConnectionFactory.__name__}",
        "CONNECTION_POOL_KWARGS": {
            "socket_connect_timeout": connect_timeout,
            "socket_timeout": answer_timeout,
            # Once more at once for a connection the server has closed meanwhile; never after a timeout.
            "retry": Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
            "protocol": 2,
            "health_check_interval": 0,
            "max_connections": _MOST_CONNECTIONS,
        },
    }
    try:
        return cast(redis.Redis, RedisCache(address, {"OPTIONS": options}).client.get_client(write=True))
    except (ValueError, RedisError) as error:
        raise EngineUnavailable(Verdict.BAD_ADDRESS, type(error).__name__) from error


def _scheme(address: str) -> str:
    try:
        return urlsplit(address).scheme
    except ValueError:
        # An opening bracket without its closing one, and the like.
        return ""


def without_password(address: str) -> str:
    """Return *address* as it may be shown: no password in it, wherever it stood; "?" if that is unclear."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return "?"
    if parts.scheme not in SCHEMES or "@" in parts.path + parts.query + parts.fragment:
        # Perhaps a password with an unquoted "/", "?" or "#": what looks like a host is a part of it.
        return "?" if address else ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else (parts.hostname or "")
    user = f"{parts.username}@" if parts.username else ""
    query = urlencode([(name, value) for name, value in parse_qsl(parts.query) if "password" not in name])
    shown = f"{parts.scheme}://{user}{host}" + (f":{port}" if port else "") + parts.path
    return f"{shown}?{query}" if query else shown


# What the server says first, and what it means for us. The longest match is not needed: each
# error begins with one of these words, or has none of them.
_WORDS = {
    "NOPERM": Verdict.NO_PERMISSION,
    "NOAUTH": Verdict.NEEDS_PASSWORD,
    "Authentication required": Verdict.NEEDS_PASSWORD,
    "WRONGPASS": Verdict.WRONG_PASSWORD,
    "without any password": Verdict.WRONG_PASSWORD,
    "invalid username-password": Verdict.WRONG_PASSWORD,
    "invalid password": Verdict.WRONG_PASSWORD,
    "OOM": Verdict.OUT_OF_MEMORY,
    "command not allowed when used memory": Verdict.OUT_OF_MEMORY,
    "READONLY": Verdict.READ_ONLY,
    "read only replica": Verdict.READ_ONLY,
    "LOADING": Verdict.LOADING,
    "loading the dataset": Verdict.LOADING,
    "Protocol Error": Verdict.NOT_REDIS,
    "refused": Verdict.REFUSED,
    "No such file": Verdict.REFUSED,
    "closed by server": Verdict.LOST,
    "reset by peer": Verdict.LOST,
    "SSL": Verdict.NEEDS_TLS,
}
_TYPES: tuple[tuple[type[Exception], Verdict], ...] = (
    (RedisTimeoutError, Verdict.TIMED_OUT),
    (NoPermissionError, Verdict.NO_PERMISSION),
    (BusyLoadingError, Verdict.LOADING),
    (ReadOnlyError, Verdict.READ_ONLY),
    (OutOfMemoryError, Verdict.OUT_OF_MEMORY),
    (AuthenticationWrongNumberOfArgsError, Verdict.WRONG_PASSWORD),
    (InvalidResponse, Verdict.NOT_REDIS),
)


def explain(error: Exception) -> EngineUnavailable:
    """Return what *error* of the client library means for the engine, in our categories."""
    # The library's words can hold the address, so only its type goes on.
    return EngineUnavailable(_verdict(error), type(error).__name__)


def _verdict(error: Exception) -> Verdict:
    for kind, verdict in _TYPES:
        if isinstance(error, kind):
            return verdict
    text = str(error)
    for word, verdict in _WORDS.items():
        if word in text:
            return verdict
    if isinstance(error, AuthenticationError):
        return Verdict.WRONG_PASSWORD
    return Verdict.UNREACHABLE if isinstance(error, RedisConnectionError | OSError) else Verdict.ERROR


class RedisEngine(Engine):
    """Signed values under their keys in one Redis database.

    Args:
        client: the connection to it.
        serializer: what signs the values.
        prefix: what all keys of this cache begin with; nothing else is ever touched.
    """

    name = "redis"
    is_shared = True

    def __init__(self, client: redis.Redis, serializer: Serializer, prefix: str) -> None:
        self._client = client
        self._serializer = serializer
        self._prefix = prefix

    # --- One entry ---

    def get(self, key: str) -> Any:
        data = self._answer(self._client.get, _name(key))
        return MISSING if data is None else self._load(key, data)

    def set(self, key: str, value: Any, timeout: float | None) -> None:
        data = self._serializer.dumps(key, value)
        self._answer(self._client.set, _name(key), data, px=_milliseconds(timeout))

    def add(self, key: str, value: Any, timeout: float | None) -> bool:
        data = self._serializer.dumps(key, value)
        return bool(self._answer(self._client.set, _name(key), data, px=_milliseconds(timeout), nx=True))

    def touch(self, key: str, timeout: float | None) -> bool:
        # EXPIRE counts in seconds, and is what a minimal ACL grants.
        seconds = max(1, round(_milliseconds(timeout) / 1000))
        return bool(self._answer(self._client.expire, _name(key), seconds))

    def delete(self, key: str) -> bool:
        return bool(self._answer(self._client.delete, _name(key)))

    def modify(self, key: str, change: Callable[[Any], Any], timeout: Any = KEEP) -> Any:
        done = self._answer(self._modify, key, change, timeout)
        return MISSING if done is None else done[0]

    def _modify(self, key: str, change: Callable[[Any], Any], timeout: Any) -> tuple[Any]:
        # WATCH instead of a script: scripts are forbidden on many a managed Redis.
        with self._client.pipeline() as pipeline:
            while True:
                with contextlib.suppress(WatchError):
                    return (self._modify_once(pipeline, key, change, timeout),)

    def _modify_once(
        self, pipeline: redis.client.Pipeline, key: str, change: Callable[[Any], Any], timeout: Any
    ) -> Any:
        life: dict[str, Any] = {"keepttl": True} if timeout is KEEP else {"px": _milliseconds(timeout)}
        name, new, written = _name(key), MISSING, None
        pipeline.watch(name)  # type: ignore[no-untyped-call]
        data = cast(bytes | None, pipeline.get(name))
        try:
            old = MISSING if data is None else self._load(key, data)
            if old is not MISSING:
                new = change(old)
                written = self._serializer.dumps(key, new)
        finally:
            # With nothing to write it still ends the watch: a minimal ACL has no UNWATCH.
            pipeline.multi()
            if written is not None:
                pipeline.set(name, written, **life)
            pipeline.execute()
        return new

    def remaining(self, key: str) -> Any:
        left = self._answer(self._client.pttl, _name(key))
        return MISSING if left == -2 else None if left == -1 else left / 1000

    def names(self) -> Iterator[str]:
        for name in self._client.scan_iter(match=f"{self._prefix}:*", count=1000):
            yield name.decode("utf-8", "surrogatepass")

    # --- Many entries: one round trip ---

    def get_many(self, keys: Iterable[str]) -> dict[str, Any]:
        wanted = list(keys)
        if not wanted:
            return {}
        answers = self._answer(self._client.mget, [_name(key) for key in wanted])
        found = {
            key: self._load(key, data) for key, data in zip(wanted, answers, strict=True) if data is not None
        }
        return {key: value for key, value in found.items() if value is not MISSING}

    def set_many(self, values: Mapping[str, tuple[Any, float | None]]) -> None:
        pipeline = self._client.pipeline(transaction=False)
        for key, (value, timeout) in values.items():
            pipeline.set(_name(key), self._serializer.dumps(key, value), px=_milliseconds(timeout))
        self._answer(pipeline.execute)

    def delete_many(self, keys: Iterable[str]) -> None:
        names = [_name(key) for key in keys]
        if names:
            self._answer(self._client.delete, *names)

    # --- The whole ---

    def reclaim(self) -> None:
        # Nothing is deleted by a scan: what no key leads to any more ends with its life.
        return None

    def contents(self) -> Contents:
        return Contents(entries=None, size=None)

    def probe(self) -> None:
        # All that the engine will ever ask for: a user who may not do one of these is found out now,
        # and not by going to and fro between two engines.
        key, word = f"{self._prefix}:probe:{secrets.token_hex(6)}", secrets.token_hex(8)
        self.set(key, word, 10)
        self.touch(key, 10)
        read = self.get_many([key]).get(key)
        changed = self.modify(key, str.upper)
        if read != word or self.get(key) != changed or not self.delete(key):
            raise EngineUnavailable(Verdict.ERROR, "what was written could not be read back")

    # --- Numbers that all machines agree on ---

    def read_numbers(self, names: Iterable[str]) -> list[int | None]:
        """Return the plain numbers stored under *names*, ``None`` for an absent one."""
        answers = self._answer(self._client.mget, list(names))
        # Whatever else stands there, nobody of ours has written it.
        return [
            int(data) if data is not None and _NUMBER.fullmatch(data) is not None else None
            for data in answers
        ]

    def write_number(self, name: str, number: int) -> None:
        """Store a plain number for as long as an entry lives at the most."""
        self._answer(self._client.set, name, number, px=LONGEST_LIFE * 1000)

    # --- Answers ---

    def _load(self, key: str, data: bytes) -> Any:
        try:
            return self._serializer.loads(key, data)
        except OtherFormat:
            return MISSING
        except NotOurs:
            self._answer(self._client.delete, _name(key))
            return MISSING

    def _answer(self, command: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except ResponseError as error:
            if str(error).startswith("WRONGTYPE"):
                # Somebody else's structure under our name: for us there is nothing.
                return None
            raise explain(error) from error
        except (RedisError, OSError) as error:
            raise explain(error) from error


def _name(key: str) -> bytes:
    # Half a surrogate pair, as JSON can bring it in, is a key like any other.
    return key.encode("utf-8", "surrogatepass")


def _milliseconds(timeout: float | None) -> int:
    return LONGEST_LIFE * 1000 if timeout is None else max(1, int(timeout * 1000))
