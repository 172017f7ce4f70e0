"""Connecting, through django-redis: every default of the libraries is set here; none changes under us."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import redis
from django_redis.cache import RedisCache
from django_redis.pool import ConnectionFactory
from redis.backoff import NoBackoff
from redis.connection import ConnectionPool
from redis.exceptions import RedisClusterException
from redis.retry import Retry
from redis.sentinel import SentinelConnectionPool

from cacheadmin.engines.redis.address import CLUSTER, SENTINEL, Address, Host, parse
from cacheadmin.engines.redis.cluster import ClusterWire
from cacheadmin.engines.redis.direct import (
    DirectConnection,
    DirectManagedConnection,
    DirectManagedSSLConnection,
    DirectSSLConnection,
    DirectUnixConnection,
)
from cacheadmin.engines.redis.errors import FAILURES, NoMasterError, NotCoveredError
from cacheadmin.engines.redis.wire import ServerWire, Wire

_MOST_CONNECTIONS = 100
# The library says of these less than it takes.
_ClusterNode: Any = redis.cluster.ClusterNode
_RedisCluster: Any = redis.RedisCluster


def connect(address: str, connect_timeout: float, answer_timeout: float) -> Wire:
    """Return the way to *address*; nothing is sent yet.

    All callers in this process with the same arguments share its connections, and another password
    or timeout is another way.

    Args:
        address: ``redis://``, ``rediss://…?ssl_ca_certs=…``, ``unix://``, ``redis+sentinel://h1,h2/master/0``
            or ``redis+cluster://h1,h2``.
        connect_timeout: seconds to wait for a connection.
        answer_timeout: seconds to wait for each answer.

    Raises:
        EngineUnavailable: the address cannot be understood.
    """
    parsed = parse(address)
    parsed.check_files()
    described = f"{address}\0{connect_timeout}\0{answer_timeout}"
    # Hashed, since the address holds the password.
    key = hashlib.blake2b(described.encode("utf-8", "surrogatepass")).hexdigest()
    with _registry.lock:
        found = _registry.wires.get(key)
        if found is None:
            options = _options(connect_timeout, answer_timeout)
            found = _registry.wires[key] = _wire(address, parsed, options, PooledConnectionFactory)
        return found


def connect_apart(
    address: str, connect_timeout: float, answer_timeout: float, greet: Callable[[Any], None]
) -> Wire:
    """Return a way to *address* that shares no connection with anybody; whoever asked for it closes it.

    Args:
        address: as for ``connect()``.
        connect_timeout: seconds to wait for a connection.
        answer_timeout: seconds to wait for each answer.
        greet: called with each connection once it stands; it has to log in.

    Raises:
        EngineUnavailable: the address cannot be understood.
    """
    parsed = parse(address)
    parsed.check_files()
    options = {**_options(connect_timeout, answer_timeout), "redis_connect_func": greet}
    return _wire(address, parsed, options, ApartConnectionFactory)


def _options(connect_timeout: float, answer_timeout: float) -> dict[str, Any]:
    return {
        "socket_connect_timeout": connect_timeout,
        "socket_timeout": answer_timeout,
        "socket_keepalive": True,
        # None here: a wire looks at a connection before it trusts it, and never repeats what may have
        # been done.
        "retry": Retry(NoBackoff(), 0, supported_errors=(redis.ConnectionError,)),
        "protocol": 2,
        "health_check_interval": 0,
        "client_name": None,
        # Else each connection begins with CLIENT SETINFO, which a minimal ACL forbids.
        "driver_info": None,
        "encoding": "utf-8",
        "decode_responses": False,
    }


def _wire(
    address: str, parsed: Address, options: dict[str, Any], factory: type[PooledConnectionFactory]
) -> Wire:
    patience = options["socket_connect_timeout"] + options["socket_timeout"]
    if parsed.kind == CLUSTER:
        return _cluster(parsed, options, patience)
    return ServerWire(_client(address, options, factory), patience)


def _client(address: str, options: dict[str, Any], factory: type[PooledConnectionFactory]) -> redis.Redis:
    django_redis = {
        "CONNECTION_FACTORY": f"{__name__}.{factory.__name__}",
        "CONNECTION_POOL_KWARGS": {**options, "max_connections": _MOST_CONNECTIONS},
    }
    # In a list: django-redis would cut it at the commas.
    cache = RedisCache(cast(str, [address]), {"OPTIONS": django_redis})
    return cast(redis.Redis, cache.client.get_client(write=True))


# --- Pools ---


class _Keeping:
    # Connections that belong to no client of the library, and to no exchange now.
    idle: deque[Any]

    def reset(self) -> None:
        """Forget all connections."""
        self.idle = deque()
        super().reset()  # type: ignore[misc]

    def renew(self) -> None:
        """Start anew after a fork: no connection of the parent, no lock that a lost thread holds."""
        self._lock = threading.RLock()
        self._fork_lock = threading.RLock()
        self.reset()


class Pool(_Keeping, ConnectionPool):
    """Connections to one server."""


class SentinelPool(_Keeping, SentinelConnectionPool):
    """Connections to the server that Sentinels name, whichever it is at the time."""


_sentinel_pool: Any = SentinelPool


class PooledConnectionFactory(ConnectionFactory[Any, Any, Any]):  # type: ignore[misc]
    """One pool per set of connection parameters, not per URL alone.

    django-redis keeps a pool for each URL; two caches with different timeouts would share one,
    and a changed password would go unnoticed. It also reads arguments of a connection from the URL,
    over those that are set here. A pool that nobody uses any more ends with its connections.
    """

    _own_pools: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()

    def get_or_create_connection_pool(self, params: dict[str, Any]) -> Any:
        described = repr(sorted((name, str(value)) for name, value in params.items()))
        described += repr(
            sorted((name, str(value)) for name, value in self.pool_cls_kwargs.items() if name != "retry")
        )
        # Hashed, since the parameters hold the password.
        key = hashlib.blake2b(described.encode("utf-8", "surrogatepass")).hexdigest()
        with _registry.pool_lock:
            pool = self._own_pools.get(key)
            if pool is None:
                pool = self._own_pools[key] = self.get_connection_pool(params)
            return pool

    def get_connection_pool(self, params: dict[str, Any]) -> Any:
        address = parse(params["url"])
        options = {**self.pool_cls_kwargs, "parser_class": params["parser_class"]}
        most = options.pop("max_connections")
        own = {**options, **address.login, "db": address.database, **(address.tls or {})}
        if address.kind == SENTINEL:
            managed = DirectManagedConnection if address.tls is None else DirectManagedSSLConnection
            return _sentinel_pool(
                address.master,
                Sentinels(address, options),
                connection_class=managed,
                max_connections=most,
                **own,
            )
        if address.path:
            # A socket has no keep-alive to set.
            own.pop("socket_keepalive")
            return Pool(DirectUnixConnection, most, path=address.path, **own)
        ((host, port),) = address.hosts
        kind = DirectConnection if address.tls is None else DirectSSLConnection
        return Pool(kind, most, host=host, port=port, **own)


class ApartConnectionFactory(PooledConnectionFactory):
    """A pool for whoever asks, and for nobody else."""

    def get_or_create_connection_pool(self, params: dict[str, Any]) -> Any:
        return self.get_connection_pool(params)


class Sentinels:
    """Who knows where the master is.

    Args:
        address: where they are, and who we are for them.
        options: how to connect.
    """

    def __init__(self, address: Address, options: dict[str, Any]) -> None:
        self._hosts = list(address.hosts)
        self._options = {**options, **address.sentinel_login, **(address.tls or {})}
        # A greeting is meant for the master.
        self._options.pop("redis_connect_func", None)
        self._kind = DirectConnection if address.tls is None else DirectSSLConnection
        self._patience = options["socket_connect_timeout"] + options["socket_timeout"]

    def discover_master(self, name: str) -> Host:
        """Return where the master *name* is; whichever Sentinel knew it last is asked first.

        Raises:
            NoMasterError: they do not know it.
            redis.RedisError: none answers in time.
        """
        deadline = time.monotonic() + self._patience
        failure: Exception | None = None
        for place in list(self._hosts):
            try:
                found = self._ask(place, name)
            except FAILURES as error:
                failure = error
            else:
                if found is not None:
                    self._hosts = [place, *(other for other in self._hosts if other != place)]
                    return found
                failure = NoMasterError("No Sentinel knows this master.")
            if time.monotonic() > deadline:
                break
        raise failure or NoMasterError("No Sentinel was asked.")

    def _ask(self, place: Host, name: str) -> Host | None:
        # Connections are made as seldom as a master moves: none is kept.
        connection: Any = self._kind(host=place[0], port=place[1], **self._options)
        try:
            connection.connect()
            connection.send_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)
            said = connection.read_response()
        finally:
            connection.disconnect()
        return None if said is None else (said[0].decode(), int(said[1]))


def _cluster(parsed: Address, options: dict[str, Any], patience: float) -> ClusterWire:
    own = {**options, **parsed.login, **(parsed.tls or {})}
    kind = DirectConnection if parsed.tls is None else DirectSSLConnection

    def reach(host: Host, whole: Wire) -> ServerWire:
        pool = Pool(kind, _MOST_CONNECTIONS, host=host[0], port=host[1], **own)
        return ServerWire(redis.Redis(connection_pool=pool), patience, whole)

    def client() -> Any:
        nodes = [_ClusterNode(host, port) for host, port in parsed.hosts]
        wanted = {name: value for name, value in own.items() if name not in ("client_name", "retry")}
        if parsed.tls is not None:
            wanted["ssl"] = True
        try:
            return _RedisCluster(startup_nodes=nodes, retry=Retry(NoBackoff(), 1), **wanted)
        except RedisClusterException as error:
            # Alone among the library's errors it is none of its RedisErrors.
            raise NotCoveredError("No node of the Cluster answers.") from error

    return ClusterWire(parsed.hosts, reach, client, patience)


def answers_without_tls(
    address: str, timeout: float, check_peer: Callable[[object], None] = lambda _: None
) -> bool:
    """Whether a server that does not answer a TLS greeting answers in the clear.

    It takes the greeting for the beginning of a long line, and waits for the end of it. Nothing of
    the address but host and port is used: no password goes out in the clear.

    Args:
        address: one that has been understood.
        timeout: seconds to wait for the connection, and for the answer.
        check_peer: gets what the socket says of its other end, before a word is sent there.

    Raises:
        EngineUnavailable: *check_peer* does.
    """
    parsed = parse(address)
    if parsed.tls is None:
        return False
    try:
        with socket.create_connection(parsed.hosts[0], timeout) as plain:
            check_peer(plain.getpeername())
            plain.sendall(b"PING\r\n")
            return plain.recv(1) in (b"+", b"-")
    except OSError:
        return False


# --- What this process has ---


class _Registry:
    """The wires in use; they end with the last engine that uses them."""

    def __init__(self) -> None:
        self.wires: weakref.WeakValueDictionary[str, Wire] = weakref.WeakValueDictionary()
        self.renew_locks()

    def renew_locks(self) -> None:
        self.lock = threading.Lock()
        self.pool_lock = threading.Lock()


_registry = _Registry()
os.register_at_fork(after_in_child=_registry.renew_locks)
