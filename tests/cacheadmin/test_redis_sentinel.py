"""Sentinels name the master; when it dies they name another, and the engine follows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import redis
from django_redis import get_redis_connection

from cacheadmin.backend import AdaptiveCache
from cacheadmin.detect import examine
from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.verdicts import Verdict
from tests.cacheadmin.redis_engines import engine_at
from tests.cacheadmin.waiting import wait_until
from tests.servers.redis import RedisServer
from tests.servers.redis_many import Sentinels

CacheMaker = Callable[..., AdaptiveCache]


@pytest.fixture
def sentinels() -> Iterator[Sentinels]:
    with Sentinels(password="m@ster/pw", sentinel_password="watch,men") as started:
        yield started


def test_the_master_is_found_by_its_name(sentinels: Sentinels, redis_server: RedisServer) -> None:
    found = examine(sentinels.url())
    assert found.verdict is Verdict.FOUND
    assert "pw" not in found.address
    assert "men" not in found.address
    assert examine(sentinels.url(name="nobody")).verdict is Verdict.NO_MASTER
    assert examine(sentinels.url(sentinel_password="wrong")).verdict is Verdict.WRONG_PASSWORD
    assert examine("redis+sentinel://127.0.0.1:1,127.0.0.1:2/mymaster/0").verdict is Verdict.REFUSED
    assert examine(sentinels.url().replace(":m%40ster%2Fpw@", "")).verdict is Verdict.NEEDS_PASSWORD
    # A server that is no Sentinel.
    assert examine(f"redis+sentinel://127.0.0.1:{redis_server.port}/mymaster/0").verdict is Verdict.ERROR


def test_a_dead_sentinel_is_passed_over_and_not_asked_first_again(sentinels: Sentinels) -> None:
    sentinels.stop_sentinel(0)
    ours = engine_at(sentinels.url())
    ours.set("p:a", 1, 60)
    assert ours.get("p:a") == 1
    manager = ours._wire._pool.sentinel_manager  # type: ignore[attr-defined]
    assert manager._hosts[0] == ("127.0.0.1", sentinels.ports[1])


def test_a_killed_master_is_an_outage_until_another_is_named(
    sentinels: Sentinels, new_cache: CacheMaker
) -> None:
    ours = engine_at(sentinels.url())
    ours.set("p:a", "kept", None)
    cache = new_cache("redis", location=sentinels.url())
    cache.set("price", "old", None)
    old = sentinels.master()
    with old.client() as client:
        # The replica has it as well.
        assert client.wait(1, 5000) == 1
    old.kill()
    with pytest.raises(EngineUnavailable) as failed:
        ours.get("p:a")
    assert failed.value.verdict is Verdict.REFUSED
    cache.set("price", "new", None)
    assert (cache.get("price"), cache.space.selector.status().engine) == ("new", "file")
    wait_until(lambda: examine(sentinels.url()).is_usable, seconds=15)
    assert sentinels.master() is not old
    assert ours.get("p:a") == "kept"
    wait_until(lambda: cache.space.selector.status().engine == "redis", seconds=5)
    assert cache.get("price") != "old"


def test_what_a_demoted_master_refuses_is_done_on_the_new_one(sentinels: Sentinels) -> None:
    # Four engines, so that four connections still lead to the old one.
    ours = [engine_at(sentinels.url(), timeout=0.25 + number / 1000) for number in range(4)]
    for engine in ours:
        engine.set("p:n", 1, 60)
        engine.incr("p:n", 0)
    first = sentinels.master()
    with sentinels._client(sentinels.ports[0]) as client:
        client.execute_command("SENTINEL", "FAILOVER", sentinels.name)

    def is_replica() -> bool:
        try:
            with first.client() as client:
                return bool(client.info("replication")["role"] == "slave")
        except redis.ConnectionError:
            # It shakes everybody off when it is told.
            return False

    wait_until(lambda: sentinels.master() is not first and is_replica(), seconds=20)
    ours[0].set("p:n", 5, 60)
    assert ours[1].incr("p:n", 1) == 6
    assert ours[2].modify("p:n", lambda old: old + 1) == 7
    assert ours[3].get_many(["p:n"]) == {"p:n": 7}
    with sentinels.master().client() as client:
        assert client.get("p:n") == b"7"


def test_a_master_that_refuses_while_it_is_still_named_is_an_outage(sentinels: Sentinels) -> None:
    ours = engine_at(sentinels.url())
    ours.set("p:n", 1, 60)
    ours.incr("p:none", 1)
    for operation in (
        lambda: ours.modify("p:n", lambda old: old + 1),
        lambda: ours.incr("p:n", 1),
        lambda: ours.set("p:n", 5, 60),
    ):
        with sentinels.master().client() as client:
            client.replicaof("127.0.0.1", "1")
        with pytest.raises(EngineUnavailable) as refused:
            operation()
        assert refused.value.verdict is Verdict.READ_ONLY
        with sentinels.master().client() as client:
            client.replicaof("NO", "ONE")
        wait_until(lambda: examine(sentinels.url()).is_usable, seconds=10)
    assert ours.get("p:n") == 1


def test_the_raw_connection_leads_to_the_master(sentinels: Sentinels, new_cache: CacheMaker) -> None:
    new_cache("redis", location=sentinels.url()).set("a", 1)
    client = get_redis_connection("default")
    client.set("raw", "value")
    with sentinels.master().client() as other:
        assert other.get("raw") == b"value"
