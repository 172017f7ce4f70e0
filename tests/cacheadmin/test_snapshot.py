"""A Redis that comes back from an older snapshot, so quickly that nobody noticed: nothing old is read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from pytest_django import Settings

from cacheadmin import pulse, shared
from cacheadmin.backend import AdaptiveCache
from cacheadmin.engines.redis.engine import RedisEngine
from cacheadmin.signals import cache_event
from tests.cacheadmin.conftest import WorkerMaker
from tests.cacheadmin.redis_engines import MINIMAL, Counted, kick_everybody
from tests.cacheadmin.waiting import wait_until
from tests.servers.redis import RedisServer
from tests.servers.redis_many import RedisCluster

CacheMaker = Callable[..., AdaptiveCache]
RedisMaker = Callable[..., RedisServer]


@pytest.fixture
def restored() -> Iterator[list[str]]:
    """What is told of a Redis that came back."""
    seen: list[str] = []

    def receive(**event: Any) -> None:
        if event["kind"] == "restored":
            seen.append(event["detail"])

    cache_event.connect(receive)
    yield seen
    cache_event.disconnect(receive)


@pytest.fixture
def server(new_redis: RedisMaker) -> RedisServer:
    """A Redis of its own: it keeps what it has saved."""
    return new_redis()


@pytest.fixture
def live(new_cache: CacheMaker, server: RedisServer) -> AdaptiveCache:
    cache = new_cache("redis", location=server.url())
    cache.set("price", "old")
    cache.set("content:price", "old")
    return cache


def save(server: RedisServer) -> None:
    """Have *server* write its snapshot."""
    with server.client() as client:
        client.save()


def a_second_passes(cache: AdaptiveCache) -> None:
    """What the next request does, a second later."""
    words, space = cache.space.selector.words, cache.space
    for number in range(4):
        name = f"{space.namespace}:pulse:{words.read(shared.MACHINE):x}:{number}"
        if ("", name) in words._offsets:
            with words.lock():
                words.cells[words.generation_cell("", name)] = 0
    space._synced = float("-inf")
    space.sync()


def go_back(server: RedisServer) -> None:
    """Killed, and there again with its snapshot before anybody could have asked."""
    server.kill()
    server.start()


READS: dict[str, Callable[[AdaptiveCache], Any]] = {
    "get": lambda cache: cache.get("price"),
    "get_many": lambda cache: cache.get_many(["price"]).get("price"),
    "add": lambda cache: None if cache.add("price", "new") else cache.get("price"),
    "incr": lambda cache: cache.get("price"),
}


@pytest.mark.parametrize("name", READS)
def test_nothing_is_read_that_was_changed_since(
    live: AdaptiveCache, server: RedisServer, name: str, restored: list[str]
) -> None:
    save(server)
    a_second_passes(live)
    live.set("price", "new")
    go_back(server)
    assert READS[name](live) in (None, "new")
    assert live.get("content:price") is None
    assert live.space.selector.status().engine == "redis"
    assert restored == ["redis"]
    live.set("price", "newer")
    a_second_passes(live)
    assert live.get("price") == "newer"
    assert restored == ["redis"]


def test_whatever_a_thread_asks_first(live: AdaptiveCache, server: RedisServer) -> None:
    save(server)
    a_second_passes(live)
    live.set("price", "new")
    go_back(server)
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(live.get("price"))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) <= {None, "new"}


@pytest.mark.parametrize("name", ["get", "get_many"])
def test_another_thread_that_finds_out_meanwhile_makes_nobody_believe_what_was_read_before(
    live: AdaptiveCache, server: RedisServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    save(server)
    a_second_passes(live)
    live.set("price", "new")
    go_back(server)
    wire: Any = cast(RedisEngine, live.space.engine())._wire
    method = {"get": "ask", "get_many": "read_many"}[name]
    asked = getattr(wire, method)
    others: list[Any] = []

    def ask_while_somebody_else_does(*args: Any, **kwargs: Any) -> Any:
        answer = asked(*args, **kwargs)
        if not others:
            others.append("begun")
            others.append(live.get("price"))
        return answer

    monkeypatch.setattr(wire, method, ask_while_somebody_else_does)
    assert READS[name](live) is None
    assert others == ["begun", None]


def test_a_machine_notices_by_itself(new_worker: WorkerMaker, server: RedisServer, tmp_path: Path) -> None:
    here = new_worker("redis", location=server.url())
    there = new_worker("redis", location=server.url(), directory=tmp_path / "there")
    for worker in (here, there):
        worker("cache.set('price', 'old')")
    save(server)
    here("time.sleep(1.1)")
    for worker in (here, there):
        worker("from cacheadmin import upkeep")
        worker("upkeep.tick()")
    here("cache.set('price', 'new')")
    assert there("cache.get('price')") == "new"
    go_back(server)
    # Whichever asks first; the other may find the counter of the first as high as ever.
    assert here("cache.get('price')") is None
    assert there("cache.get('price')") is None
    tokens = "upkeep.tick() or cache.space.token('other')"
    wait_until(lambda: here(tokens) == there(tokens), seconds=5)
    there("cache.set('price', 'newer')")
    assert here("cache.get('price')") == "newer"


def test_workers_of_a_machine_notice_together(new_worker: WorkerMaker, server: RedisServer) -> None:
    one, other = (new_worker("redis", location=server.url()) for _ in range(2))
    for worker in (one, other):
        worker("cache.set('price', 'old')")
    save(server)
    one("time.sleep(1.1)")
    one("__import__('cacheadmin.upkeep').upkeep.tick()")
    one("cache.set('price', 'new')")
    go_back(server)
    assert other("cache.get('price')") is None
    assert one("cache.get('price')") is None


def test_a_redis_that_goes_back_behind_a_standing_connection_is_noticed_within_a_second(
    live: AdaptiveCache, server: RedisServer, restored: list[str]
) -> None:
    a_second_passes(live)
    with server.client() as client:
        (name,) = client.scan_iter(f"{live.space.namespace}:pulse:*")
        client.decr(name, 2)
    a_second_passes(live)
    assert (live.get("price"), restored) == (None, ["redis"])


def test_a_connection_that_had_to_be_renewed_is_no_restored_redis(
    live: AdaptiveCache, server: RedisServer, restored: list[str]
) -> None:
    live.set("count", 0)
    for _ in range(3):
        kick_everybody(server)
        assert live.get("price") == "old"
        kick_everybody(server)
        # Neither counted twice nor asked twice.
        live.incr("count")
        kick_everybody(server)
        assert live.add("price", "another") is False
        kick_everybody(server)
        assert live.delete("price") is True
        live.set("price", "old")
        a_second_passes(live)
    assert (live.get("count"), restored) == (3, [])


def test_whose_note_was_removed_begins_anew(live: AdaptiveCache, server: RedisServer) -> None:
    server.flush()
    a_second_passes(live)
    live.set("price", "new")
    a_second_passes(live)
    assert live.get("price") == "new"


@pytest.mark.parametrize("junk", ["text", "list"])
def test_what_stands_in_the_place_of_the_number_is_replaced(
    live: AdaptiveCache, server: RedisServer, junk: str
) -> None:
    with server.client() as client:
        (name,) = client.scan_iter(f"{live.space.namespace}:pulse:*")
        client.delete(name)
        client.set(name, "junk") if junk == "text" else client.lpush(name, "junk")
    a_second_passes(live)
    live.set("price", "new")
    a_second_passes(live)
    a_second_passes(live)
    assert (live.get("price"), live.space.selector.status().engine) == ("new", "redis")
    with server.client() as client:
        assert int(client.get(name) or 0) > 0


def test_it_is_written_once_a_second_by_one_worker(
    live: AdaptiveCache, server: RedisServer, settings: Settings
) -> None:
    a_second_passes(live)
    with server.client() as client:
        (name,) = client.scan_iter(f"{live.space.namespace}:pulse:*")
        before = int(client.get(name) or 0)
        # Others of this machine, who share its words.
        for _ in range(20):
            live.space._synced = float("-inf")
            live.space.sync()
        after = int(client.get(name) or 0)
        assert 0 < int(client.ttl(name)) <= 30 * 24 * 3600
    # Two, if this machine is so slow that a second has passed.
    assert after - before <= 2


def test_an_operation_over_a_standing_connection_asks_nothing_more(
    live: AdaptiveCache, server: RedisServer
) -> None:
    live.get("price")
    with Counted(server) as seen:
        for _ in range(5):
            live.get("price")
            live.set("price", 1)
    assert seen.commands == {"get": 5, "set": 5}


def test_the_minimal_rights_are_enough(
    new_cache: CacheMaker, new_redis: RedisMaker, restored: list[str]
) -> None:
    server = new_redis(acl=[f"user site on >secret ~site:* {MINIMAL}"])
    cache = new_cache("redis", location=server.url(username="site", password="secret"), KEY_PREFIX="site")
    cache.set("price", "old")
    save(server)
    a_second_passes(cache)
    cache.set("price", "new")
    go_back(server)
    assert cache.get("price") is None
    assert (cache.space.selector.status().engine, restored) == ("redis", ["redis"])


def test_of_a_cluster_each_node_has_its_own(new_cache: CacheMaker, restored: list[str]) -> None:
    with RedisCluster() as cluster:
        cache = new_cache("redis", location=cluster.url())
        cache.set("price", "old")
        a_second_passes(cache)
        words, space = cache.space.selector.words, cache.space
        engine: Any = space.engine()
        pulses = pulse.of(engine, words, space.namespace)
        assert len(pulses.cells) == len(cluster.masters)
        assert all(pulses.known.values())
        for node in cluster.masters:
            with node.client() as client:
                (name,) = client.scan_iter(f"{space.namespace}:pulse:*")
                client.decr(name)
            cache.set("price", "before")
            a_second_passes(cache)
            assert cache.get("price") is None
        assert restored == ["redis"] * len(cluster.masters)


def test_where_no_slot_is_left_for_it_it_goes_without(
    live: AdaptiveCache, new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "SLOTS", 64)
    words = live.space.selector.words
    for number in range(shared.SLOTS):
        words.generation_cell("others", str(number))
    words._offsets.clear()
    engine: Any = live.space.engine()
    assert pulse.of(engine, words, "a new prefix").cells == {}
    assert len(pulse.of(engine, words, live.space.namespace).cells) == 1
    a_second_passes(live)
    assert live.get("price") == "old"
