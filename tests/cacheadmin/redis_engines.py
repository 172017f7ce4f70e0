"""The Redis engine by itself, and what it asks of its server."""

from __future__ import annotations

from collections import Counter
from typing import Any

from cacheadmin.engines.redis import RedisEngine, connect
from cacheadmin.serializer import Serializer
from tests.servers.redis import RedisServer

# What the engine needs, and nothing else.
MINIMAL = "+ping +select +get +set +mget +del +expire +incrby +watch +multi +exec"


def engine_at(address: str, prefix: str = "p", timeout: float = 0.25) -> RedisEngine:
    """The engine at *address*, for keys that begin with *prefix*."""
    return RedisEngine(connect(address, timeout, timeout), Serializer("a secret"), prefix)


def wire_of(engine: RedisEngine) -> Any:
    """What the engine speaks through."""
    return engine._wire


def kick_everybody(server: RedisServer) -> None:
    """Have *server* close all connections but ours of this moment."""
    with server.client() as client:
        client.client_kill_filter(_type="normal", skipme=True)


class Counted:
    """``with Counted(server) as seen: …`` and then ``seen.commands``: how often each was called meanwhile."""

    def __init__(self, *servers: RedisServer) -> None:
        self._servers = servers
        self.commands: dict[str, int] = {}

    def __enter__(self) -> Counted:
        self._before = self._seen()
        return self

    def __exit__(self, *_: object) -> None:
        self.commands = dict(self._seen() - self._before)

    def _seen(self) -> Counter[str]:
        total: Counter[str] = Counter()
        for server in self._servers:
            total.update(server.commands_seen())
        # What counting itself costs; as often before as after.
        for name in ("info", "auth", "hello", "client|setinfo", "ping", "config|resetstat"):
            total.pop(name, None)
        return total
