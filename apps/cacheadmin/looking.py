"""Looks at a cache for the facts that advice is given on; nothing here takes longer than a second."""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import math
import os
import shutil
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.core.cache import caches

from cacheadmin import conf, space, state, stats, workers
from cacheadmin.backend import AdaptiveCache
from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.engines.file import check_directory
from cacheadmin.engines.redis import FAILURES, Wire, connect, info, packets, parse, without_password
from cacheadmin.facts import DiskFacts, Facts, GroupFacts, RedisFacts
from cacheadmin.rules import LARGE
from cacheadmin.statistics import is_protected, statistics
from cacheadmin.verdicts import Verdict
from cacheadmin.workers import Worker

# Seconds and keys that a look at the entries may take.
_BUDGET, _MOST_KEYS = 0.3, 5000
_CHUNK = 500
# Seconds that the name of a host may take to be looked up.
_PATIENCE = 1.0
# When a number of evictions is so old, in seconds, the present one takes its place.
_OLD = 3600.0
# What the file is called that remembers how many those were, before the hash of an address.
EVICTIONS = "evictions-"
_SERVED_NAMES = {"public_html", "htdocs", "httpdocs", "wwwroot"}
_DAYS = 7


def look(alias: str, *, at_redis: bool = False, at_database: bool = False) -> Facts:
    """Return the facts of a cache.

    Args:
        alias: a key of CACHES that is an adaptive cache.
        at_redis: whether to ask Redis too.
        at_database: whether to ask the database too.
    """
    cache = cast(AdaptiveCache, caches[alias])
    selector = cache.space.selector
    here = workers.here(selector.words)
    return Facts(
        alias=alias,
        engine=selector.last_known(),
        workers=_number_of_workers(here),
        machines=workers.together(workers.every(selector.words)) if at_database else (),
        keeps=tuple(_keeps(alias)),
        is_taken=selector.last_reason() is Verdict.TAKEN,
        redis=_redis(cache) if at_redis and selector.last_known() == "redis" else None,
        disk=_disk(cache.space.identity.directory, at_entries=at_redis),
        **(_counted(alias) if at_database else {}),
    )


def _counted(alias: str) -> dict[str, Any]:
    found = statistics(alias, hours=_DAYS * 24)
    return {
        "groups": tuple(
            GroupFacts(
                name=name,
                hits=counts.hits,
                misses=counts.misses,
                writes=counts.writes,
                ttl=state.lifetime(name, alias),
                protected=is_protected(name),
            )
            for name, counts in found.groups.items()
        ),
        "statistics_problem": (found.problem or stats.trouble()) if found.is_on else "",
    }


def _number_of_workers(here: Sequence[Worker]) -> int | None:
    """Return how many workers this machine has, or will have when all of them have answered once."""
    said = os.environ.get("WEB_CONCURRENCY", "")
    return max(int(said) if said.isdecimal() else 0, len(here)) or None


def _keeps(alias: str) -> Iterator[str]:
    group = settings.CACHES[alias].get("OPTIONS", {}).get("GROUP")
    # Those sessions are nowhere else; cacheadmin.sessions has them in the database too.
    is_only_place = settings.SESSION_ENGINE == "django.contrib.sessions.backends.cache"
    if is_only_place and alias == settings.SESSION_CACHE_ALIAS:
        yield "sessions"
    if group == "ratelimit" or getattr(settings, "RATELIMIT_USE_CACHE", None) == alias:
        yield "ratelimit"


# --- Redis ---


def _redis(cache: AdaptiveCache) -> RedisFacts:
    address = cache.space.selector.address()
    shown, is_open = without_password(address), _is_open(address)
    try:
        wire = connect(address, conf.get("CONNECT_TIMEOUT"), conf.get("ANSWER_TIMEOUT"))
    except EngineUnavailable:
        return RedisFacts(shown, is_open=is_open)
    said = _information(wire)
    evicted = info.number(said.get("evicted_keys"))
    ours = [cast(AdaptiveCache, caches[alias]).space.namespace.encode() + b":" for alias in space.aliases()]
    has_foreign, large, looked_at = _look_at_keys(wire, ours)
    if _other_databases(said, parse(address).database):
        has_foreign = True
    return RedisFacts(
        address=shown,
        policy=said.get("maxmemory_policy"),
        limit=info.number(said.get("maxmemory")),
        used=info.number(said.get("used_memory")),
        evicted=evicted,
        evicted_before=None
        if evicted is None
        else _evicted_before(cache.space.selector.directory, shown, evicted),
        has_foreign=has_foreign,
        large=large,
        looked_at=looked_at,
        is_open=is_open,
    )


def _information(wire: Wire) -> dict[str, str]:
    try:
        said = wire.ask(b"", packets.pack(b"INFO"))
    except FAILURES:
        # Its user may not ask, or it is just being lost: then nothing is said of it.
        return {}
    return info.facts(said) if isinstance(said, bytes) else {}


def _other_databases(said: dict[str, str], own: int) -> bool:
    names = [name for name in said if name.startswith("db") and name[2:].isdecimal()]
    return any(name != f"db{own}" for name in names)


