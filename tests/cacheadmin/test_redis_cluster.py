"""A real Redis Cluster: each key on its node, one round trip for each node, and a node that dies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django_redis import get_redis_connection
from redis.exceptions import MovedError

from cacheadmin.backend import AdaptiveCache
from cacheadmin.detect import examine
from cacheadmin.engines.base import MISSING, EngineUnavailable
from cacheadmin.engines.redis import RedisEngine, forks
from cacheadmin.engines.redis.wire import ServerWire
from cacheadmin.holdings import holdings
from cacheadmin.verdicts import Verdict
from tests.cacheadmin.redis_engines import MINIMAL, Counted, engine_at, wire_of
from tests.cacheadmin.waiting import Stopwatch, wait_until
from tests.servers.redis import RedisServer
from tests.servers.redis_many import RedisCluster

CacheMaker = Callable[..., AdaptiveCache]
SLOTS = 16384


@pytest.fixture(scope="module")
def cluster_of_this_file() -> Iterator[RedisCluster]:
    with RedisCluster(
        password="p@ss,w:rd", acl=(f"user site on >secret ~p:* {MINIMAL} +cluster|slots +asking",)
    ) as cluster:
        yield cluster


@pytest.fixture
def cluster(cluster_of_this_file: RedisCluster) -> RedisCluster:
    """A Cluster that nobody harms."""
    cluster_of_this_file.flush()
    return cluster_of_this_file


@pytest.fixture
def ours(cluster: RedisCluster) -> RedisEngine:
    return engine_at(cluster.url())


def test_a_cluster_is_found_by_any_of_its_nodes(cluster: RedisCluster) -> None:
    assert examine(cluster.url()).verdict is Verdict.FOUND
    assert examine(
        f"redis+cluster://:p%40ss%2Cw%3Ard@127.0.0.1:1,127.0.0.1:{cluster.masters[2].port}"
    ).is_usable
    assert examine(cluster.url(password="wrong")).verdict is Verdict.WRONG_PASSWORD


def test_what_is_no_cluster_and_what_is_one_are_told_apart(
    cluster: RedisCluster, redis_server: RedisServer
) -> None:
    assert examine(f"redis+cluster://127.0.0.1:{redis_server.port}").verdict is Verdict.NOT_CLUSTER
    verdicts = {examine(node.url()).verdict for node in cluster.masters for _ in range(3)}
    assert Verdict.IS_CLUSTER in verdicts
    assert examine(cluster.nodes[0].url(1)).verdict is Verdict.IS_CLUSTER
    assert examine("redis+cluster://127.0.0.1:1/1").verdict is Verdict.BAD_ADDRESS


def test_the_whole_contract_holds_on_a_cluster(cluster: RedisCluster, ours: RedisEngine) -> None:
    keys = [f"p:{number}" for number in range(60)]
    assert {cluster.owner(key).port for key in keys} == {node.port for node in cluster.masters}
    for number, key in enumerate(keys):
        ours.set(key, number, 60)
        assert ours.add(key, 0, 60) is False
        assert ours.incr(key, 100) == number + 100
        assert ours.modify(key, lambda old: (old,)) == (number + 100,)
        assert ours.touch(key, 30) is True
        assert 29 < ours.remaining(key) <= 30
        assert ours.get(key) == (number + 100,)
    assert sorted(ours.names()) == sorted(keys)
    assert ours.get_many([*keys, "p:none"]) == {key: (n + 100,) for n, key in enumerate(keys)}
    ours.delete_many(keys[:50])
    assert all(ours.delete(key) for key in keys[50:])
    assert list(ours.names()) == []
    assert ours.incr("p:none", 1) is MISSING
    ours.write_number("p:generation:a", 5)
    assert ours.read_numbers(["p:generation:a", "p:generation:b"]) == [5, None]


def test_many_keys_are_one_round_trip_for_each_node(
    cluster: RedisCluster, ours: RedisEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cacheadmin.engines.redis import direct

    ours.probe()
    exchanges: list[int] = []
    real = direct._Direct.exchange

    def exchange(self: Any, packet: bytes, count: int) -> list[Any]:
        exchanges.append(self.port)
        return real(self, packet, count)

    monkeypatch.setattr(direct._Direct, "exchange", exchange)
    keys = [f"p:{number}" for number in range(100)]
    ports = sorted(node.port for node in cluster.masters)
    for operation in (
        lambda: ours.set_many(dict.fromkeys(keys, (1, 60))),
        lambda: ours.get_many(keys),
        lambda: ours.delete_many(keys),
    ):
        exchanges.clear()
        operation()
        assert sorted(exchanges) == ports


def test_increments_of_many_threads_are_all_counted(ours: RedisEngine) -> None:
    ours.set("p:n", 0, 60)

    def count() -> None:
        for _ in range(50):
            ours.incr("p:n", 1)

    threads = [threading.Thread(target=count) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ours.get("p:n") == 300


def test_a_minimal_acl_with_a_pattern_of_keys_is_enough(cluster: RedisCluster, new_cache: CacheMaker) -> None:
    address = cluster.url(username="site", password="secret")
    assert examine(address, "p").verdict is Verdict.FOUND
    assert examine(address, "other").verdict is Verdict.NO_PERMISSION
    cache = new_cache("redis", location=address, KEY_PREFIX="p")
    with Counted(*cluster.masters) as seen:
        cache.set_many({str(number): number for number in range(10)}, 60)
        assert cache.incr("5") == 6
        cache.clear()
    assert cache.get("5") is None
    assert cache.space.selector.status().engine == "redis"
    assert not {"scan", "keys", "flushdb", "flushall", "eval"} & seen.commands.keys()


def test_what_others_keep_survives_a_clear(cluster: RedisCluster, new_cache: CacheMaker) -> None:
    cache = new_cache("redis", location=cluster.url())
    cache.set("a", 1)
    client = get_redis_connection("default")
    for number in range(20):
        client.set(f"foreign:{number}", number)
    cache.clear()
    assert cache.get("a") is None
    assert [int(client.get(f"foreign:{number}")) for number in range(20)] == list(range(20))


def move(cluster: RedisCluster, key: str, source: RedisServer, target: RedisServer) -> Iterator[None]:
    """Move the slot of *key*, step by step: at the first stop it is on its way, at the second it is there."""
    slot = cluster.ask(source, "CLUSTER", "KEYSLOT", key)
    ids = [cluster.ask(node, "CLUSTER MYID") for node in (source, target)]
    cluster.ask(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0])
    cluster.ask(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", ids[1])
    names = cluster.ask(source, "CLUSTER", "GETKEYSINSLOT", slot, 100)
    login = ("AUTH", cluster.password)
    for name in names:
        cluster.ask(source, "MIGRATE", "127.0.0.1", target.port, name, 0, 1000, *login)
    yield
    for node in cluster.masters:
        cluster.ask(node, "CLUSTER", "SETSLOT", slot, "NODE", ids[1])
    yield


def test_what_is_held_is_that_of_all_nodes(cluster: RedisCluster, new_cache: CacheMaker) -> None:
    cache = new_cache("redis", location=cluster.url())
    cache.set_many({f"content:{number}": "x" * 500 for number in range(60)})
    found = holdings()
    assert (found.entries, found.is_complete) == (60, True)
    assert found.size is not None
    assert 60 * 500 < found.size < 60 * 900
    assert found.server is not None
    assert found.server.missing == ()
    with_all = [node.client() for node in cluster.masters]
    assert found.server.keys == sum(client.dbsize() for client in with_all)
    # Of a single node it would be a third of that.
    used = sum(client.info("memory")["used_memory"] for client in with_all)
    assert found.server.used_memory == pytest.approx(used, rel=0.3)
    assert (found.server.max_memory, found.server.foreign_keys) == (0, 0)


def test_a_key_is_followed_where_it_moves(cluster: RedisCluster, ours: RedisEngine) -> None:
    key = "p:moves"
    ours.set(key, 1, 60)
    source = cluster.owner(key)
    target = next(node for node in cluster.masters if node is not source)

    def use() -> None:
        before = ours.get(key)
        assert ours.incr(key, 1) == before + 1
        assert ours.modify(key, lambda old: old + 1) == before + 2
        assert ours.touch(key, 60) is True
        assert ours.get_many([key]) == {key: before + 2}
        ours.set(key, before + 3, 60)
        assert ours.get(key) == before + 3

    for _ in move(cluster, key, source, target):
        # On its way: ASK. There: MOVED, and known from then on.
        use()
    with Counted(source) as seen:
        use()
    assert seen.commands == {}
    for _ in move(cluster, key, target, source):
        use()


def test_after_a_fork_nothing_of_the_parent_is_left(ours: RedisEngine) -> None:
    ours.set("p:a", 1, 60)
    raw = ours.client
    forks._after_fork()
    assert ours.get("p:a") == 1
    assert ours.client is not raw


def test_each_node_is_probed(cluster: RedisCluster, ours: RedisEngine) -> None:
    for node in cluster.masters:
        with Counted(node) as seen:
            ours.probe()
        assert seen.commands["set"] >= 2


def test_a_dead_node_is_told_and_its_replica_takes_over(new_cache: CacheMaker) -> None:
    with RedisCluster() as cluster:
        ours = engine_at(cluster.url())
        keys = [f"p:{number}" for number in range(30)]
        ours.set_many({key: (key, None) for key in keys})
        cache = new_cache("redis", location=cluster.url())
        cache.set("a", 1)
        dead = cluster.masters[0]
        lost = next(key for key in keys if cluster.owner(key) is dead)
        dead.kill()
        with Stopwatch() as watch, pytest.raises(EngineUnavailable) as failed:
            ours.get(lost)
        assert failed.value.verdict is Verdict.INCOMPLETE
        with pytest.raises(EngineUnavailable):
            ours.probe()
        assert watch.seconds < 1
        # Not found as long as a part is away: the cache would go to and fro between two engines.
        assert examine(cluster.url()).verdict is Verdict.INCOMPLETE
        for number in range(30):
            cache.set(str(number), number)
            assert cache.get(str(number)) == number
        assert cache.space.selector.status().engine == "file"
        wait_until(lambda: examine(cluster.url()).is_usable, seconds=15)
        assert ours.get(lost) == lost
        assert ours.get_many(keys) == {key: key for key in keys}
        wait_until(lambda: cache.space.selector.status().engine == "redis", seconds=5)


def test_nobody_there_is_refused_and_silence_is_bounded(cluster: RedisCluster) -> None:
    assert examine("redis+cluster://127.0.0.1:1,127.0.0.1:2").verdict is Verdict.REFUSED
    ours = engine_at(cluster.url(), timeout=0.2)
    ours.get("p:a")
    for node in cluster.nodes:
        node.pause()
    try:
        with Stopwatch() as watch, pytest.raises(EngineUnavailable) as late:
            ours.get("p:a")
        assert late.value.verdict is Verdict.TIMED_OUT
        with pytest.raises(EngineUnavailable):
            ours.get("p:a")
        assert watch.seconds < 1.5
    finally:
        for node in cluster.nodes:
            node.resume()
    cluster.wait_until_whole()
    wait_until(lambda: examine(cluster.url()).is_usable, seconds=10)


def test_a_slot_that_nobody_has_is_told(ours: RedisEngine) -> None:
    ours.get("p:a")
    wire = wire_of(ours)
    wire._owners = [None] * SLOTS
    with pytest.raises(EngineUnavailable) as failed:
        ours.get("p:a")
    assert failed.value.verdict is Verdict.INCOMPLETE
    # The next one looks again.
    assert ours.get("p:a") is MISSING


def test_a_key_that_never_stands_still_is_given_up(
    ours: RedisEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours.get("p:a")

    def moved(*_: Any, **__: Any) -> Any:
        raise MovedError(f"1 127.0.0.1:{wire_of(ours)._seeds[0][1]}")

    monkeypatch.setattr(ServerWire, "ask", moved)
    monkeypatch.setattr(ServerWire, "transact", moved)
    monkeypatch.setattr(ServerWire, "ask_each", lambda wire, requests: [_value(moved) for _ in requests])
    for operation in (lambda: ours.get("p:a"), lambda: ours.touch("p:a", 5), lambda: ours.get_many(["p:a"])):
        with pytest.raises(EngineUnavailable) as given_up:
            operation()
        assert given_up.value.verdict is Verdict.INCOMPLETE


def _value(raises: Callable[[], Any]) -> Exception:
    with pytest.raises(MovedError) as raised:
        raises()
    return raised.value


def test_errors_of_single_keys_are_told(ours: RedisEngine, cluster: RedisCluster) -> None:
    for node in cluster.masters:
        cluster.ask(node, "CONFIG", "SET", "maxmemory-policy", "noeviction")
        cluster.ask(node, "CONFIG", "SET", "maxmemory", "1")
    try:
        with pytest.raises(EngineUnavailable) as full:
            ours.set_many({f"p:{number}": (number, 60) for number in range(9)})
        assert full.value.verdict is Verdict.OUT_OF_MEMORY
    finally:
        for node in cluster.masters:
            cluster.ask(node, "CONFIG", "SET", "maxmemory", "0")
    name = "p:foreign"
    with cluster.owner(name).client() as client:
        client.rpush(name, "foreign")
    assert ours.get_many([name]) == {}


def test_the_raw_connection_to_a_lost_cluster_is_told() -> None:
    ours = engine_at("redis+cluster://127.0.0.1:1")
    with pytest.raises(EngineUnavailable):
        _ = ours.client
