"""Two selectors on one directory stand for two workers of a machine: one decides, both follow."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cacheadmin import selector, shared, state
from cacheadmin.backend import AdaptiveCache
from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.plan import Code
from cacheadmin.selector import Selector
from cacheadmin.snapshot import SavedChoice
from cacheadmin.verdicts import Verdict
from tests.cacheadmin.conftest import nobodys_address
from tests.cacheadmin.waiting import held_elsewhere, wait_until
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]
Neighbour = Callable[[AdaptiveCache], Selector]


@pytest.fixture
def neighbour() -> Iterator[Neighbour]:
    """What another worker has for the same cache: ``neighbour(cache)``."""
    made: list[Selector] = []

    def make(cache: AdaptiveCache) -> Selector:
        identity = cache.space.identity
        made.append(Selector(identity.location, identity.directory, identity.choice))
        return made[-1]

    yield make
    for one in made:
        one.end()


def engine_of(cache: AdaptiveCache) -> str:
    return cache.space.selector.status().engine


def probers() -> int:
    return sum(thread.name == "cacheadmin-prober" for thread in threading.enumerate())


def test_a_fresh_decision_is_taken_over_without_looking(
    new_cache: CacheMaker, redis_server: RedisServer, neighbour: Neighbour
) -> None:
    cache = new_cache("redis", location=redis_server.url())
    cache.set("a", 1)
    redis_server.kill()
    # It would see at once that nobody is there; but another one has looked a moment ago.
    assert neighbour(cache).live() == Code.REDIS
    assert cache.get("a") is None


def test_an_old_decision_is_looked_at_again_and_kept_if_it_still_holds(
    new_cache: CacheMaker, redis_server: RedisServer, neighbour: Neighbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = new_cache("redis", location=redis_server.url())
    cache.set("a", 1)
    monkeypatch.setattr("cacheadmin.selector._FRESH", 0)
    assert neighbour(cache).live() == Code.REDIS
    assert cache.get("a") == 1
    redis_server.kill()
    late = neighbour(cache)
    assert late.live() == Code.FILE
    assert late.is_degraded
    assert engine_of(cache) == "file"


def test_one_bad_look_of_a_newcomer_takes_nobody_off_redis(
    new_cache: CacheMaker, redis_server: RedisServer, neighbour: Neighbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = new_cache("redis", location=redis_server.url())
    cache.set("a", 1)
    monkeypatch.setattr("cacheadmin.selector._FRESH", 0)
    # As on a machine that is too busy with starting workers: no answer within the time of a look.
    monkeypatch.setattr("cacheadmin.detect._LONGEST", 0.0)
    assert neighbour(cache).live() == Code.REDIS
    assert (engine_of(cache), cache.space.selector.is_degraded) == ("redis", False)
    assert cache.get("a") == 1
    redis_server.pause()
    # And where Redis does not answer as it would have to answer any operation, that is a loss.
    assert neighbour(cache).live() == Code.FILE
    assert cache.space.selector.is_degraded


def test_a_redis_that_appears_is_adopted_by_auto_when_the_next_worker_starts(
    new_cache: CacheMaker, redis_server: RedisServer, neighbour: Neighbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cacheadmin.selector._FRESH", 0)
    monkeypatch.setattr("cacheadmin.detect.LOCALHOST", "")
    redis_server.kill()
    cache = new_cache("auto", location=redis_server.url())
    cache.set("a", 1)
    assert (engine_of(cache), cache.space.selector.is_degraded) == ("file", False)
    redis_server.start()
    assert neighbour(cache).live() == Code.REDIS
    assert (engine_of(cache), cache.get("a")) == ("redis", None)


def test_auto_remembers_which_of_its_addresses_it_is_on(
    new_cache: CacheMaker,
    redis_server: RedisServer,
    new_redis: Callable[..., RedisServer],
    neighbour: Neighbour,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    second = new_redis()
    monkeypatch.setattr("cacheadmin.selector._FRESH", 0)
    monkeypatch.setenv("REDIS_URL", second.url())
    cache = new_cache("auto", location=redis_server.url())
    cache.set("a", 1)
    assert cache.space.selector.address() == redis_server.url()
    redis_server.kill()
    # A worker that starts now finds the other one, and all move there.
    neighbour(cache).live()
    cache.set("a", 2)
    assert (engine_of(cache), cache.space.selector.address()) == ("redis", second.url())
    assert cache.get("a") == 2


def test_of_two_workers_one_asks_for_a_lost_redis(
    new_cache: CacheMaker, redis_server: RedisServer, neighbour: Neighbour
) -> None:
    cache = new_cache("redis", location=redis_server.url())
    cache.set("a", 1)
    other = neighbour(cache)
    other.live()
    redis_server.pause()
    cache.get("a")
    wait_until(lambda: cache.space.selector._only_prober._descriptor is not None, seconds=2)
    other.watch()
    assert other._prober is not None
    other._prober.join(1)
    assert not other._prober.is_alive()
    assert other._only_prober._descriptor is None
    redis_server.resume()
    wait_until(lambda: engine_of(cache) == "redis", seconds=5)
    wait_until(lambda: probers() == 0, seconds=2)


def test_it_asks_until_somebody_answers(new_cache: CacheMaker, redis_server: RedisServer) -> None:
    cache = new_cache("redis", location=redis_server.url())
    cache.set("a", 1)
    redis_server.kill()
    cache.get("a")
    with pytest.raises(AssertionError, match="still not so"):
        wait_until(lambda: engine_of(cache) == "redis", seconds=1.2)
    redis_server.start()
    wait_until(lambda: engine_of(cache) == "redis", seconds=2)


def test_nobody_asks_for_a_cache_that_is_no_longer_used(
    new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    cache = new_cache("redis", location=redis_server.url())
    cache.set("a", 1)
    redis_server.kill()
    cache.get("a")
    assert probers() == 1
    # Other settings: everything of the old ones is dropped.
    new_cache("memory")
    wait_until(lambda: probers() == 0, seconds=2)
    cache.space.selector.watch()
    assert probers() == 0


def test_where_the_lock_of_the_asking_cannot_be_had_everybody_asks(
    new_cache: CacheMaker, redis_server: RedisServer, tmp_path: Path
) -> None:
    cache = new_cache("redis", location=redis_server.url())
    cache.set("a", 1)
    words = cache.space.selector.words
    words.path.with_name(f"{words.path.name}.prober").mkdir()
    redis_server.pause()
    cache.get("a")
    redis_server.resume()
    wait_until(lambda: engine_of(cache) == "redis", seconds=5)


def test_without_shared_words_a_process_asks_for_itself(
    new_cache: CacheMaker, redis_server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in the way").touch()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "in the way"))
    cache = new_cache("redis", location=redis_server.url(), DIRECTORY=str(tmp_path / "in the way" / "cache"))
    cache.set("a", 1)
    assert not cache.space.selector.words.is_shared
    redis_server.pause()
    cache.set("a", 2)
    assert engine_of(cache) == "memory"
    redis_server.resume()
    wait_until(lambda: engine_of(cache) == "redis", seconds=5)
    assert cache.get("a") is None


def test_files_that_were_lost_are_taken_again(new_cache: CacheMaker, tmp_path: Path) -> None:
    cache = new_cache("file")
    cache.set("a", "old")
    directory = tmp_path / "cache"
    directory.rename(tmp_path / "aside")
    directory.touch()
    cache.set("a", "new")
    assert (engine_of(cache), cache.get("a")) == ("memory", "new")
    assert cache.space.selector.status().reason is Verdict.NOT_WRITABLE
    # Asked in vain once at least.
    with pytest.raises(AssertionError, match="still not so"):
        wait_until(lambda: engine_of(cache) == "file", seconds=0.8)
    directory.unlink()
    (tmp_path / "aside").rename(directory)
    wait_until(lambda: engine_of(cache) == "file", seconds=5)
    assert cache.get("a") is None


def test_a_loss_that_somebody_else_has_dealt_with_is_no_second_one(
    new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    cache = new_cache("redis", location=redis_server.url())
    cache.set("a", 1)
    found = cache.space.selector
    found.fall_back(Code.REDIS, EngineUnavailable(Verdict.TIMED_OUT))
    cache.set("a", 2)
    found.fall_back(Code.REDIS, EngineUnavailable(Verdict.TIMED_OUT))
    assert (engine_of(cache), cache.get("a")) == ("file", 2)


@pytest.mark.django_db
def test_a_worker_that_is_behind_neither_reads_nor_leaves_anything_old(
    new_cache: CacheMaker, neighbour: Neighbour
) -> None:
    cache = new_cache("file")
    # Only who could read the saved choice may overrule the others.
    state.refresh(now=True)
    cache.set("a", "before")
    ahead = neighbour(cache)
    ahead.follow(SavedChoice("memory", "", 1))
    ahead.live()
    assert cache.get("a") is None
    cache.set("a", "nobody keeps this")
    assert cache.get("a") is None
    assert engine_of(cache) == "memory"
    # What it could not reach is out of date for those who could.
    generation = cache.space.token("other")
    cache.delete("a")
    assert cache.space.token("other") != generation
    # Its next look comes at once.
    assert state._next_look == float("-inf")
    cache.space.selector.follow(SavedChoice("memory", "", 1))
    cache.set("a", "after")
    assert cache.get("a") == "after"


@pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="there is no fork here")
def test_a_childs_selector_begins_anew(new_cache: CacheMaker) -> None:
    found = new_cache("file").space.selector
    found.live()
    locked = threading.Event()
    release = threading.Event()

    def hold() -> None:
        with found.words.lock(), found._thread_lock:
            locked.set()
            release.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    locked.wait(5)
    # What a fork does in the child, where that thread does not exist.
    descriptor = found._only_prober._descriptor = os.open("/dev/null", os.O_RDONLY)
    found.forget_threads()
    assert found._thread_lock.acquire(blocking=False)
    found._thread_lock.release()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
    release.set()
    thread.join()


def test_a_child_waits_for_nobody_who_looks_for_a_selector_in_its_parent(new_cache: CacheMaker) -> None:
    found = new_cache("file").space.selector
    with held_elsewhere(selector._registry_lock):
        selector._after_fork()
        with ThreadPoolExecutor(1) as threads:
            assert threads.submit(selector.every).result(30) == [found]


@pytest.mark.django_db
def test_who_asks_for_a_lost_engine_follows_a_choice_that_others_have_followed(
    new_cache: CacheMaker, redis_server: RedisServer, neighbour: Neighbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = new_cache("redis", location=redis_server.url())
    state.refresh(now=True)
    cache.set("a", 1)
    redis_server.kill()
    # Others have gone over to another address; there is nobody either.
    chosen = SavedChoice("redis", nobodys_address(), 1)
    ahead = neighbour(cache)
    monkeypatch.setattr(state, "refresh_alone", lambda: cache.space.selector.follow(chosen))
    cache.get("a")
    ahead.follow(chosen)
    ahead.live()
    wait_until(lambda: not cache.space.selector.is_behind, seconds=10)
    assert cache.space.selector.address() == chosen.location


def test_after_an_answer_nobody_asks_for_what_is_not_lost(
    new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    cache = new_cache("redis", location=redis_server.url())
    found = cache.space.selector
    found.probe_once()
    assert found.words.read(shared.PROBED) == 0
    cache.set("a", 1)
    found.probe_once()
    assert found.words.read(shared.PROBED) == 0
