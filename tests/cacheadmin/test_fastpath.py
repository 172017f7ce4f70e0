"""What a handle remembers between operations never outlives what it was seen in."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.core.cache.backends.base import CacheKeyWarning
from pytest_django import Settings

from cacheadmin import fastpath, shared
from cacheadmin.backend import AdaptiveCache
from tests.cacheadmin.conftest import CacheMaker, WorkerMaker
from tests.servers.redis import RedisServer

tenant = "first"


def by_tenant(key: str, prefix: str, version: int) -> str:
    return f"{tenant}:{prefix}:{version}:{key}"


def test_a_second_operation_asks_nobody(cache: AdaptiveCache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.set("a", 1)
    # The key of the first was made while it was still being found out what is live.
    cache.get("a")
    with monkeypatch.context() as forbidden:
        forbidden.setattr(cache.space, "run", None)
        forbidden.setattr(cache, "make_key", None)
        assert cache.get("a") == 1
        cache.set("a", 2)
        assert (cache.get("a"), cache.incr("a"), cache.touch("a"), cache.add("a", 5)) == (2, 3, True, False)
        assert cache.delete("a") is True
        assert cache.get("a") is None


def test_what_is_remembered_ends_with_a_clear(cache: AdaptiveCache) -> None:
    for number in range(3):
        cache.set("content:a", number)
        assert cache.get("content:a") == number
        cache.clear_groups(["content"])
        assert cache.get("content:a") is None


def test_handles_of_other_versions_remember_apart(new_cache: CacheMaker, settings: Settings) -> None:
    first = new_cache("memory", KEY_PREFIX="p")
    entry = settings.CACHES["default"]
    second = AdaptiveCache(entry["LOCATION"], {**entry, "VERSION": 2})
    assert first.space is second.space
    for _ in range(2):
        first.set("a", "one")
        second.set("a", "two")
        assert (first.get("a"), second.get("a")) == ("one", "two")
        assert (first.get("a", version=2), second.get("a", version=1)) == ("two", "one")


def test_a_key_function_is_asked_each_time(new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = new_cache("memory", KEY_FUNCTION=f"{__name__}.by_tenant")
    for _ in range(3):
        cache.set("a", "of the first")
    monkeypatch.setattr(f"{__name__}.tenant", "second")
    assert cache.get("a") is None


@pytest.mark.parametrize(
    ("name", "other"), [("key_prefix", "second"), ("version", 2), ("key_func", by_tenant)]
)
def test_a_handle_that_is_changed_makes_other_keys_at_once(
    new_cache: CacheMaker, name: str, other: object
) -> None:
    cache = new_cache("memory", KEY_PREFIX="first")
    before = getattr(cache, name)
    for _ in range(2):
        cache.set("a", "of the first")
        assert cache.get("a") == "of the first"
    setattr(cache, name, other)
    assert cache.get("a") is None
    cache.set("a", "of the second")
    assert cache.get("a") == "of the second"
    setattr(cache, name, before)
    assert cache.get("a") == "of the first"


def test_a_subclass_with_keys_of_its_own_is_asked_each_time(
    new_cache: CacheMaker, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OfTenants(AdaptiveCache):
        def make_key(self, key: str, version: int | None = None) -> str:
            return super().make_key(f"{tenant}-{key}", version)

    new_cache("memory", KEY_PREFIX="p")
    entry = settings.CACHES["default"]
    cache = OfTenants(entry["LOCATION"], entry)
    for _ in range(2):
        cache.set("a", "of the first")
        assert cache.get("a") == "of the first"
    monkeypatch.setitem(globals(), "tenant", "second")
    assert cache.get("a") is None


def test_a_prefix_for_each_of_many_tenants_does_not_grow_without_end(new_cache: CacheMaker) -> None:
    cache = new_cache("memory")
    for number in range(200):
        cache.key_prefix = f"tenant{number}"
        cache.set("a", number)
        assert cache.get("a") == number
    assert len(cache.space._fast_paths) <= 64


def test_keys_that_are_no_text_are_told_apart_as_django_does(engine: str) -> None:
    cache: Any = caches["default"]
    for _ in range(2):
        cache.set(1, "one")
        cache.set(True, "true")
        cache.set(("a",), "pair")
        assert [cache.get(key) for key in (1, True, "1", "True")] == ["one", "true", "one", "true"]
        assert cache.get(("a",)) == cache.get("('a',)") == "pair"
        # A list is not hashable, and a key all the same.
        assert cache.get(["a"]) is None


def test_a_doubtful_key_is_complained_of_each_time(cache: AdaptiveCache) -> None:
    for _ in range(3):
        with pytest.warns(CacheKeyWarning):
            cache.set("with space", 1)


def test_only_so_many_keys_are_remembered(new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastpath, "_MOST_KEYS", 10)
    cache = new_cache("memory")
    for number in range(100):
        cache.set(f"a{number}", number)
    assert len(cache._fast.known[3]) <= 10
    assert cache.get("a99") == 99


def test_while_somebody_changes_the_words_nothing_is_remembered(new_cache: CacheMaker) -> None:
    cache = new_cache("file")
    cache.set("a", 1)
    words = cache.space.selector.words
    with words.change():
        assert words.read(shared.EPOCH) & 1
        assert cache.get("a") == 1
        assert cache._fast.renew() is fastpath._NOTHING
    assert not words.read(shared.EPOCH) & 1
    assert cache.get("a") == 1
    assert cache._fast.renew() is cache._fast.known


def test_a_writer_killed_in_the_middle_of_a_change_does_no_harm(
    new_cache: CacheMaker, new_worker: WorkerMaker
) -> None:
    worker = new_worker("file")
    worker("cache.set('a', 1)")
    words = worker(
        "(cache.space.selector.words.cells.__setitem__(8, cache.space.selector.words.cells[8] | 1))"
    )
    assert words is None
    assert worker("cache.get('a')") == 1
    worker("__import__('cacheadmin.upkeep').upkeep.tick()")
    assert worker("cache.space.selector.words.read(8) & 1") == 0
    assert worker("cache.get('a')") == 1


def test_when_the_directory_is_removed_the_workers_find_each_other_again(new_worker: WorkerMaker) -> None:
    first, second = new_worker("file"), new_worker("file")
    first("cache.set('a', 1)")
    assert second("cache.get('a')") == 1
    directory = Path(first("str(cache.space.identity.directory)"))
    shutil.rmtree(directory)
    for worker in (first, second):
        assert worker("cache.get('a')") is None
        worker("__import__('cacheadmin.upkeep').upkeep.tick()")
    # Who read from a directory a moment ago looks after a second whether it is still the one.
    time.sleep(1.1)
    first("cache.set('a', 2)")
    assert second("cache.get('a')") == 2
    second("cache.clear()")
    assert first("cache.get('a')") is None
    third = new_worker("file")
    first("cache.set('a', 3)")
    assert third("cache.get('a')") == 3
    third("cache.clear()")
    assert first("cache.get('a')") is None


def test_a_new_machine_takes_part_in_what_a_shared_redis_holds(
    new_cache: CacheMaker, redis_server: RedisServer, tmp_path: Path
) -> None:
    old = new_cache("redis", location=redis_server.url(), KEY_PREFIX="cluster")
    old.set("content:a", 1)
    new = new_cache(
        "redis",
        location=redis_server.url(),
        KEY_PREFIX="cluster",
        DIRECTORY=str(tmp_path / "another machine"),
    )
    assert new.space is not old.space
    assert new.get("content:a") == 1
    new.clear_groups(["content"])
    old.space._synced = 0
    old.space.sync()
    assert old.get("content:a") is None
    assert caches["default"] is new


@pytest.mark.parametrize("change", ["delete", "set", "delete_many"])
def test_a_change_that_meets_a_switch_is_made_again_whichever_thread_has_noticed_it(
    new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    cache = new_cache("file")
    cache.set("a", "old")
    cache.get("a")
    engine, name = cache.space.engine(), "set" if change == "set" else change
    real = getattr(engine, name)

    def meet(*args: Any) -> Any:
        result = real(*args)
        monkeypatch.setattr(engine, name, real)
        # Another thread begins anew, and keeps what it had read from the database before.
        cache.clear_groups(["other"])
        cache.add("a", "old")
        return result

    monkeypatch.setattr(engine, name, meet)
    getattr(cache, change)(*{"delete": ("a",), "set": ("a", "new"), "delete_many": (["a"],)}[change])
    assert cache.get("a") == ("new" if change == "set" else None)
