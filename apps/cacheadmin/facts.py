"""What advice is given on: facts about one cache, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class GroupFacts:
    """What was counted of one group within some days; see ``statistics``.

    Args:
        name: of the group.
        hits: reads that found something.
        misses: reads that did not.
        writes: what was stored.
        ttl: seconds its entries live; ``None`` where the group does not say.
        protected: whether it holds sessions or limits.
    """

    name: str
    hits: int
    misses: int
    writes: int
    ttl: int | None = None
    protected: bool = False


@dataclass(frozen=True)
class RedisFacts:
    """What a Redis tells of itself; ``None`` stands for what it does not.

    Args:
        address: without a password.
        policy: what it does when it is full, such as ``noeviction``.
        limit: bytes it may use; 0 for no limit.
        used: bytes it uses.
        evicted: keys it has thrown away since it was started.
        evicted_before: the same some time ago, and how many seconds ago.
        has_foreign: whether somebody else keeps keys in it.
        large: entries of ours that are large, and their bytes, of those that were looked at.
        looked_at: how many keys were looked at.
        is_open: whether it is reached over a public address and without TLS.
    """

    address: str = ""
    policy: str | None = None
    limit: int | None = None
    used: int | None = None
    evicted: int | None = None
    evicted_before: tuple[int, float] | None = None
    has_foreign: bool | None = None
    large: tuple[tuple[str, int], ...] = ()
    looked_at: int = 0
    is_open: bool = False


@dataclass(frozen=True)
class DiskFacts:
    """Where the files of a cache are.

    Args:
        directory: their directory.
        unsafe: the part of its path that others can write to; empty if there is none.
        served: the folder around it that a web server may hand out; empty if there is none.
        free: bytes that are left.
        total: bytes there are in all.
        large: files that are large, and their bytes, of those that were looked at.
    """

    directory: Path
    unsafe: str = ""
    served: str = ""
    free: int | None = None
    total: int | None = None
    large: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Facts:
    """All that is known of one cache.

    Args:
        alias: a key of CACHES.
        engine: the live one, or ``auto`` as long as nobody has chosen.
        workers: processes that serve the site on this machine, those of WEB_CONCURRENCY or those that have
            answered, whichever are more; ``None`` where neither is known.
        machines: machines that serve it at the same time; empty if there is one, or nobody was asked.
        keeps: what is kept in it that a cache must not lose: ``sessions``, ``ratelimit``.
        is_taken: whether its keys in Redis belong to another installation.
        redis: ``None`` where none is in use, or it was not asked.
        disk: where files go.
        groups: what was counted; empty where nothing was asked.
        statistics_problem: why nothing is counted; empty where it is.
    """

    alias: str
    engine: str
    workers: int | None = None
    machines: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()
    is_taken: bool = False
    redis: RedisFacts | None = None
    disk: DiskFacts | None = None
    groups: tuple[GroupFacts, ...] = field(default_factory=tuple)
    statistics_problem: str = ""
