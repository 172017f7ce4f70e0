"""Which addresses have a Redis behind them, each with one verdict, all together within a second."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from cacheadmin import conf
from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.engines.redis import RedisEngine, connect, without_password
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


def detect(candidates: Iterable[str]) -> list[Candidate]:
    """Try all *candidates* at once and return their verdicts in the same order; takes a second at most."""
    tried = list(candidates)
    pool = ThreadPoolExecutor(max_workers=max(1, len(tried)), thread_name_prefix="cacheadmin-detect")
    try:
        deadline = time.monotonic() + _LONGEST
        futures = [pool.submit(examine, address) for address in tried]
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


def examine(address: str) -> Candidate:
    """Connect to *address*, write and read back, and say in one verdict what came of it."""
    began = time.perf_counter()
    verdict, detail = Verdict.FOUND, ""
    try:
        client = connect(address, conf.get("CONNECT_TIMEOUT"), conf.get("ANSWER_TIMEOUT"))
        # Nothing stored by a probe is ever read as a value, so it needs no secret.
        RedisEngine(client, Serializer(""), prefix="cacheadmin").probe()
    except EngineUnavailable as error:
        # A server that hangs up on a first greeting most likely speaks TLS where we do not, or the reverse.
        verdict = Verdict.NEEDS_TLS if error.verdict is Verdict.LOST else error.verdict
        detail = error.detail
    except UnicodeError:
        # The resolver's words for a host name with an empty or endless part.
        verdict = Verdict.BAD_ADDRESS
    return Candidate(without_password(address), verdict, detail, (time.perf_counter() - began) * 1000)
