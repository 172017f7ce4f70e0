"""What one process has of a cache: one space for all its handles, and what it does when things fail."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType

import pytest

from cacheadmin import snapshot, space, state
from cacheadmin.backend import AdaptiveCache
from cacheadmin.engines.base import Engine, EngineUnavailable
from cacheadmin.models import Generation
from cacheadmin.verdicts import Verdict
from tests.cacheadmin.waiting import held_elsewhere
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]


def test_threads_that_come_at_once_get_one_space(new_cache: CacheMaker) -> None:
    identity = new_cache("memory").space.identity
    space.forget()
    with ThreadPoolExecutor(2) as threads:
        with held_elsewhere(space._registry_lock):
            found = [threads.submit(space.of, identity) for _ in range(2)]
        first, second = (one.result(30) for one in found)
    assert first is second
    assert space.of(identity) is first


def test_a_child_waits_for_no_thread_of_its_parent(new_cache: CacheMaker) -> None:
    cache = new_cache("file")
    cache.set("a", 1)
    here = cache.space
    # What a fork does in the child, where the threads that hold these do not exist.
    with held_elsewhere(here._lock), held_elsewhere(space._registry_lock):
        space._after_fork()
        with ThreadPoolExecutor(1) as threads:
            threads.submit(here.publish_changes).result(30)
            assert threads.submit(space.every).result(30) == [here]
    assert cache.get("a") == 1


def test_nothing_takes_the_place_of_memory(new_cache: CacheMaker) -> None:
    cache = new_cache("memory")

    def fail(_engine: Engine) -> None:
        raise EngineUnavailable(Verdict.UNKNOWN)

    with pytest.raises(EngineUnavailable):
        cache.space.run(fail, "content")
    assert cache.space.selector.status().engine == "memory"


# --- What the machines tell each other by the database ---


@pytest.fixture
def lost(new_cache: CacheMaker, redis_server: RedisServer) -> AdaptiveCache:
    """A cache that has lost its Redis, and made a group void since."""
    cache = new_cache("redis", location=redis_server.url())
    cache.set("content:a", 1)
    redis_server.kill()
    assert cache.get("content:a") is None
    cache.clear_groups(["content"])
    return cache


@pytest.mark.django_db
def test_what_cannot_be_told_now_is_told_later_and_complained_of_once(
    lost: AdaptiveCache, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(space, "_complaints", set())
    with monkeypatch.context() as nowhere:
        nowhere.setattr(state, "_store", None)
        for _ in range(2):
            lost.space.publish_changes()
    assert [record.getMessage() for record in caplog.records if "Other machines" in record.message] == [
        "Other machines cannot be told of changes made without Redis (RuntimeError)."
    ]
    assert not Generation.objects.exists()
    lost.space.publish_changes()
    assert Generation.objects.get(namespace=lost.space.namespace, group="content").number
    Generation.objects.all().delete()
    lost.space.publish_changes()
    assert not Generation.objects.exists()


def test_only_what_is_told_of_this_cache_is_taken_over(new_cache: CacheMaker) -> None:
    cache = new_cache("memory")
    cache.set("content:a", 1)
    before = cache.space.token("content")
    number = time.time_ns() + 10**12

    def told(namespace: str) -> snapshot.Saved:
        return snapshot.Saved({}, generations=MappingProxyType({(namespace, "content"): number}))

    cache.space.follow(told(f"{cache.space.namespace}-of-somebody-else"))
    assert (cache.space.token("content"), cache.get("content:a")) == (before, 1)
    cache.space.follow(told(cache.space.namespace))
    assert cache.space.token("content") != before
    assert cache.get("content:a") is None
