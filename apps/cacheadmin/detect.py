"""Which addresses have a Redis behind them, each with one verdict, all together within a second."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from cacheadmin import conf, ownership
from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.engines.redis import RedisEngine, answers_without_tls, connect, without_password
from cacheadmin.serializer import Serializer
from cacheadmin.verdicts import Verdict

LOCALHOST = "redis://127.0.0.1:6379/0"
_LONGEST = 1.0


@dataclass(frozen=True)
class Candidate:
    """An address that was tried.

    Args:
        address: without its password.
        verdict: the answer, as a category.
        detail: more words, without secrets.
        ms: milliseconds it took.
    """

    address: str
    verdict: Verdict
    detail: str
    ms: float

    @property
    def is_usable(self) -> bool:
        """Whether a Redis answered that takes writes."""
        return self.verdict is Verdict.FOUND


def addresses(location: str) -> list[str]:
    """Return the addresses that ``auto`` may adopt: the configured one, REDIS_URL, localhost."""
    return list(dict.fromkeys(filter(None, [location, os.environ.get("REDIS_URL", ""), LOCALHOST])))


def detect(candidates: Iterable[str], namespace: str = "", beside: Sequence[str] = ()) -> list[Candidate]:
    """Try all *candidates* at once and return their verdicts in the same order; takes a second at most.

    Args:
        candidates: addresses.
        namespace: what the keys of the cache begin with; see ``examine()``.
        beside: what those of the other caches begin with that go where this one goes.
    """
    tried = list(candidates)
    pool = ThreadPoolExecutor(max_workers=max(1, len(tried)), thread_name_prefix="cacheadmin-detect")
    try:
        deadline = time.monotonic() + _LONGEST
        futures = [pool.submit(examine, address, namespace, beside) for address in tried]
        found = []
        for address, future in zip(tried, futures, strict=True):
            try:
                found.append(future.result(max(0.0, deadline - time.monotonic())))
            except TimeoutError:
                found.append(Candidate(without_password(address), Verdict.TIMED_OUT, "", _LONGEST * 1000))
        return found
    finally:
        # A thread that is still waiting ends by its own timeouts; nobody waits for it.
        pool.shutdown(wait=False, cancel_futures=True)


def examine(address: str, namespace: str = "", beside: Sequence[str] = ()) -> Candidate:
    """Connect to *address*, write and read back, and say in one verdict what came of it.

    Args:
        address: where a Redis may be.
        namespace: what the keys of the cache begin with: a Redis user may be confined to them.
        beside: what those of the other caches begin with that go where this one goes: none may be taken.
    """
    began = time.perf_counter()
    verdict, detail = Verdict.FOUND, ""
    try:
        wire = connect(address, conf.get("CONNECT_TIMEOUT"), conf.get("ANSWER_TIMEOUT"))
        # Nothing stored by a probe is ever read as a value, so it needs no secret.
        engine = RedisEngine(wire, Serializer(""), prefix=namespace or "cacheadmin")
        if namespace:
            ownership.refuse_strangers(engine, (namespace, *beside))
        engine.probe()
    except EngineUnavailable as error:
        verdict, detail = looked_closer(error.verdict, address), error.detail
    return Candidate(without_password(address), verdict, detail, (time.perf_counter() - began) * 1000)


def looked_closer(verdict: Verdict, address: str) -> Verdict:
    """Return what most likely is behind a *verdict* on a first greeting, if TLS may have to do with it."""
    if verdict is Verdict.LOST:
        # A server that hangs up on a first greeting most likely speaks TLS where we do not.
        return Verdict.NEEDS_TLS
    if verdict is Verdict.TIMED_OUT and answers_without_tls(address, conf.get("ANSWER_TIMEOUT")):
        return Verdict.NO_TLS
    return verdict
