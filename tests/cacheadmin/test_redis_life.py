"""How long entries live in Redis: as long as asked, and without an end as long as they are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cacheadmin.backend import AdaptiveCache
from cacheadmin.engines.base import MISSING, EngineUnavailable
from cacheadmin.engines.redis import LONGEST_LIFE, RedisEngine, engine, lives
from cacheadmin.verdicts import Verdict
from tests.cacheadmin.redis_engines import MINIMAL, Counted, engine_at
from tests.servers.redis import RedisServer

NewRedis = Callable[..., RedisServer]
DAYS = 24 * 3600


@pytest.fixture
def server(new_redis: NewRedis) -> RedisServer:
    return new_redis(acl=[f"user site on >secret ~p:* {MINIMAL}"])


@pytest.fixture
def ours(server: RedisServer) -> RedisEngine:
    return engine_at(server.url(username="site", password="secret"))


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let days pass, for whoever asks what day it is."""
    now = lives.today()
    return lambda days: monkeypatch.setattr(lives, "today", lambda: now + days)


def left(server: RedisServer, key: str) -> float:
    with server.client() as client:
        return float(client.pttl(key)) / 1000


def age(server: RedisServer, key: str, seconds: float) -> None:
    """Let *key* have that much left, as if the rest had passed."""
    with server.client() as client:
        assert client.pexpire(key, int(seconds * 1000))


@pytest.mark.parametrize("value", [5, "text", ("a", 1), None])
def test_an_entry_without_an_end_lives_on_while_it_is_read(
    ours: RedisEngine, server: RedisServer, later: Callable[[int], None], value: Any
) -> None:
    ours.set("p:a", value, None)
    assert LONGEST_LIFE - 5 < left(server, "p:a") <= LONGEST_LIFE
    for days in (6, 12, 40):
        age(server, "p:a", 10 * DAYS)
        later(days)
        assert ours.get("p:a") == value
        assert left(server, "p:a") > LONGEST_LIFE - 5


def test_reading_it_costs_a_write_every_few_days_and_no_more(
    ours: RedisEngine, server: RedisServer, later: Callable[[int], None]
) -> None:
    ours.set("p:a", "value", None)
    with Counted(server) as seen:
        for _ in range(20):
            ours.get("p:a")
    assert seen.commands == {"get": 20}
    later(lives.RENEWED_AFTER)
    with Counted(server) as seen:
        for _ in range(20):
            ours.get("p:a")
    assert seen.commands == {"get": 21, "watch": 1, "multi": 1, "set": 1, "exec": 1}
    with Counted(server) as seen:
        ours.get_many(["p:a"])
    assert seen.commands == {"mget": 1}


def test_reading_many_renews_each(
    ours: RedisEngine, server: RedisServer, later: Callable[[int], None]
) -> None:
    ours.set_many({f"p:{n}": (n, None) for n in range(5)})
    for number in range(5):
        age(server, f"p:{number}", 1 * DAYS)
    later(6)
    assert ours.get_many([f"p:{n}" for n in range(5)]) == {f"p:{n}": n for n in range(5)}
    assert all(left(server, f"p:{number}") > LONGEST_LIFE - 5 for number in range(5))


@pytest.mark.parametrize("value", [5, "text"])
def test_an_entry_with_an_end_is_never_prolonged(
    ours: RedisEngine, server: RedisServer, later: Callable[[int], None], value: Any
) -> None:
    ours.set("p:a", value, 3600)
    ours.add("p:b", value, 3600)
    ours.set("p:c", value, None)
    ours.touch("p:c", 3600)
    ours.set("p:d", value, None)
    ours.modify("p:d", lambda old: old, 3600)
    later(20)
    for key in ("p:a", "p:b", "p:c", "p:d"):
        with Counted(server) as seen:
            assert ours.get(key) == value
        assert seen.commands == {"get": 1}
        assert 3590 < left(server, key) <= 3600


