"""How much files may hold: entries and bytes, what goes first, and what is given back unasked."""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path

import pytest
import time_machine

from cacheadmin.engines.base import MISSING
from cacheadmin.engines.file import FileEngine
from cacheadmin.engines.file import place as places
from cacheadmin.engines.file.place import shard_count
from tests.cacheadmin.files import counted_calls, entry_files, new_engine, on_disk

KB = 1024


def kept(engine: FileEngine, names: list[str]) -> list[str]:
    return [name for name in names if engine.get(name) is not MISSING]


def test_the_bytes_are_bounded(tmp_path: Path) -> None:
    engine = new_engine(tmp_path, max_entries=100_000, max_bytes=300 * KB)
    for number in range(600):
        engine.set(f"key{number}", "x" * 2000, 300)
        assert (engine.contents().size or 0) <= 300 * KB
    assert engine.contents() == on_disk(tmp_path)
    assert (engine.contents().size or 0) > 150 * KB
    assert engine.get("key599") == "x" * 2000


def test_a_value_larger_than_the_share_of_its_directory_is_stored(tmp_path: Path) -> None:
    engine = new_engine(tmp_path, max_entries=100_000, max_bytes=1000 * KB)
    for number in range(100):
        engine.set(f"key{number}", "x" * 2000, 300)
    engine.set("large", "y" * 700 * KB, 300)
    assert engine.get("large") == "y" * 700 * KB
    engine.set("another", "z" * 700 * KB, 300)
    assert engine.get("another") == "z" * 700 * KB
    contents = engine.contents()
    assert contents == on_disk(tmp_path)
    assert (contents.size or 0) <= 1000 * KB


def test_a_value_larger_than_the_whole_is_not_kept_and_evicts_nobody(tmp_path: Path) -> None:
    engine = new_engine(tmp_path, max_bytes=100 * KB)
    engine.set("small", 1, 300)
    engine.set("large", "old", 300)
    engine.set("large", "x" * 200 * KB, 300)
    assert engine.get("large") is MISSING
    assert engine.get("small") == 1


def test_growing_values_are_bounded_too(tmp_path: Path) -> None:
    engine = new_engine(tmp_path, max_bytes=100 * KB)
    for size in range(1, 40):
        for number in range(10):
            engine.set(f"key{number}", "x" * size * KB, 300)
    assert (engine.contents().size or 0) <= 100 * KB
    assert engine.contents() == on_disk(tmp_path)


@pytest.mark.parametrize("limit", [1500, 5000])
def test_the_entries_of_many_directories_are_bounded_together(tmp_path: Path, limit: int) -> None:
    engine = new_engine(tmp_path, max_entries=limit)
    assert shard_count(limit) > 1
    names = [f"key{number}" for number in range(limit + 500)]
    for name in names:
        engine.set(name, 1, 300)
    assert limit * 0.6 <= (engine.contents().entries or 0) <= limit
    assert engine.contents() == on_disk(tmp_path)
    assert engine.get(names[-1]) == 1


def test_what_is_read_often_outlives_what_is_not(tmp_path: Path) -> None:
    engine = new_engine(tmp_path, max_entries=60)
    for number in range(60):
        engine.set(f"key{number}", number, 300)
    time.sleep(0.02)
    for _ in range(64):
        engine.get("key3")
    engine.set("new", 1, 300)
    assert engine.get("key3") == 3
    assert kept(engine, ["key0", "key1", "key2"]) == []


def test_what_was_written_longest_ago_goes_first_even_within_a_millisecond(tmp_path: Path) -> None:
    engine = new_engine(tmp_path, max_entries=60)
    names = [f"key{number}" for number in range(61)]
    for name in names:
        engine.set(name, 1, 300)
    assert kept(engine, names) == names[20:]


def test_a_cull_frequency_of_zero_empties_a_large_cache_too(tmp_path: Path) -> None:
    engine = new_engine(tmp_path, max_entries=1500, cull_frequency=0)
    names = [f"key{number}" for number in range(1501)]
    for name in names:
        engine.set(name, name, 300)
    assert kept(engine, names) == ["key1500"]


def test_a_small_cache_on_a_large_ones_directory_culls_as_django_says(tmp_path: Path) -> None:
    new_engine(tmp_path, max_entries=100_000).set("first", 1, 300)
    engine = new_engine(tmp_path, max_entries=30)
    for number in range(48):
        engine.set(f"key{number}", number, 300)
    assert engine.contents().entries == 29


@pytest.mark.parametrize("limit", [50, 2000])
def test_files_removed_behind_its_back_do_not_keep_a_cache_culling(tmp_path: Path, limit: int) -> None:
    engine = new_engine(tmp_path, max_entries=limit)
    for number in range(limit):
        engine.set(f"key{number}", number, 300)
    for path in entry_files(tmp_path):
        path.unlink()
    engine.set("new", 1, 300)
    assert engine.get("new") == 1
    assert (engine.contents().entries or 0) <= limit
    for number in range(limit):
        engine.set(f"key{number}", number, 300)
    assert (engine.contents().entries or 0) <= limit


# --- The sweep ---


def sweep_all(engine: FileEngine, calls: int = 200) -> None:
    """As many calls as an hour has seconds would be slow; each is a second later than the last."""
    start = time.time()
    for second in range(calls):
        with time_machine.travel(start + 2 * second, tick=True):
            engine.sweep(1.0)


