"""What the site stands on, and how it is hurt, scene by scene."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import redis

from tests.servers.process import free_port
from tests.servers.redis import RedisServer
from tests.servers.redis_many import RedisCluster, Sentinels
from tests.servers.site import Site
from tests.torture.http.proxy import Proxy
from tests.torture.http.record import Record

PASSWORD = "another one"


@dataclass
class Ground:
    """What a scene is played on.

    Args:
        url: the address that the site is told.
        harm: hurts it.
        mend: makes it whole again.
    """

    url: str
    harm: Callable[[], object]
    mend: Callable[[], object]


@dataclass(frozen=True)
class Scene:
    """One scene.

    Args:
        name: what happens.
        ground: sets it up; what it needs is ended by the stack.
        away: seconds between harm and mending.
        whole: seconds between mending and the next harm.
    """

    name: str
    ground: Callable[[ExitStack], Ground]
    away: float = 2.0
    whole: float = 3.0


# --- One Redis ---


def killed_keeping(stack: ExitStack) -> Ground:
    """Killed; what it wrote to its log is there again afterwards."""
    options = ("appendonly", "yes", "appendfsync", "always")
    server = stack.enter_context(RedisServer(options=options))
    return Ground(server.url(), server.kill, server.start)


def killed_losing(stack: ExitStack) -> Ground:
    """Killed; it comes back empty."""
    server = stack.enter_context(RedisServer())
    return Ground(server.url(), server.kill, server.start)


def stopped(stack: ExitStack) -> Ground:
    """SIGSTOP, SIGCONT: it does afterwards what was asked of it before."""
    server = stack.enter_context(RedisServer())
    stack.callback(server.resume)
    return Ground(server.url(), server.pause, server.resume)


def silent(stack: ExitStack) -> Ground:
    """Every byte to and from it is swallowed, and connections with it."""
    server = stack.enter_context(RedisServer())
    proxy = stack.enter_context(Proxy(server.port))
    return Ground(proxy.url(), proxy.fall_silent, proxy.speak)


def read_only(stack: ExitStack) -> Ground:
    """A replica of a master that is not there: it can be read, and not written."""
    server = stack.enter_context(RedisServer())

    def harm() -> None:
        _tell(server, "REPLICAOF", "127.0.0.1", free_port())

    return Ground(server.url(), harm, lambda: _tell(server, "REPLICAOF", "NO", "ONE"))


def loading(stack: ExitStack) -> Ground:
    """It reads its data from the disk, and answers LOADING meanwhile."""
    options = ("enable-debug-command", "yes", "loading-process-events-interval-bytes", "1024")
    server = stack.enter_context(RedisServer(options=options))
    _tell(server, "DEBUG", "POPULATE", 20_000, "foreign", 100)
    running: list[threading.Thread] = []

    def reload() -> None:
        with redis.Redis(port=server.port, socket_timeout=60) as client:
            client.execute_command("DEBUG", "RELOAD")

    def harm() -> None:
        _tell(server, "CONFIG", "SET", "key-load-delay", 80)
        running.append(threading.Thread(target=reload))
        running[-1].start()

    def mend() -> None:
        running.pop().join()

    return Ground(server.url(), harm, mend)


def full(stack: ExitStack) -> Ground:
    """Filled to maxmemory: every write is refused."""
    server = stack.enter_context(RedisServer(options=("maxmemory-policy", "noeviction")))

    def limit(size: int) -> None:
        _tell(server, "CONFIG", "SET", "maxmemory", size)

    return Ground(server.url(), lambda: limit(1), lambda: limit(0))


def new_password(stack: ExitStack) -> Ground:
    """Given a password that the site does not know, and its connections cut."""
    server = stack.enter_context(RedisServer())

    def harm() -> None:
        with server.client() as client:
            client.execute_command("CONFIG", "SET", "requirepass", PASSWORD)
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def mend() -> None:
        with redis.Redis(port=server.port, password=PASSWORD) as client:
            client.execute_command("CONFIG", "SET", "requirepass", "")

    return Ground(server.url(), harm, mend)


# --- Several ---


def failover(stack: ExitStack) -> Ground:
    """The master dies, a Sentinel promotes its replica; the old one comes back as the replica."""
    sentinels = stack.enter_context(Sentinels())
    dead: list[RedisServer] = []

    def harm() -> None:
        dead.append(sentinels.master())
        dead[-1].kill()

    return Ground(sentinels.url(), harm, lambda: dead.pop().start())


def node_lost(stack: ExitStack) -> Ground:
    """One master after the other dies, the first of which has a replica."""
    cluster = stack.enter_context(RedisCluster())
    order = cycle(cluster.masters)
    dead: list[RedisServer] = []

    def harm() -> None:
        dead.append(next(order))
        dead[-1].kill()

    def mend() -> None:
        dead.pop().start()
        cluster.wait_until_whole()

    return Ground(cluster.url(), harm, mend)


SCENES = [
    Scene("killed, its data kept", killed_keeping),
    Scene("killed, its data lost", killed_losing),
    Scene("stopped", stopped),
    Scene("silent", silent),
    Scene("read only", read_only),
    Scene("loading", loading, away=0.5),
    Scene("full", full),
    Scene("new password", new_password),
    Scene("Sentinel failover", failover, away=4.0),
    Scene("Cluster node lost", node_lost, away=3.0),
    Scene("switched", killed_losing),
]
SWITCHED = SCENES[-1]


def use(site: Site, record: Record, engine: str) -> None:
    """Choose an engine from the command line."""
    record.is_on_memory = record.is_on_memory or engine == "memory"
    site.manage("cache", "use", engine)
    if engine != "memory" and record.is_on_memory:
        record.is_on_memory, record.left_memory = False, time.time()


def _tell(server: RedisServer, *words: Any) -> None:
    with server.client() as client:
        client.execute_command(*words)
