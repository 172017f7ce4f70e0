"""Putting entries there before anything is measured, and making sure that they are there."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from django.core.cache import caches
from django.core.cache.backends.db import DatabaseCache
from django.core.cache.backends.filebased import FileBasedCache
from django.db import connection

from benchmarks.operations.drivers import driver
from benchmarks.operations.peers import Peer

COUNTERS = 50
_LOOKED_AT = 50


class _UncountedFiles(FileBasedCache):
    """Django's files, without the listing of the whole directory before each of them."""

    def _cull(self) -> None:
        return None


def key(number: int) -> str:
    """The key of an entry."""
    return f"content:article:{number:07d}"


def counter(number: int) -> str:
    """The key of a number to be incremented."""
    return f"content:counter:{number:07d}"


def fill(peer: Peer, entries: int, values: Sequence[object], directory: Path) -> None:
    """Store so many *entries*, and some counters, under keys that all differ."""
    calls = driver(peer, entries, directory)
    cache = caches[peer.alias(entries)] if peer.way == "django" else None
    if isinstance(cache, FileBasedCache):
        straight = _UncountedFiles(str(directory / peer.folder(entries)), _params(cache))
        for number in range(entries):
            straight.set(key(number), values[number % len(values)])
    elif isinstance(cache, DatabaseCache):
        _fill_table(cache, f"cache_{entries}", entries, values)
    elif calls.set_many is None:
        for number in range(entries):
            calls.set(calls.name(key(number)), values[number % len(values)])
    else:
        for numbers in _chunks(range(entries), 100):
            named = {calls.name(key(number)): values[number % len(values)] for number in numbers}
            calls.set_many(calls.pack(named))
    for number in range(COUNTERS):
        calls.set(calls.name(counter(number)), number)


def check(peer: Peer, entries: int, values: Sequence[object], directory: Path) -> None:
    """Read some entries back.

    Raises:
        RuntimeError: one is not what was stored: figures of such a cache would say nothing.
    """
    calls = driver(peer, entries, directory)
    for number in random.Random(entries).choices(range(entries), k=_LOOKED_AT):
        found = calls.get(calls.name(key(number)))
        if found not in values:
            raise RuntimeError(f"{peer.name} with {entries:,} entries: number {number} is {found!r:.100}")


def _fill_table(cache: DatabaseCache, table: str, entries: int, values: Sequence[object]) -> None:
    """Let the cache itself write a few rows, and copy them under the other keys."""
    for number in range(min(len(values), entries)):
        cache.set(key(number), values[number])
    copies = (
        [cache.make_key(key(number)), cache.make_key(key(number % len(values)))]
        for number in range(len(values), entries)
    )
    with connection.cursor() as cursor:
        for some in _chunks(copies, 10_000):
            cursor.executemany(
                f"INSERT INTO {table} (cache_key, value, expires) "
                f"SELECT %s, value, expires FROM {table} WHERE cache_key = %s",
                list(some),
            )


def _params(cache: Any) -> dict[str, Any]:
    return {"TIMEOUT": cache.default_timeout, "KEY_PREFIX": cache.key_prefix}


def _chunks(things: Iterable[Any], size: int) -> Iterator[list[Any]]:
    remaining = iter(things)
    while some := list(itertools.islice(remaining, size)):
        yield some
