"""Which addresses have a Redis behind them, each with one verdict, all together within a second.

What ``auto`` may adopt is tried with a write. Elsewhere a Redis may be somebody else's: there nothing is
written, and what is found is offered.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cacheadmin import conf, ownership, remedies
from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.engines.redis import RedisEngine, answers_without_tls, connect, without_password
from cacheadmin.serializer import Serializer
from cacheadmin.verdicts import Verdict

LOCALHOST = "redis://127.0.0.1:6379/0"
# Where hosts put a Redis that is not at the usual place: further instances, a first node of a Cluster.
PORTS = (6380, 6381, 6382, 7000, 16379)
# Debian and Ubuntu; RHEL, Alpine and cPanel; what many instructions say; DirectAdmin and cPanel for each
# user; Uberspace; CloudLinux; by hand.
SOCKETS = (
    "/run/redis/redis-server.sock",
    "/run/redis/redis.sock",
    "/var/run/redis/redis.sock",
    "/run/valkey/valkey-server.sock",
    "/run/valkey/valkey.sock",
    "/tmp/redis.sock",  # noqa: S108 (only connected to)
    "~/.redis/redis.sock",
    "~/.redis/sock",
    "~/.clwpos/redis.sock",
    "~/redis/redis.sock",
    "~/redis.sock",
    "~/tmp/redis.sock",
)
# The service's name in a compose file.
HOSTS = ("redis",)
_LONGEST = 1.0
# A Redis is there, whatever it still asks for.
_DETECTED = {
    *(Verdict.FOUND, Verdict.NEEDS_PASSWORD, Verdict.WRONG_PASSWORD, Verdict.NO_PERMISSION, Verdict.NO_TLS),
    *(Verdict.READ_ONLY, Verdict.OUT_OF_MEMORY, Verdict.LOADING, Verdict.NO_DATABASE, Verdict.IS_CLUSTER),
    *(Verdict.NOT_CLUSTER, Verdict.INCOMPLETE, Verdict.TAKEN, Verdict.CANNOT_SAVE),
}


@dataclass(frozen=True)
class Candidate:
    """An address that was tried.

    Args:
        address: without its password.
        verdict: the answer, as a category.
        detail: more words, without secrets.
        ms: milliseconds it took.
        is_offered: whether it is only offered: ``auto`` does not adopt it, and nothing was written there.
    """

    address: str
    verdict: Verdict
    detail: str
    ms: float
    is_offered: bool = False

    @property
    def is_usable(self) -> bool:
        """Whether a Redis answered that takes writes."""
        return self.verdict is Verdict.FOUND

    @property
    def is_detected(self) -> bool:
        """Whether a Redis is there, though it may ask for a password or lack something."""
        return self.verdict in _DETECTED

    @property
    def message(self) -> str:
        """The verdict, and what to do about it, in the active language."""
        return remedies.told(self.verdict, {"owner": self.detail} if self.detail else {})

    def as_json(self) -> dict[str, Any]:
        """Return what ``manage.py cache detect --json`` prints of it."""
        return {
            "address": self.address,
            "verdict": self.verdict.word,
            "detected": self.is_detected,
            "usable": self.is_usable,
            "offered": self.is_offered,
            "message": self.message,
            "ms": round(self.ms, 1),
        }


def addresses(location: str) -> list[str]:
    """Return the addresses that ``auto`` may adopt: the configured one, REDIS_URL, localhost."""
    return list(dict.fromkeys(filter(None, [location, os.environ.get("REDIS_URL", ""), LOCALHOST])))


def further_addresses(ports: Iterable[int] = ()) -> list[str]:
    """Return where else a Redis may be: given and usual ports, sockets that are there, the compose host."""
    numbers = dict.fromkeys([*ports, *PORTS])
    paths = [Path(path).expanduser() for path in SOCKETS]
    # /var/run mostly leads to /run.
    sockets = {os.path.realpath(path): path for path in reversed(paths) if _is_socket(path)}
    return [
        *(f"redis://127.0.0.1:{number}/0" for number in numbers),
        *(f"unix://{quote(str(path))}?db=0" for path in reversed(sockets.values())),
        *(f"redis://{host}:6379/0" for host in HOSTS),
    ]


def everywhere(
    location: str, namespace: str = "", beside: Sequence[str] = (), ports: Iterable[int] = ()
) -> list[Candidate]:
    """Try all places where a Redis may be, at once; takes a second at most.

    Args:
        location: the configured address.
        namespace: what the keys of the cache begin with; see ``examine()``.
        beside: what those of the other caches begin with that go where this one goes.
        ports: further ports of this machine to look at.

    Returns:
        first what ``auto`` may adopt, then what is offered.
    """
    own = addresses(location)
    offered = [address for address in further_addresses(ports) if address not in own]
    tries = [partial(examine, address, namespace, beside) for address in own]
    return _all_at_once([*own, *offered], [*tries, *(partial(look, address) for address in offered)])


def detect(candidates: Iterable[str], namespace: str = "", beside: Sequence[str] = ()) -> list[Candidate]:
    """Try all *candidates* at once and return their verdicts in the same order; takes a second at most.

    Args:
        candidates: addresses.
        namespace: what the keys of the cache begin with; see ``examine()``.
        beside: what those of the other caches begin with that go where this one goes.
    """
    tried = list(candidates)
    return _all_at_once(tried, [partial(examine, address, namespace, beside) for address in tried])


def _all_at_once(tried: list[str], tries: list[partial[Candidate]]) -> list[Candidate]:
    pool = ThreadPoolExecutor(max_workers=max(1, len(tried)), thread_name_prefix="cacheadmin-detect")
    try:
        deadline = time.monotonic() + _LONGEST
        futures = [pool.submit(one) for one in tries]
        found = []
        for address, one, future in zip(tried, tries, futures, strict=True):
            try:
                found.append(future.result(max(0.0, deadline - time.monotonic())))
            except TimeoutError:
                late = Candidate(without_password(address), Verdict.TIMED_OUT, "", _LONGEST * 1000)
                found.append(replace(late, is_offered=one.func is look))
        return found
    finally:
        # A thread that is still waiting ends by its own timeouts; nobody waits for it.
        pool.shutdown(wait=False, cancel_futures=True)


def look(address: str) -> Candidate:
    """Connect to *address* and read a key that is not there; nothing is written, as it may be others'."""
    began = time.perf_counter()
    verdict = Verdict.FOUND
    try:
        wire = connect(address, conf.get("CONNECT_TIMEOUT"), conf.get("ANSWER_TIMEOUT"))
        RedisEngine(wire, Serializer(""), prefix="cacheadmin").read_notes(["cacheadmin:look"])
    except EngineUnavailable as error:
        verdict = looked_closer(error.verdict, address)
    ms = (time.perf_counter() - began) * 1000
    return Candidate(without_password(address), verdict, "", ms, is_offered=True)


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


def looked_closer(
    verdict: Verdict, address: str, check_peer: Callable[[object], None] = lambda _: None
) -> Verdict:
    """Return what most likely is behind a *verdict* on a first greeting, if TLS may have to do with it.

    Args:
        verdict: on the greeting.
        address: that was greeted.
        check_peer: as for ``answers_without_tls()``.

    Raises:
        EngineUnavailable: *check_peer* does.
    """
    if verdict is Verdict.LOST:
        # A server that hangs up on a first greeting most likely speaks TLS where we do not.
        return Verdict.NEEDS_TLS
    if verdict is Verdict.TIMED_OUT and answers_without_tls(address, conf.get("ANSWER_TIMEOUT"), check_peer):
        return Verdict.NO_TLS
    return verdict


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except OSError:
        # Not there, or not for us to see.
        return False
