"""How much is kept: files and memory stay within their bounds, and cost the same when they are full."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django import Settings

from cacheadmin.backend import AdaptiveCache
from tests.cacheadmin.test_planted import entry_files

CacheMaker = Callable[..., AdaptiveCache]


def fill(cache: AdaptiveCache, count: int) -> list[int]:
    """Store *count* entries and return the numbers of those that are left."""
    for number in range(count):
        cache.set(f"key{number}", number, 300)
    return [number for number in range(count) if cache.get(f"key{number}") is not None]


@pytest.mark.parametrize("engine_name", ["file", "memory"])
def test_no_more_entries_are_kept_than_allowed(new_cache: CacheMaker, engine_name: str) -> None:
    cache = new_cache(engine_name, MAX_ENTRIES=30)
    left = fill(cache, 200)
    assert 15 <= len(left) <= 30
    # The newest are there.
    assert left[-1] == 199
    assert cache.space.contents().entries == len(left)


@pytest.mark.parametrize("engine_name", ["file", "memory"])
def test_a_cull_frequency_of_zero_empties_what_is_full(new_cache: CacheMaker, engine_name: str) -> None:
    cache = new_cache(engine_name, MAX_ENTRIES=30, CULL_FREQUENCY=0)
    assert fill(cache, 31) == [30]


@pytest.mark.parametrize("engine_name", ["file", "memory"])
@pytest.mark.parametrize("limit", [0, 1, -1])
def test_even_a_cache_without_room_serves(new_cache: CacheMaker, engine_name: str, limit: int) -> None:
    cache = new_cache(engine_name, MAX_ENTRIES=limit)
    cache.set("a", 1)
    cache.set("b", 2)
    assert cache.get("b") == 2
    assert cache.add("c", 3) is True


def test_memory_forgets_what_nobody_has_asked_for_longest(new_cache: CacheMaker) -> None:
    cache = new_cache("memory", MAX_ENTRIES=4, CULL_FREQUENCY=4)
    for key in "abcd":
        cache.set(key, key)
    cache.get("a")
    cache.set("e", "e")
    assert [cache.get(key) for key in "abcde"] == ["a", None, "c", "d", "e"]


def test_files_forget_what_has_ended_before_what_has_not(new_cache: CacheMaker) -> None:
    cache = new_cache("file", MAX_ENTRIES=30, CULL_FREQUENCY=3)
    for number in range(26):
        cache.set(f"lasting{number}", number, None)
        # The disk's clock is a coarse one.
        time.sleep(0.012)
    for number in range(4):
        cache.set(f"ended{number}", number, 0.05)
    time.sleep(0.1)
    cache.set("another", 1)
    # A third goes: the four that have ended, and only as many of the oldest as are still wanting.
    assert [cache.get(f"lasting{number}") for number in range(6, 26)] == list(range(6, 26))
    assert cache.get("lasting5") is None
    assert cache.space.contents().entries == 21


def test_overwriting_takes_no_more_room(new_cache: CacheMaker) -> None:
    cache = new_cache("file", MAX_ENTRIES=30)
    for number in range(100):
        cache.set("same", "x" * number)
    contents = cache.space.contents()
    assert contents.entries == 1
    cache.delete("same")
    assert (cache.space.contents().entries, cache.space.contents().size) == (0, 0)


def test_the_counts_are_right_after_everything(new_cache: CacheMaker, tmp_path: Path) -> None:
    cache = new_cache("file")
    cache.set_many({f"key{number}": "x" * number for number in range(100)})
    cache.delete_many([f"key{number}" for number in range(0, 100, 3)])
    cache.add("added", 1)
    cache.incr("added", 10**9)
    cache.touch("key1", 9)
    files = entry_files(tmp_path / "cache")
    contents = cache.space.contents()
    assert contents.entries == len(files)
    assert contents.size == sum(path.stat().st_size for path in files)


def test_a_full_directory_is_never_listed_to_be_written(
    new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = new_cache("file", MAX_ENTRIES=100_000)
    fill(cache, 300)
    listed: list[object] = []

    def scandir(path: object) -> object:
        listed.append(path)
        raise AssertionError("a directory was listed")

    for name in ("scandir", "listdir"):
        monkeypatch.setattr(os, name, scandir)
    cache.set("a", 1)
    cache.add("b", 1)
    cache.get_many(["a", "b"])
    cache.incr("a")
    cache.delete("b")
    cache.space.contents()
    assert not listed


def test_what_ends_while_it_is_being_counted_is_no_trouble(new_cache: CacheMaker, tmp_path: Path) -> None:
    cache = new_cache("file", MAX_ENTRIES=30)
    fill(cache, 30)
    shard = entry_files(tmp_path / "cache")[0].parent
    # What is not an entry at all is not counted, and goes with the next cull.
    for number in range(10):
        (shard / f"rubbish{number}").write_bytes(b"x" * number)
    cache.set("another", 1)
    assert cache.get("another") == 1
    assert sum(cache.get(f"key{number}") == number for number in range(30)) == 20
    assert not list(shard.glob("rubbish*"))


def test_the_directory_may_vanish_under_use(new_cache: CacheMaker, tmp_path: Path) -> None:
    cache = new_cache("file")
    cache.set("a", 1)
    shutil.rmtree(tmp_path / "cache")
    assert cache.get("a") is None
    assert cache.delete("a") is False
    cache.set("a", 2)
    assert cache.get("a") == 2
    cache.clear()
    assert cache.get("a") is None
    assert cache.space.selector.status().engine == "file"


def test_readers_never_see_half_a_value(new_cache: CacheMaker) -> None:
    cache = new_cache("file")
    values = ["a" * 40_000, "b" * 90_000]
    seen: set[str | None] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            value = cache.get("a")
            seen.add(value and f"{value[0]}{len(set(value))}{len(value)}")

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(300):
        cache.set("a", values[number % 2])
    done.set()
    for reader in readers:
        reader.join()
    assert seen <= {None, "a140000", "b190000"}
    assert len(seen) > 1


def test_a_probe_leaves_nothing_behind(new_cache: CacheMaker, tmp_path: Path) -> None:
    cache = new_cache("file")
    cache.set("a", 1)
    cache.space.engine().probe()
    assert len(entry_files(tmp_path / "cache")) == 1
    cache = new_cache("memory")
    cache.space.engine().probe()
    assert cache.space.contents().entries == 0


@pytest.mark.parametrize("engine_name", ["file", "memory"])
def test_a_limit_may_stand_beside_the_options_as_django_allows(
    new_cache: CacheMaker, settings: Settings, engine_name: str
) -> None:
    new_cache(engine_name)
    entry = {**settings.CACHES["default"], "max_entries": "30", "cull_frequency": 0}
    cache = AdaptiveCache(entry["LOCATION"], entry)
    for number in range(31):
        cache.set(str(number), number)
    assert len(cache.get_many(map(str, range(31)))) == 1


@pytest.mark.parametrize("wrong", ["many", None])
def test_a_limit_that_is_no_number_counts_as_not_given(new_cache: CacheMaker, wrong: object) -> None:
    cache = new_cache("memory", MAX_ENTRIES=wrong, CULL_FREQUENCY=wrong)
    cache.set("a", 1)
    assert cache.get("a") == 1
    identity = cache.space.identity
    assert (identity.max_entries, identity.cull_frequency) == (10_000, 3)