def _look_at_keys(wire: Wire, ours: Sequence[bytes]) -> tuple[bool | None, tuple[tuple[str, int], ...], int]:
    """Look at some keys: whether any is somebody else's, which of ours are large, how many that were."""
    deadline = time.monotonic() + _BUDGET
    has_foreign: bool | None = None
    large: list[tuple[str, int]] = []
    looked_at, chunk = 0, list[bytes]()
    try:
        for name in wire.scan(b"*", _CHUNK):
            has_foreign = has_foreign or not name.startswith(tuple(ours))
            looked_at += 1
            if name.startswith(tuple(ours)):
                chunk.append(name)
            if len(chunk) >= _CHUNK:
                large += _large_of(wire, chunk)
                chunk = []
            if looked_at >= _MOST_KEYS or time.monotonic() >= deadline:
                # There may be others among those that were not looked at.
                has_foreign = has_foreign or None
                break
        else:
            has_foreign = bool(has_foreign)
        large += _large_of(wire, chunk)
    except FAILURES:
        return has_foreign or None, tuple(large), looked_at
    return has_foreign, tuple(large), looked_at


def _large_of(wire: Wire, names: Sequence[bytes]) -> Iterator[tuple[str, int]]:
    sizes = wire.ask_each([(name, packets.pack(b"STRLEN", name)) for name in names]) if names else []
    for name, size in zip(names, sizes, strict=True):
        if isinstance(size, int) and size > LARGE:
            yield name.decode(errors="replace"), size


def _evicted_before(directory: Path, address: str, evicted: int) -> tuple[int, float] | None:
    """Return an earlier number of evictions and its age, and remember the present one if that is old.

    It is remembered in a file: a Redis that evicts would evict it as well.
    """
    path = directory / f"{EVICTIONS}{hashlib.blake2b(address.encode(), digest_size=6).hexdigest()}"
    now = time.time()
    try:
        number, at = map(float, path.read_text().split())
    except (OSError, ValueError):
        # Nobody has looked before.
        number, at = math.inf, 0.0
    is_earlier = number <= evicted
    if not is_earlier or now - at > _OLD:
        _remember(path, f"{evicted} {now}")
    return (int(number), now - at) if is_earlier else None


def _remember(path: Path, text: str) -> None:
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        # Where nothing can be written, nothing is concluded.
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        os.replace(aside, path)


def _is_open(address: str) -> bool:
    """Whether *address* leads over the internet, and in the clear."""
    try:
        parsed = parse(address)
    except EngineUnavailable:
        return False
    if parsed.tls is not None or not parsed.hosts:
        return False
    return any(map(_is_public, _resolved(host for host, _port in parsed.hosts)))


def _resolved(hosts: Iterable[str]) -> list[str]:
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cacheadmin-names")
    try:
        return pool.submit(_resolve, list(hosts)).result(_PATIENCE)
    except TimeoutError:
        return []
    finally:
        # A resolver may hang for long. Its thread ends by itself; nobody waits for it.
        pool.shutdown(wait=False)


def _resolve(hosts: list[str]) -> list[str]:
    found: list[str] = []
    for host in hosts:
        try:
            found += [str(place[4][0]) for place in socket.getaddrinfo(host, None)]
        except (OSError, UnicodeError):
            # A name that leads nowhere is told by the connection test.
            continue
    return found


def _is_public(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_global


# --- Files ---


def _disk(directory: Path, *, at_entries: bool) -> DiskFacts:
    free, total = _room(directory)
    return DiskFacts(
        directory=directory,
        unsafe=_unsafe(directory),
        served=_served(directory),
        free=free,
        total=total,
        large=tuple(_large_files(directory)) if at_entries else (),
    )


def _unsafe(directory: Path) -> str:
    try:
        check_directory(directory)
    except EngineUnavailable as error:
        return error.detail if error.verdict is Verdict.UNSAFE_DIRECTORY else ""
    return ""


def _served(directory: Path) -> str:
    places: list[Any] = [settings.STATIC_ROOT, settings.MEDIA_ROOT, *settings.STATICFILES_DIRS]
    real = Path(os.path.realpath(directory))
    for place in filter(None, places):
        # Some come with a prefix.
        path = place[1] if isinstance(place, tuple) else place
        if real.is_relative_to(os.path.realpath(path)):
            return str(path)
    return next((str(part) for part in real.parents if part.name in _SERVED_NAMES), "")


def _room(directory: Path) -> tuple[int | None, int | None]:
    for place in (directory, *directory.parents):
        try:
            usage = shutil.disk_usage(place)
        except OSError:
            # It is not there yet: it will be on the disk of what is.
            continue
        return usage.free, usage.total
    return None, None


def _large_files(directory: Path) -> Iterator[tuple[str, int]]:
    deadline = time.monotonic() + _BUDGET
    for root, _directories, names in os.walk(directory):
        for name in names:
            if time.monotonic() >= deadline:
                return
            path = os.path.join(root, name)
            try:
                size = os.lstat(path).st_size
            except OSError:
                # It has just ended.
                continue
            if size > LARGE:
                yield path, size
