"""What is compared, and how each is set up: one Django with many aliases in CACHES."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

# Nothing ends while it is measured, and nothing has to make room: all are given the same.
LIFE = 86_400
MAX_ENTRIES = 200_000
MOST_BYTES = 8 * 1024**3

HANDLE = "cacheadmin.backend.AdaptiveCache"


@dataclass(frozen=True)
class Places:
    """Where everything is kept.

    Attributes:
        directory: an empty one.
        address: of Redis, over TCP.
        socket_address: of the same Redis, over its unix socket.
    """

    directory: Path
    address: str
    socket_address: str


@dataclass(frozen=True)
class Peer:
    """One way to cache.

    Attributes:
        name: as it is called in the tables.
        family: what it stands on: memory, file or redis.
        data: two letters; peers with the same ones read the same entries, which the first of them writes.
        way: ``handle`` is AdaptiveCache, ``engine`` what stands under it, ``django`` another backend of
            Django's, ``plain`` diskcache without Django.
        backend: the dotted path in CACHES.
        is_signed: whether planted bytes are told from its own.
        remark: what its figures contain, or do not.
    """

    name: str
    family: Literal["memory", "file", "redis"]
    data: str
    way: Literal["handle", "engine", "django", "plain"]
    backend: str
    is_signed: bool = False
    is_unix: bool = False
    remark: str = ""

    @property
    def is_local(self) -> bool:
        """Whether each process has entries of its own."""
        return self.family == "memory"

    def alias(self, entries: int) -> str:
        """Its name in CACHES, where *entries* are present."""
        return f"{self.data}-{'unix' if self.is_unix else 'tcp'}-{entries}"

    def folder(self, entries: int) -> str:
        """The directory of its files, below everybody's."""
        return f"{self.data}-{entries}"

    def prefix(self, entries: int) -> str:
        """Its KEY_PREFIX; as long as everybody else's."""
        return f"{self.data}{entries:07d}"


_LOCMEM = "django.core.cache.backends.locmem.LocMemCache"
_FILES = "django.core.cache.backends.filebased.FileBasedCache"
_DATABASE = "django.core.cache.backends.db.DatabaseCache"
_DISKCACHE = "diskcache.DjangoCache"
_DJANGOS_REDIS = "django.core.cache.backends.redis.RedisCache"
_DJANGO_REDIS = "django_redis.cache.RedisCache"

PEERS = (
    Peer("AdaptiveCache, memory", "memory", "am", "handle", HANDLE, remark="nobody else can write there"),
    Peer("memory engine alone", "memory", "am", "engine", HANDLE, remark="keys made beforehand"),
    Peer("LocMemCache", "memory", "lm", "django", _LOCMEM),
    Peer("AdaptiveCache, files", "file", "af", "handle", HANDLE, True),
    Peer("file engine alone", "file", "af", "engine", HANDLE, True, remark="keys made beforehand"),
    Peer("FileBasedCache", "file", "fb", "django", _FILES, remark="compresses with zlib"),
    Peer("DatabaseCache, SQLite", "file", "db", "django", _DATABASE, remark="WAL; base64"),
    Peer("diskcache for Django", "file", "dd", "django", _DISKCACHE, remark="8 shards; WAL"),
    Peer("diskcache alone", "file", "dc", "plain", "", remark="WAL; no keys to make"),
    Peer("AdaptiveCache, Redis TCP", "redis", "at", "handle", HANDLE, True),
    Peer("Redis engine alone, TCP", "redis", "at", "engine", HANDLE, True, remark="keys made beforehand"),
    Peer("django-redis, TCP", "redis", "dr", "django", _DJANGO_REDIS),
    Peer("Django's RedisCache, TCP", "redis", "rc", "django", _DJANGOS_REDIS),
    Peer("AdaptiveCache, Redis socket", "redis", "au", "handle", HANDLE, True, is_unix=True),
    Peer("django-redis, socket", "redis", "dr", "django", _DJANGO_REDIS, is_unix=True),
)  # fmt: skip


def of_families(families: Iterable[str]) -> list[Peer]:
    """The peers that stand on one of *families*."""
    wanted = set(families)
    return [peer for peer in PEERS if peer.family in wanted]


def entry(peer: Peer, entries: int, places: Places) -> dict[str, Any]:
    """What stands in CACHES for *peer*, where *entries* are present."""
    own = str(places.directory / peer.folder(entries))
    limits = {"MAX_ENTRIES": MAX_ENTRIES}
    address = places.socket_address if peer.is_unix else places.address
    engine = {"ENGINE": peer.family, "DIRECTORY": own, **limits}
    location, options = {
        HANDLE: (address, engine),
        _LOCMEM: (peer.prefix(entries), limits),
        _FILES: (own, limits),
        _DATABASE: (f"cache_{entries}", limits),
        _DISKCACHE: (own, {"size_limit": MOST_BYTES}),
        _DJANGOS_REDIS: (address, {}),
        # Its own default is an older protocol of pickle than everybody else's.
        _DJANGO_REDIS: (address, {"PICKLE_VERSION": pickle.HIGHEST_PROTOCOL}),
    }[peer.backend]
    return {
        "BACKEND": peer.backend,
        "LOCATION": location,
        "TIMEOUT": LIFE,
        "KEY_PREFIX": peer.prefix(entries),
        "OPTIONS": options,
    }


def settings(peers: Iterable[Peer], levels: Iterable[int], places: Places) -> dict[str, Any]:
    """Django's settings of every process that measures.

    Args:
        peers: what is compared.
        levels: how many entries are present; each number has caches of its own.
        places: where everything is kept.
    """
    numbers = list(levels)
    caches = {
        peer.alias(number): entry(peer, number, places)
        for peer in peers
        if peer.way in ("handle", "django")
        for number in numbers
    }
    database = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(places.directory / "database.sqlite3"),
        "OPTIONS": {
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
        },
    }
    return {
        "SECRET_KEY": "only for benchmarks, and known to everybody",
        "INSTALLED_APPS": ["cacheadmin", "django.contrib.contenttypes", "django.contrib.auth"],
        "DATABASES": {"default": database},
        "CACHES": {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}, **caches},
        # As patient as the libraries of the peers are by default: a busy moment is no outage.
        "CACHEADMIN": {"CONNECT_TIMEOUT": 5.0, "ANSWER_TIMEOUT": 5.0},
        "USE_TZ": True,
    }