def test_an_entry_replaced_while_it_is_renewed_keeps_its_end(
    ours: RedisEngine, server: RedisServer, later: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours.set("p:a", "old", None)
    later(10)
    real = RedisEngine._renew

    def renew(self: RedisEngine, key: str, data: bytes) -> None:
        # Between the read and the renewal somebody stores something with an end.
        self.set(key, "new", 60)
        real(self, key, data)

    monkeypatch.setattr(RedisEngine, "_renew", renew)
    assert ours.get("p:a") == "old"
    assert ours.get("p:a") == "new"
    assert left(server, "p:a") <= 60


def test_touching_takes_and_gives_an_end(
    ours: RedisEngine, server: RedisServer, later: Callable[[int], None]
) -> None:
    ours.set("p:a", "value", 60)
    assert ours.touch("p:a", None) is True
    assert left(server, "p:a") > LONGEST_LIFE - 5
    age(server, "p:a", DAYS)
    later(6)
    assert ours.get("p:a") == "value"
    assert left(server, "p:a") > LONGEST_LIFE - 5
    assert ours.touch("p:a", 0.5) is True
    assert 0 < left(server, "p:a") <= 0.5
    assert ours.touch("p:none", 60) is False


def test_a_number_without_an_end_is_renewed_by_counting(
    ours: RedisEngine, server: RedisServer, later: Callable[[int], None]
) -> None:
    ours.set("p:n", 1, None)
    age(server, "p:n", DAYS)
    assert ours.incr("p:n", 1) == 2
    assert left(server, "p:n") > LONGEST_LIFE - 5
    age(server, "p:n", DAYS)
    later(3)
    assert ours.modify("p:n", lambda old: old + 1) == 3
    assert left(server, "p:n") > LONGEST_LIFE - 5


def test_a_plain_number_with_an_end_is_plain_in_redis(ours: RedisEngine, server: RedisServer) -> None:
    ours.set("p:n", 41, 60)
    with server.client() as client:
        assert client.get("p:n") == b"41"
        assert client.incr("p:n") == 42
    assert ours.get("p:n") == 42


def test_what_cannot_be_renewed_is_read_all_the_same(
    ours: RedisEngine, server: RedisServer, later: Callable[[int], None]
) -> None:
    ours.set("p:a", "value", None)
    with server.client() as client:
        client.replicaof("127.0.0.1", "1")
    later(10)
    assert ours.get("p:a") == "value"


def test_timeouts_beyond_all_reckoning_are_long_lives(ours: RedisEngine, server: RedisServer) -> None:
    for timeout in (10**15, float("inf")):
        ours.set("p:a", 1, timeout)
        assert left(server, "p:a") > 90 * 365 * DAYS
        assert ours.touch("p:a", timeout) is True
    ours.set("p:b", 1, 0.0000001)
    assert ours.get("p:b") in (1, MISSING)


def test_what_is_left_is_told(server: RedisServer) -> None:
    ours = engine_at(server.url())
    ours.set("p:a", 1, 60)
    ours.set("p:b", 1, None)
    with server.client() as client:
        client.rpush("p:list", "x")
        client.set("p:foreign", "1")
    assert 59 < ours.remaining("p:a") <= 60
    assert [ours.remaining(f"p:{key}") for key in ("b", "none", "list", "foreign")] == [
        None,
        MISSING,
        MISSING,
        None,
    ]


def test_who_may_not_ask_is_told_and_redis_stays(server: RedisServer, new_cache: Any) -> None:
    cache: AdaptiveCache = new_cache(
        "redis", location=server.url(username="site", password="secret"), KEY_PREFIX="p"
    )
    cache.set("a", 1)
    with pytest.raises(PermissionError, match="PTTL"):
        cache.ttl("a")
    with pytest.raises(PermissionError, match="SCAN"):
        cache.keys("*")
    assert (cache.get("a"), cache.space.selector.status().engine) == (1, "redis")


# --- Damage ---


@pytest.mark.parametrize("data", [b"garbage", b"\xca\xce\x02short", b"\xca\xce\x80\x00\x00garbage"])
def test_damaged_entries_are_misses_counted_and_removed(
    ours: RedisEngine, server: RedisServer, data: bytes
) -> None:
    with server.client() as client:
        client.set("p:a", data)
        assert ours.get("p:a") is MISSING
        assert (ours.damaged, client.exists("p:a")) == (1, 0)
        client.set("p:a", data)
        assert ours.get_many(["p:a"]) == {}
        assert (ours.damaged, client.exists("p:a")) == (2, 0)


def test_what_was_repaired_meanwhile_is_not_removed(
    ours: RedisEngine, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = RedisEngine._replace

    def replace(self: RedisEngine, key: str, known: bytes, packet: bytes) -> None:
        self.set(key, "good", 60)
        real(self, key, known, packet)

    monkeypatch.setattr(RedisEngine, "_replace", replace)
    with server.client() as client:
        client.set("p:a", b"garbage")
    assert ours.get("p:a") is MISSING
    assert ours.get("p:a") == "good"


@pytest.mark.parametrize("data", [b"\xca\xce\x03later", b"\xca\xce\x80\x4e\x20\xca\xce\x03later"])
def test_another_versions_entries_are_left_alone(ours: RedisEngine, server: RedisServer, data: bytes) -> None:
    with server.client() as client:
        client.set("p:a", data)
        assert (ours.get("p:a"), ours.modify("p:a", str.upper), ours.damaged) == (MISSING, MISSING, 0)
        assert client.get("p:a") == data


# --- Clearing ---


def test_clearing_sends_a_number_for_each_group_and_nothing_else(
    new_cache: Any, redis_server: RedisServer
) -> None:
    cache: AdaptiveCache = new_cache("redis", location=redis_server.url())
    with redis_server.client() as client:
        client.mset({f"foreign:{number}": number for number in range(100)})
        client.rpush("foreign:list", "x")
    cache.set_many({f"content:{number}": number for number in range(500)})
    with Counted(redis_server) as seen:
        cache.clear_groups(["content", "other"])
        few = dict(seen._seen() - seen._before)
        cache.clear()
    assert few == {"mget": 1, "set": 2}
    assert set(seen.commands) == {"mget", "set"}
    assert cache.get("content:5") is None
    with redis_server.client() as client:
        assert [int(client.get(f"foreign:{number}") or -1) for number in range(100)] == list(range(100))
        assert client.lrange("foreign:list", 0, -1) == [b"x"]


def test_a_probe_that_reads_something_else_is_no_find(
    ours: RedisEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for method, answer in (("get_many", {}), ("incr", 7)):
        with monkeypatch.context() as patched:
            patched.setattr(ours, method, lambda *_, answer=answer: answer)
            with pytest.raises(EngineUnavailable) as failed:
                ours.probe()
        assert failed.value.verdict is Verdict.ERROR


def test_a_lost_server_is_told_wherever_it_is_noticed(new_redis: NewRedis) -> None:
    server = new_redis(options=("maxmemory-policy", "noeviction"))
    ours = engine_at(server.url())
    ours.set("p:a", 1, 60)
    server.kill()
    for operation in (
        lambda: ours.remaining("p:a"),
        lambda: list(ours.names()),
        lambda: ours.read_numbers(["p:n"]),
    ):
        with pytest.raises(EngineUnavailable) as lost:
            operation()
        assert lost.value.verdict in {Verdict.LOST, Verdict.REFUSED}


def test_numbers_without_an_end_are_remembered_within_bounds(
    ours: RedisEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_MOST_UNPLAIN", 3)
    for number in range(10):
        ours.set(f"p:{number}", number, None)
        assert ours.incr(f"p:{number}", 1) == number + 1
    assert len(ours._unplain) <= 3
