"""The short way to Redis: few commands, in packets of a bounded size."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any

import pytest

from cacheadmin.engines.base import MISSING, EngineUnavailable
from cacheadmin.engines.redis import RedisEngine, direct, wire
from cacheadmin.verdicts import Verdict
from tests.cacheadmin.redis_engines import MINIMAL, Counted, engine_at
from tests.servers.redis import RedisServer

NewRedis = Callable[..., RedisServer]


@pytest.fixture(params=["hiredis", "python"])
def ours(
    request: pytest.FixtureRequest, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> RedisEngine:
    """On a real server, with and without hiredis."""
    if request.param == "python":
        monkeypatch.setattr(direct, "_HAS_HIREDIS", False)
    # A timeout that no other test has: connections are shared by all with the same.
    return engine_at(redis_server.url(), timeout=0.25 + random.random() / 1000)


def test_one_command_an_operation(ours: RedisEngine, redis_server: RedisServer) -> None:
    ours.get("p:warm")
    with Counted(redis_server) as seen:
        ours.set("p:a", "value", 60)
        ours.get("p:a")
        ours.add("p:b", 1, 60)
        ours.delete("p:a")
    assert seen.commands == {"set": 2, "get": 1, "del": 1}
    ours.incr("p:warm", 1)
    with Counted(redis_server) as seen:
        assert ours.incr("p:b", 1) == 2
    assert seen.commands == {"watch": 1, "set": 1, "multi": 1, "incrby": 1, "exec": 1}


def test_a_connection_sends_nothing_of_its_own(new_redis: NewRedis) -> None:
    server = new_redis(acl=[f"user site on >secret ~p:* {MINIMAL} -select"])
    ours = engine_at(server.url(username="site", password="secret"))
    with Counted(server) as seen:
        ours.probe()
    assert not {"select", "client", "client|setname", "hello", "unwatch", "evalsha"} & seen.commands.keys()
    # Another database is what SELECT is for.
    with pytest.raises(EngineUnavailable) as refused:
        engine_at(server.url(1, username="site", password="secret")).probe()
    assert refused.value.verdict is Verdict.NO_PERMISSION


def test_many_keys_are_one_round_trip(ours: RedisEngine, redis_server: RedisServer) -> None:
    ours.get("p:warm")
    with Counted(redis_server) as seen:
        ours.set_many({f"p:{n}": (n, 60) for n in range(500)})
        assert len(ours.get_many([f"p:{n}" for n in range(500)])) == 500
        ours.delete_many([f"p:{n}" for n in range(500)])
    assert seen.commands == {"set": 500, "mget": 1, "del": 1}
    assert ours.get_many([]) == {}
    ours.set_many({})
    ours.delete_many([])


def test_huge_lists_go_in_bounded_parts(
    ours: RedisEngine, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    real = direct._Direct.exchange

    def exchange(self: Any, packet: bytes, count: int) -> list[Any]:
        sent.append(len(packet))
        return real(self, packet, count)

    monkeypatch.setattr(direct._Direct, "exchange", exchange)
    ours.set_many({f"p:{n}": ("x" * 1000, 60) for n in range(2500)})
    found = ours.get_many([f"p:{n}" for n in range(2500)])
    assert found == {f"p:{n}": "x" * 1000 for n in range(2500)}
    assert max(sent) <= wire.MOST_BYTES
    with Counted(redis_server) as seen:
        ours.get_many([f"p:{n}" for n in range(2500)])
        ours.delete_many([f"p:{n}" for n in range(2500)])
    assert seen.commands == {"mget": 3, "del": 3}


def test_values_larger_than_one_read_arrive_whole(ours: RedisEngine) -> None:
    value = os.urandom(3_000_000)
    ours.set("p:big", value, 60)
    assert ours.get("p:big") == value


def test_a_value_too_large_to_send_in_time_is_not_stored(ours: RedisEngine) -> None:
    value = b"x" * (16 << 20)
    ours.set("p:big", "small", 60)
    ours.set("p:big", value, 60)
    assert ours.get("p:big") is MISSING
    assert ours.add("p:big", value, 60) is False
    ours.set("p:big", "small", 60)
    ours.set_many({"p:big": (value, 60), "p:other": (1, 60)})
    assert ours.get_many(["p:big", "p:other"]) == {"p:other": 1}
    ours.set("p:big", "small", 60)
    assert ours.modify("p:big", lambda _: value) == value
    assert ours.get("p:big") is MISSING
