"""The file engine alone: what an operation costs the system, and how long entries live."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import time_machine

from cacheadmin.engines.base import MISSING
from cacheadmin.engines.file import FileEngine
from tests.cacheadmin.files import counted_calls, entry_files, new_engine, on_disk
from tests.cacheadmin.workers import Worker

WorkerMaker = Callable[..., Worker]
DAY = 86_400
VALUE = {"name": "x" * 2000}


@pytest.fixture
def files(tmp_path: Path) -> FileEngine:
    """One with an entry, and past its first look at the directory."""
    made = new_engine(tmp_path / "cache")
    made.set("a", VALUE, 300)
    made.set("n", 1, 300)
    return made


def test_a_read_is_one_open_one_read_and_one_close(files: FileEngine) -> None:
    with counted_calls() as calls:
        assert files.get("a") == VALUE
    assert calls == ["open", "read", "close"]


def test_a_miss_is_one_open_and_a_look_whether_the_cache_was_emptied(files: FileEngine) -> None:
    with counted_calls() as calls:
        assert files.get("nothing") is MISSING
    assert calls == ["open", "pread"]


def test_writing_over_an_entry_is_one_write(files: FileEngine) -> None:
    with counted_calls() as calls:
        files.set("a", {"name": "y" * 2000}, 300)
    assert calls == ["open", "fstat", "pwrite", "close"]


def test_an_increment_is_one_read_and_one_write(files: FileEngine) -> None:
    with counted_calls() as calls:
        assert files.incr("n", 1) == 2
    assert calls == ["open", "read", "pwrite", "close"]


def test_a_new_entry_costs_the_same_however_many_there_are(tmp_path: Path) -> None:
    costs = []
    for number, present in enumerate((1500, 5000)):
        files = new_engine(tmp_path / str(number), max_entries=100_000)
        for key in range(present):
            files.set(f"key{key}", 1, 300)
        # Whether this is the time to look at the totals depends on the clock, once a second.
        files.set("now", 1, 300)
        files.get("now")
        with counted_calls() as calls:
            for key in range(20):
                files.set(f"new{key}", 1, 300)
        costs.append(len(calls))
    assert max(costs) <= 20 * 9
    assert abs(costs[0] - costs[1]) <= 20


def test_one_read_in_sixteen_is_noted_on_the_file(files: FileEngine) -> None:
    with counted_calls() as calls:
        for _ in range(160):
            files.get("a")
    assert calls.count("utime") == 10


@pytest.mark.parametrize(
    "key", ["x" * 5000, "with spaces\nand lines", "clé:日本", "\ud800 alone", "../../etc", ""]
)
def test_any_key_will_do(files: FileEngine, key: str) -> None:
    files.set(key, 7, None)
    assert files.get(key) == 7
    assert key in files.names()
    assert files.incr(key, 1) == 8
    assert files.delete(key) is True


def test_a_value_larger_than_one_read_comes_back(files: FileEngine) -> None:
    for size in (65_000, 65_536, 70_000, 3_000_000):
        files.set("large", "x" * size, 300)
        assert files.get("large") == "x" * size
    files.set("large", "short", 300)
    assert files.get("large") == "short"


def test_the_rest_of_a_longer_value_goes_when_it_wastes_much(files: FileEngine, tmp_path: Path) -> None:
    files.set("shrinking", "x" * 100_000, 300)
    files.set("shrinking", "x" * 50, 300)
    contents = files.contents()
    assert contents == on_disk(tmp_path)
    assert contents.size is not None
    assert contents.size < 10_000


def test_an_increment_keeps_the_life_and_refuses_words(files: FileEngine) -> None:
    before = files.remaining("n")
    assert files.incr("n", 5) == 6
    assert before - 1 < files.remaining("n") <= before
    files.set("word", "x", 300)
    with pytest.raises(TypeError):
        files.incr("word", 1)
    assert files.get("word") == "x"
    assert files.incr("nothing", 1) is MISSING


def test_a_change_may_set_a_new_life(files: FileEngine) -> None:
    files.modify("n", lambda old: old * 10, None)
    assert (files.get("n"), files.remaining("n")) == (10, None)
    with pytest.raises(ZeroDivisionError):
        files.modify("n", lambda old: old / 0)
    assert files.get("n") == 10


def test_what_has_ended_is_not_there(files: FileEngine) -> None:
    files.set("short", 1, 60)
    with time_machine.travel(time.time() + 61, tick=False):
        assert files.get("short") is MISSING
        assert files.remaining("short") is MISSING
        assert files.touch("short", 60) is False
        assert files.incr("short", 1) is MISSING
        assert "short" not in files.names()
        assert files.delete("short") is False
        assert files.add("short", 2, 60) is True
        assert files.get("short") == 2


def test_an_entry_without_a_timeout_lives_for_a_month_after_it_was_last_read(files: FileEngine) -> None:
    now = time.time()
    files.set("lasting", 1, None)
    assert files.remaining("lasting") is None
    for days in (20, 40, 60):
        with time_machine.travel(now + days * DAY, tick=False):
            assert files.get("lasting") == 1
            assert files.remaining("lasting") is None
    with time_machine.travel(now + 91 * DAY, tick=False):
        assert files.get("lasting") is MISSING


def test_its_life_is_renewed_once_a_day_at_the_most(files: FileEngine) -> None:
    now = time.time()
    files.set("lasting", 1, None)
    with time_machine.travel(now + 2 * DAY, tick=False):
        files.get("lasting")
        with counted_calls() as calls:
            files.get("lasting")
    assert "pwrite" not in calls


def test_names_and_contents_of_what_was_never_used(tmp_path: Path) -> None:
    files = new_engine(tmp_path / "cache")
    assert list(files.names()) == []
    assert files.contents() == on_disk(tmp_path)
    assert files.get("a") is MISSING
    assert files.delete("a") is False
    assert files.remaining("a") is MISSING
    assert files.sweep(0.1) is False
    files.reclaim()
    # Looking makes nothing.
    assert list(tmp_path.iterdir()) == []


def test_several_engines_on_one_directory_are_one_cache(files: FileEngine, tmp_path: Path) -> None:
    # Whatever size each was told, the first has laid out the directory.
    for size in (10, 100_000):
        other = new_engine(tmp_path / "cache", max_entries=size)
        assert other.get("a") == VALUE
        assert other.incr("n", 1) == files.get("n")
    assert sorted(files.names()) == ["a", "n"]
    other = new_engine(tmp_path / "cache")
    other.reclaim()
    assert files.get("a") is MISSING
    files.set("a", 2, 300)
    assert other.get("a") == 2


def test_threads_lose_no_increment_and_one_of_them_adds(files: FileEngine, tmp_path: Path) -> None:
    engines = [files, new_engine(tmp_path / "cache")]
    start = threading.Barrier(8)

    def work(number: int) -> int:
        start.wait()
        mine = engines[number % 2]
        for _ in range(150):
            mine.incr("n", 1)
        return sum(mine.add(f"round{each}", number, 60) for each in range(50))

    with ThreadPoolExecutor(8) as pool:
        winners = sum(pool.map(work, range(8)))
    assert files.get("n") == 1 + 8 * 150
    assert winners == 50
    assert files.contents() == on_disk(tmp_path)


def test_processes_lose_no_increment_and_one_of_them_adds(new_worker: WorkerMaker) -> None:
    workers = [new_worker("file") for _ in range(4)]
    workers[0]("cache.set('n', 0, 500)")
    for worker in workers:
        worker.begin(
            "([cache.incr('n') for _ in range(400)], [cache.touch('n', 500) for _ in range(50)],"
            " sum(cache.add(f'round{each}', 1, 60) for each in range(200)))[2]"
        )
    assert sum(worker.finish() for worker in workers) == 200
    assert workers[0]("cache.get('n')") == 1600


def test_a_descriptor_is_closed_with_the_last_engine_on_a_directory(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    kept = [new_engine(tmp_path / str(number)) for number in range(20)]
    for each in kept:
        each.set("a", 1, 60)
        each.reclaim()
        each.set("a", 1, 60)
    assert len(os.listdir("/proc/self/fd")) == before + 20
    del each
    kept.clear()
    assert len(os.listdir("/proc/self/fd")) == before


def test_emptying_a_cache_leaves_no_files(files: FileEngine, tmp_path: Path) -> None:
    for number in range(200):
        files.set(f"key{number}", number, 300)
    files.reclaim()
    assert files.contents().entries == 0
    assert entry_files(tmp_path) == []
    assert not list(tmp_path.rglob("dead-*"))
