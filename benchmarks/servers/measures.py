"""What is measured of each server, one function a question."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.servers.clients import Crowd, Load, get, slow_clients, wrk
from benchmarks.servers.processes import Running, Server, running

SLOW_CLIENTS = 50


@dataclass(frozen=True)
class Speed:
    """The tiny view under 16 connections."""

    load: Load
    cpu_ms: float
    memory: float
    started_in: float


@dataclass(frozen=True)
class Change:
    """Processes replaced under four clients: how long it took, and what was lost."""

    seconds: float | None
    failed: int
    asked: int


@dataclass(frozen=True)
class Crowding:
    """Four ordinary clients beside fifty slow ones."""

    per_second: float
    slowest: float
    failed: int


def speed(server: Server, environment: dict[str, str], log: Path, seconds: int) -> Speed:
    """Requests a second and what one costs; memory is read afterwards, when all is loaded."""
    with running(server, environment, log) as site:
        wrk(site.port, "/benchmark/tiny/", seconds=1)
        before = site.cpu_seconds()
        load = wrk(site.port, "/benchmark/tiny/", seconds=seconds)
        used = site.cpu_seconds() - before
        return Speed(load, 1000 * used / max(load.requests, 1), site.memory_per_worker(), site.started_in)


def reload(server: Server, environment: dict[str, str], log: Path) -> Change:
    """SIGHUP: until only new processes answer."""
    with running(server, environment, log) as site:
        old = set(site.workers())
        return _replaced(site, old, site.reload)


def killed_worker(server: Server, environment: dict[str, str], log: Path) -> Change:
    """SIGKILL to one worker: until as many as before answer again."""
    with running(server, environment, log) as site:
        # A worker that dies right after its start counts as a crash loop; ours has worked for a while.
        time.sleep(7)
        victim = site.workers()[0]
        return _replaced(site, {victim}, lambda: os.kill(victim, signal.SIGKILL))


def slow(server: Server, environment: dict[str, str], log: Path, *, body: bool, seconds: float) -> Crowding:
    """Fifty connections that take for ever to say what they want; are the others answered?"""
    with running(server, environment, log) as site, slow_clients(site.port, SLOW_CLIENTS, body=body):
        time.sleep(0.5)
        crowd = Crowd(site.port)
        with crowd.asking():
            time.sleep(seconds)
        return Crowding(crowd.per_second(seconds), crowd.slowest, crowd.failed)


def _replaced(site: Running, old: set[int], change: Callable[[], None]) -> Change:
    crowd = Crowd(site.port)
    wanted = len(site.workers())
    with crowd.asking():
        time.sleep(1)
        begun = time.perf_counter()
        change()
        seconds = _until_replaced(site, old, wanted, begun)
        time.sleep(1)
    return Change(seconds, crowd.failed, len(crowd.answers))


def _until_replaced(site: Running, old: set[int], wanted: int, begun: float) -> float | None:
    """Seconds until new connections meet every worker and none of *old*; None after 40 s."""
    met: list[tuple[float, int]] = []
    while (now := time.perf_counter()) - begun < 40:
        answer = get(site.port, "/benchmark/worker/", timeout=5)
        met = [(at, pid) for at, pid in met if now - at < 0.5]
        met += [(now, int(answer.body))] if answer.ok else []
        alive = set(site.workers())
        if not alive & old and len(alive) >= wanted and {pid for _, pid in met} == alive:
            return now - begun
        time.sleep(0.02)
    return None
