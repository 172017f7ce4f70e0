"""Adding to a number in Redis: exact, under a minimal ACL, without a script, its life untouched."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from cacheadmin.engines.base import MISSING, EngineUnavailable
from cacheadmin.engines.redis import RedisEngine, direct, packets
from cacheadmin.verdicts import Verdict
from tests.cacheadmin.redis_engines import MINIMAL, engine_at
from tests.cacheadmin.waiting import wait_until
from tests.servers.redis import RedisServer

NewRedis = Callable[..., RedisServer]


@pytest.fixture
def server(new_redis: NewRedis) -> RedisServer:
    return new_redis(acl=[f"user site on >secret ~p:* {MINIMAL}"])


@pytest.fixture
def ours(server: RedisServer) -> RedisEngine:
    """As a user who may do what is needed, and nothing else."""
    return engine_at(server.url(username="site", password="secret"))


@pytest.mark.parametrize("timeout", [60, None])
def test_a_number_grows_and_shrinks(ours: RedisEngine, timeout: int | None) -> None:
    ours.set("p:n", 5, timeout)
    assert [ours.incr("p:n", delta) for delta in (1, 10, -20, 0)] == [6, 16, -4, -4]
    assert ours.get("p:n") == -4
    assert type(ours.get("p:n")) is int


def test_a_missing_key_stays_missing(ours: RedisEngine, server: RedisServer) -> None:
    assert ours.incr("p:none", 1) is MISSING
    with server.client() as client:
        assert client.exists("p:none") == 0
        assert list(client.scan_iter()) == []
        # What was tried on it was over before it began, and Redis soon sweeps it up.
        wait_until(lambda: client.dbsize() == 0, seconds=5)


def test_its_life_goes_on_as_it_was(ours: RedisEngine, server: RedisServer) -> None:
    ours.set("p:n", 1, 1000)
    with server.client() as client:
        client.pexpire("p:n", 400_000)
        ours.incr("p:n", 1)
        ours.incr("p:n", 1)
        assert 390_000 < client.pttl("p:n") <= 400_000


def test_an_entry_that_ends_between_two_increments_is_missing(ours: RedisEngine) -> None:
    ours.set("p:n", 1, 0.03)
    # The second leaves the watch of a third behind.
    ours.incr("p:n", 1)
    ours.incr("p:n", 1)
    time.sleep(0.04)
    assert ours.incr("p:n", 1) is MISSING
    assert ours.get("p:n") is MISSING


@pytest.mark.parametrize("value", ["text", ("a", 1), None, b"5", {"n": 5}])
def test_what_is_no_number_is_a_type_error_and_stays(ours: RedisEngine, value: Any) -> None:
    ours.set("p:n", value, 60)
    with pytest.raises(TypeError):
        ours.incr("p:n", 1)
    assert ours.get("p:n") == value
    # The connection is as good as before.
    ours.set("p:m", 1, 60)
    assert ours.incr("p:m", 1) == 2


@pytest.mark.parametrize("timeout", [60, None])
@pytest.mark.parametrize(
    ("value", "delta"),
    [
        (2**63 - 1, 1),
        (10**18 - 1, 1),
        (10**18 - 1, 10**18 - 1),
        (2**62, 2**62),
        (-(2**62), -(2**62)),
        (-(10**18) + 1, -1),
        (10**30, 5),
        (1, 10**30),
        (10**18, -1),
        (1.5, 1),
        (True, 1),
        (5, 0.5),
    ],
)
def test_sums_beyond_what_redis_reckons_with_are_right(
    ours: RedisEngine, value: Any, delta: Any, timeout: int | None
) -> None:
    ours.set("p:n", value, timeout)
    assert ours.incr("p:n", delta) == value + delta
    assert ours.get("p:n") == value + delta
    assert type(ours.get("p:n")) is type(value + delta)


@pytest.mark.parametrize(
    "planted", [b"007", b"-0", b"+5", b" 5", b"5 ", b"9" * 30, b"five", b"\xca\xce\x80\x00"]
)
def test_planted_digits_are_no_trouble(ours: RedisEngine, server: RedisServer, planted: bytes) -> None:
    with server.client() as client:
        client.set("p:n", planted)
    assert ours.incr("p:n", 1) in (MISSING, 8, 1)
    ours.set("p:n", 1, 60)
    assert ours.incr("p:n", 1) == 2


def test_increments_of_many_threads_are_all_counted(ours: RedisEngine) -> None:
    ours.set("p:hot", 0, 60)
    ours.set("p:eternal", 0, None)
    seen: list[int] = []

    def count() -> None:
        for _ in range(100):
            seen.append(ours.incr("p:hot", 1))
            ours.incr("p:eternal", 2)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(1, 801))
    assert ours.get("p:eternal") == 1600


def test_an_increment_and_a_set_do_not_lose_each_other(ours: RedisEngine) -> None:
    ours.set("p:n", 0, 60)
    ours.incr("p:n", 1)
    ours.incr("p:n", 1)
    # The connection watches the key now, and what it knows of it is out of date.
    ours.set("p:n", 100, 60)
    assert ours.incr("p:n", 1) == 101
    ours.delete("p:n")
    assert ours.incr("p:n", 1) is MISSING


def test_to_change_nothing_is_decided_by_what_is_so_now(ours: RedisEngine) -> None:
    def expect(known: Any) -> Callable[[Any], Any]:
        def change(old: Any) -> Any:
            assert old == known, "out of date"
            raise LookupError

        return change

    for number in range(5):
        # The connection that changed it twice watches it, and knows what it held then.
        for _ in range(2):
            ours.set("p:n", number, 60)
            ours.modify("p:n", lambda old: old + 1)
        ours.set("p:n", "something else", 60)
        with pytest.raises(LookupError):
            ours.modify("p:n", expect("something else"))
        ours.modify("p:n", lambda old: old)
        ours.delete("p:n")
        assert ours.modify("p:n", lambda old: old) is MISSING
        ours.set("p:n", 1, 60)
        assert ours.touch("p:n", 60) is True


def exchanges_of(ours: RedisEngine, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    sent: list[int] = []
    real = direct._Direct.exchange

    def exchange(self: Any, packet: bytes, count: int) -> list[Any]:
        sent.append(count)
        return real(self, packet, count)

    monkeypatch.setattr(direct._Direct, "exchange", exchange)
    return sent


def test_it_is_one_round_trip(ours: RedisEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    ours.set_many({f"p:{n}": (n, 60) for n in range(10)})
    ours.set("p:eternal", 1, None)
    ours.incr("p:none", 1)
    ours.incr("p:eternal", 1)
    sent = exchanges_of(ours, monkeypatch)
    assert [ours.incr(f"p:{n}", 1) for n in range(10)] == list(range(1, 11))
    assert ours.incr("p:none", 1) is MISSING
    assert sent == [5] * 11
    sent.clear()
    # A number without an end is written with its stamp: two round trips, and not three.
    assert ours.incr("p:eternal", 1) == 3
    assert sent == [2, 3]


def test_what_was_tried_on_a_missing_key_nobody_can_see(ours: RedisEngine, server: RedisServer) -> None:
    with server.client() as client:
        for number in range(50):
            key = f"p:{number}"
            assert ours.incr(key, 1) is MISSING
            assert (client.exists(key), client.get(key)) == (0, None)
            assert ours.get(key) is MISSING
            assert ours.add(key, 7, 60) is True
            assert ours.incr(key, 1) == 8
            assert client.ttl(key) in (59, 60)


def test_a_server_that_counts_where_nothing_is_is_asked_the_longer_way(
    ours: RedisEngine, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_the_trick(name: bytes, delta: int) -> bytes:
        absent = packets.pack(b"SET", b"p:elsewhere", b"", b"NX", b"PXAT", b"1")
        return packets.watch(name) + absent + packets.MULTI + packets.increase(name, delta) + packets.EXEC

    ours.set("p:n", 1, 60)
    monkeypatch.setattr(packets, "increase_if_there", without_the_trick)
    # It is found out before anything is counted ...
    assert ours.incr("p:none", 1) is MISSING
    assert ours.incr("p:n", 1) == 2
    with server.client() as client:
        assert set(client.scan_iter()) <= {b"p:n", b"p:elsewhere"}
    # ... and if the server becomes another later, at once.
    ours._wire._adds_at_once = True  # type: ignore[attr-defined]
    assert ours.incr("p:none", 1) is MISSING
    assert ours._wire._adds_at_once is False  # type: ignore[attr-defined]
    with server.client() as client:
        assert client.exists("p:none") == 0


def test_without_the_permission_it_is_said(new_redis: NewRedis) -> None:
    server = new_redis(acl=[f"user site on >secret ~p:* {MINIMAL} -incrby"])
    ours = engine_at(server.url(username="site", password="secret"))
    ours.set("p:n", 1, 60)
    with pytest.raises(EngineUnavailable) as refused:
        ours.incr("p:n", 1)
    assert refused.value.verdict is Verdict.NO_PERMISSION
    assert ours.get("p:n") == 1


def test_a_full_memory_is_told_and_nothing_is_changed(new_redis: NewRedis) -> None:
    server = new_redis(options=("maxmemory-policy", "noeviction"))
    ours = engine_at(server.url())
    ours.set("p:n", 1, 60)
    with server.client() as client:
        client.set("big", "x" * 3_000_000)
        client.config_set("maxmemory", "2mb")
    with pytest.raises(EngineUnavailable) as full:
        ours.incr("p:n", 1)
    assert full.value.verdict is Verdict.OUT_OF_MEMORY
    assert ours.get("p:n") == 1
