"""Entries in a Redis (or Valkey), over django-redis: shared by all machines that reach it.

A server, a unix socket, what Sentinels name as the master, or a Cluster: ``address`` reads where it
is, ``pools`` connects, ``wire`` and ``cluster`` speak, ``engine`` says what is stored.
"""

from cacheadmin.engines.redis.address import SCHEMES, parse, without_password
from cacheadmin.engines.redis.engine import RedisEngine
from cacheadmin.engines.redis.errors import FAILURES, explain
from cacheadmin.engines.redis.lives import LONGEST_LIFE
from cacheadmin.engines.redis.notes import as_number
from cacheadmin.engines.redis.pools import (
    PooledConnectionFactory,
    answers_without_tls,
    connect,
    connect_apart,
)
from cacheadmin.engines.redis.wire import Wire

__all__ = [
    "FAILURES",
    "LONGEST_LIFE",
    "SCHEMES",
    "PooledConnectionFactory",
    "RedisEngine",
    "Wire",
    "answers_without_tls",
    "as_number",
    "connect",
    "connect_apart",
    "explain",
    "parse",
    "without_password",
]
