"""Which engine is to be live: found out by trying, and nothing is changed by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cacheadmin import conf, detect
from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.engines.file import check_directory
from cacheadmin.engines.redis import RedisEngine, connect
from cacheadmin.plan import OURS, Code, Decision, Plan
from cacheadmin.serializer import Serializer
from cacheadmin.verdicts import Verdict


@dataclass(frozen=True)
class Known:
    """What was decided before.

    Args:
        home: the engine that ought to be live; ``UNDECIDED`` under another plan.
        candidate: which of the addresses was taken, as an index.
    """

    home: Code
    candidate: int


def decide(
    plan: Plan, directory: Path, known: Known, namespace: str, namespaces: Sequence[str] = ()
) -> Decision:
    """Try what *plan* allows, the best first; takes little more than a second.

    Args:
        plan: what was asked for.
        directory: where the file engine keeps its entries.
        known: what was decided before.
        namespace: what the keys of the cache begin with; see ``detect.examine()``.
        namespaces: what those of the other caches begin with that go where this one goes.
    """
    choice = plan.choice
    if choice == "memory":
        return Decision(Code.MEMORY, Code.MEMORY, Verdict.CHOSEN)
    if choice == "file":
        return _without_redis(plan, directory, Code.FILE, Verdict.CHOSEN)
    addresses = detect.addresses(plan.location) if choice in OURS else [plan.location]
    results = detect.detect(addresses, namespace, namespaces)
    for index, found in enumerate(results):
        if found.is_usable:
            return Decision(Code.REDIS, Code.REDIS, Verdict.FOUND, index)
    taken = next((i for i, found in enumerate(results) if found.verdict is Verdict.TAKEN), None)
    if choice == "redis" or known.home is Code.REDIS:
        candidate = min(known.candidate, len(results) - 1)
    else:
        # Whose keys they are is asked of the owner, so that is where to come back to.
        candidate = taken or 0
    is_owed = choice == "redis" or known.home is Code.REDIS or taken is not None
    home = Code.REDIS if is_owed else Code.FILE
    return _without_redis(plan, directory, home, results[candidate].verdict, candidate)


def _without_redis(plan: Plan, directory: Path, home: Code, reason: Verdict, candidate: int = 0) -> Decision:
    try:
        check_directory(directory)
    except EngineUnavailable as error:
        # Never having had a better engine is not a loss of one.
        home = Code.MEMORY if home is Code.FILE and plan.choice in OURS else home
        return Decision(Code.MEMORY, home, error.verdict, candidate)
    return Decision(Code.FILE, home, reason, candidate)


def still_answers(address: str, namespace: str) -> bool:
    """Ask the Redis in use as any operation does: where that fails, any operation would give it up.

    Args:
        address: where it is.
        namespace: what the keys of the cache begin with.
    """
    try:
        # Nothing that is read here is ever a value, so it needs no secret.
        wire = connect(address, conf.get("CONNECT_TIMEOUT"), conf.get("ANSWER_TIMEOUT"))
        RedisEngine(wire, Serializer(""), namespace).get(f"{namespace}:probe")
    except EngineUnavailable:
        return False
    return True