def test_what_has_ended_is_given_back(tmp_path: Path) -> None:
    engine = new_engine(tmp_path, max_entries=20_000)
    for number in range(300):
        engine.set(f"short{number}", number, 0.05)
        engine.set(f"long{number}", number, 30_000)
    time.sleep(0.1)
    sweep_all(engine)
    assert engine.contents().entries == 300
    assert engine.contents() == on_disk(tmp_path)
    assert len(list(engine.names())) == 300


def test_asking_too_early_costs_one_small_read(tmp_path: Path) -> None:
    engine = new_engine(tmp_path)
    engine.set("a", 1, 300)
    assert engine.sweep(1.0) is True
    with counted_calls() as calls:
        assert engine.sweep(1.0) is False
        assert new_engine(tmp_path).sweep(1.0) is False
    assert calls.count("pread") <= 4
    assert "open" not in calls


def test_only_one_of_the_machine_sweeps(tmp_path: Path) -> None:
    engine = new_engine(tmp_path)
    engine.set("a", 1, 300)
    # Another open file stands for another process.
    index = os.open(tmp_path / places.INDEX, os.O_RDWR)
    try:
        assert places._SWEEPING.try_take(index)
        assert engine.sweep(1.0) is False
    finally:
        os.close(index)
    assert engine.sweep(1.0) is True


def test_a_sweep_keeps_to_its_budget_and_goes_on_where_it_was(tmp_path: Path) -> None:
    engine = new_engine(tmp_path, max_entries=200)
    for number in range(150):
        engine.set(f"key{number}", number, 0.01)
    time.sleep(0.05)
    start, left = time.time(), []
    for call in range(40):
        with time_machine.travel(start + 2 * call, tick=True):
            engine.sweep(0.0)
        left.append(engine.contents().entries or 0)
    # A batch at a time, and all in the end.
    assert left[0] >= 100
    assert left[-1] == 0
    assert sorted(left, reverse=True) == left


def test_a_sweep_removes_rubbish_after_an_hour_and_other_versions_after_a_month(tmp_path: Path) -> None:
    engine = new_engine(tmp_path, max_entries=100)
    for name in ("ours", "later", "damaged"):
        engine.set(name, 1, 10 * 365 * 86_400)
    engine.path_of("later").write_bytes(b"cae9 and so on" * 5)
    engine.path_of("damaged").write_bytes(b"rubbish")
    rubbish = engine.path_of("ours").with_name("README")
    rubbish.write_text("mine")
    sweep_all(engine, 3)
    assert rubbish.exists()
    with time_machine.travel(time.time() + 4000, tick=True):
        sweep_all(engine, 3)
        assert not rubbish.exists()
    assert engine.path_of("later").exists()
    with time_machine.travel(time.time() + 32 * 86_400, tick=True):
        sweep_all(engine, 3)
        assert not engine.path_of("later").exists()
        assert not engine.path_of("damaged").exists()
        assert engine.get("ours") == 1
        assert engine.contents() == on_disk(tmp_path)


def test_a_sweep_puts_counts_right_that_somebody_else_made_wrong(tmp_path: Path) -> None:
    engine = new_engine(tmp_path, max_entries=100)
    for number in range(10):
        engine.set(f"key{number}", "x" * 100, 300)
    engine.path_of("key1").unlink()
    engine.path_of("key2").write_bytes(engine.path_of("key2").read_bytes()[:50])
    sweep_all(engine, 3)
    assert engine.contents() == on_disk(tmp_path)


def test_a_large_cache_is_emptied_at_once_and_its_files_go_with_the_sweeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = new_engine(tmp_path)
    for number in range(500):
        engine.set(f"key{number}", number, 300)
    # A link among the files leads nowhere from here.
    engine.path_of("key1").with_name("link").symlink_to("/etc")
    monkeypatch.setattr("cacheadmin.engines.file.store._EMPTYING", 0.0)
    engine.reclaim()
    assert engine.contents().entries == 0
    assert list(tmp_path.glob("dead-*"))
    engine.set("a", 1, 300)
    sweep_all(engine, 3)
    assert not list(tmp_path.glob("dead-*"))
    assert engine.get("a") == 1
    assert os.path.exists("/etc/passwd")


def test_a_sweep_never_raises(tmp_path: Path) -> None:
    engine = new_engine(tmp_path / "cache")
    engine.set("a", 1, 300)
    place = engine._store.current()
    os.ftruncate(place.index.descriptor, 0)
    assert engine.sweep(1.0) in (False, True)
    shutil.rmtree(tmp_path / "cache")
    assert engine.sweep(1.0) in (False, True)
    engine.set("a", 1, 300)
    assert engine.sweep(1.0) is True


def test_sweeps_and_writes_do_not_disturb_each_other(tmp_path: Path) -> None:
    engine, other = new_engine(tmp_path, max_entries=50), new_engine(tmp_path, max_entries=50)
    done = threading.Event()

    def sweep() -> None:
        while not done.is_set():
            other._sweeper.sweep(other._store.current(), 0.05)
            with other._store.current().sweeping():
                os.pwrite(other._store.current().index.descriptor, bytes(16), places.SWEEP_AT)

    thread = threading.Thread(target=sweep)
    thread.start()
    for number in range(2000):
        engine.set(f"key{number % 70}", number, 0.01 if number % 3 else 300)
        if number % 3 == 0:
            assert engine.get(f"key{number % 70}") == number
    done.set()
    thread.join()
    assert engine.contents() == on_disk(tmp_path)
