"""The short way to Redis over TLS, whose own messages are no answers."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.cacheadmin.redis_engines import engine_at, kick_everybody, wire_of
from tests.servers.redis import RedisServer

NewRedis = Callable[..., RedisServer]


def test_over_tls_a_closed_connection_is_noticed_and_tickets_are_none_of_our_business(
    new_redis: NewRedis,
) -> None:
    server = new_redis(tls=True)
    for turn in range(5):
        ours = engine_at(server.url(), timeout=0.3 + turn / 1000)
        assert ours.add(f"p:{turn}", 1, 60) is True
        # Seen to be alive before it is trusted with what must not be sent twice.
        assert ours.add(f"p:{turn}", 1, 60) is False
        kick_everybody(server)
        assert ours.incr(f"p:{turn}", 1) == 2
        kick_everybody(server)
        assert ours.get(f"p:{turn}") == 2


def test_over_tls_what_came_unasked_makes_a_connection_useless_and_is_not_lost(new_redis: NewRedis) -> None:
    server = new_redis(tls=True)
    ours = engine_at(server.url(), timeout=0.3)
    ours.set("p:a", 1, 60)
    connection = wire_of(ours)._idle[-1]
    assert connection.can_read() is False
    connection.send_command("PING")
    time.sleep(0.05)
    assert (connection.can_read(), connection.can_read()) == (True, True)
    assert connection.read_response() == b"PONG"
    connection.send_command("PING")
    time.sleep(0.05)
    assert ours.add("p:new", 1, 60) is True
    assert ours.get("p:a") == 1
