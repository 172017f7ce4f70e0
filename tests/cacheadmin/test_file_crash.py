"""Workers that are killed or stopped in the middle of something: nothing wrong is left behind."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.engines.file import FileEngine, locks
from cacheadmin.engines.file.shard import Shard
from tests.cacheadmin.files import entry_files, new_engine, on_disk
from tests.cacheadmin.workers import Worker

WorkerMaker = Callable[..., Worker]

KILLS = """
import random, zlib
from pathlib import Path
from cacheadmin.engines.file import FileEngine
from cacheadmin.serializer import Serializer

def engine():
    return FileEngine(Path(PLACE), Serializer("for tests"), 60, 3, 400_000)

def value(key, number):
    body = str(number) * (number % 7000)
    return (key, body, zlib.crc32(body.encode()))

def write_for_ever(seed):
    chance, mine = random.Random(seed), engine()
    while True:
        key, number = f"key{chance.randrange(90)}", chance.randrange(10**6)
        what = chance.randrange(6)
        if what == 0: mine.delete(key)
        elif what == 1: mine.add(key, value(key, number), 300)
        elif what == 2: mine.touch(key, 300)
        elif what == 3: mine.incr("number", 1)
        elif number % 500 == 0: mine.reclaim()
        else: mine.set(key, value(key, number), 300 if number % 3 else 0.01)

def kill_some(seed, processes):
    children = []
    for each in range(processes):
        number = os.fork()
        if number == 0:
            try: write_for_ever(seed * 100 + each)
            finally: os._exit(1)
        children.append(number)
    time.sleep(random.Random(seed).random() * 0.03)
    died = []
    for number in children:
        os.kill(number, signal.SIGKILL)
        died.append(os.waitpid(number, 0)[1])
    return died == [signal.SIGKILL] * processes

def wrong():
    found = []
    mine = engine()
    mine.add("number", 0, 300)
    for each in range(90):
        key = f"key{each}"
        got = mine.get(key)
        if isinstance(got, tuple) and (got[0] != key or zlib.crc32(got[1].encode()) != got[2]):
            found.append(key)
    return found
"""


@pytest.mark.slow
def test_whenever_a_writer_is_killed_the_counts_and_values_are_right(
    new_worker: WorkerMaker, tmp_path: Path
) -> None:
    worker = new_worker("memory")
    worker(f"PLACE = {str(tmp_path / 'cache')!r}")
    worker(KILLS)
    engine = new_engine(tmp_path / "cache", 60, 3, 400_000)
    for seed in range(40):
        assert worker(f"kill_some({seed}, 3)") is True
        # The first who looks finds what the killed have left, counts it, and is right. What was being
        # emptied has no index in force until somebody writes.
        contents = engine.contents()
        if contents.entries == 0:
            engine.set("number", 0, 300)
            contents = engine.contents()
        assert contents == on_disk(tmp_path), seed
        assert worker("wrong()") == [], seed
    assert (engine.contents().entries or 0) <= 60
    assert len(entry_files(tmp_path)) > 5


class Killed(BaseException):
    """Stands for SIGKILL at one particular instruction."""


CALLS = ("open", "pwrite", "unlink", "ftruncate", "mkdir", "rename", "write")


def change_everything(engine: FileEngine) -> None:
    engine.set("new", "x" * 500, 300)
    engine.set("a", "y" * 3000, 300)
    engine.set("a", "z", 300)
    engine.delete("b")
    engine.incr("n", 10**6)
    engine.set("c", "x" * 40_000, 300)
    engine.set("c", "x", 300)
    engine.reclaim()
    engine.set("after", 1, 300)


@pytest.mark.parametrize("name", CALLS)
def test_killed_at_each_call_in_turn(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = getattr(os, name)
    reached = 0
    for step in range(60):
        engine = new_engine(tmp_path / f"{step}")
        engine.set_many({"a": ("a" * 100, 300), "b": ("b", 300), "n": (1, 300)})
        left = step

        def call(*args: object, **kwargs: object) -> object:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return real(*args, **kwargs)

        with monkeypatch.context() as patch:
            patch.setattr(os, name, call)
            try:
                change_everything(engine)
            except Killed:
                reached += 1
            else:
                break
        # Another process comes, and finds everything in order.
        heir = new_engine(tmp_path / f"{step}")
        assert heir.contents().entries in (0, on_disk(tmp_path / f"{step}").entries)
        assert heir.get("a") in ("a" * 100, "y" * 3000, "z", heir.get("nothing"))
        heir.set("more", 1, 300)
        assert heir.get("more") == 1
        assert heir.contents() == on_disk(tmp_path / f"{step}")
    assert reached >= 1


def test_a_stopped_worker_holds_up_nobody_for_long(
    new_worker: WorkerMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = new_worker("memory")
    worker(f"PLACE = {str(tmp_path)!r}")
    worker(KILLS)
    engine = new_engine(tmp_path, 60)
    engine.set("a", 1, 300)
    worker("shard = engine()._store.current().shard_of('000'); shard.__enter__() and None")
    os.kill(worker.process.pid, signal.SIGSTOP)
    try:
        monkeypatch.setattr(locks, "PATIENCE", 0.2)
        began = time.monotonic()
        with pytest.raises(EngineUnavailable) as refused:
            engine.set("a", 2, 300)
        assert time.monotonic() - began < 2
        assert refused.value.verdict.word == "timed out"
        # Readers need no lock.
        assert engine.get("a") == 1
    finally:
        os.kill(worker.process.pid, signal.SIGCONT)
    # Dead, it holds nothing.
    worker.kill()
    engine.set("a", 2, 300)
    assert engine.get("a") == 2


def test_a_thread_that_does_not_go_on_holds_up_nobody_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = new_engine(tmp_path, 60)
    engine.set("a", 1, 300)
    monkeypatch.setattr("cacheadmin.engines.file.shard.PATIENCE", 0.05)
    with engine._store.current().shard_of("000"), pytest.raises(EngineUnavailable) as refused:
        engine.set("a", 2, 300)
    assert refused.value.verdict.word == "timed out"
    engine.set("a", 3, 300)
    assert engine.get("a") == 3


def test_a_child_forked_while_a_lock_was_held_is_not_stuck(new_worker: WorkerMaker, tmp_path: Path) -> None:
    worker = new_worker("memory")
    worker(f"PLACE = {str(tmp_path)!r}")
    worker(KILLS)
    worker("mine = engine(); mine.set('a', 1, 300); shard = mine._store.current().shard_of('000')")
    worker(
        "shard.__enter__()\n"
        "number = os.fork()\n"
        "if number == 0:\n"
        "    began = time.monotonic()\n"
        "    try:\n"
        "        mine.set('a', 2, 300)\n"
        "    except Exception as error:\n"
        "        os._exit(7 if 'TIMED_OUT' in str(error) else 8)\n"
        "    os._exit(9)\n"
        "status = os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])\n"
        "shard.__exit__()\n"
    )
    # The parent still holds it: the child must neither pass nor wait for ever, nor let go for its parent.
    assert worker("status") == 7
    assert worker("mine.get('a')") == 1
    worker("mine.set('a', 3, 300)")
    assert worker("mine.get('a')") == 3


def test_the_lock_that_could_not_be_taken_is_not_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = new_engine(tmp_path, 60)
    engine.set("a", 1, 300)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(locks.ByteLock, "take", interrupted)
        with pytest.raises(KeyboardInterrupt):
            engine.set("a", 2, 300)
    engine.set("a", 3, 300)
    assert engine.get("a") == 3
    assert isinstance(engine._store.current().shard_of("000"), Shard)


def test_where_locks_belong_to_the_process_nothing_is_lost_either(new_worker: WorkerMaker) -> None:
    workers = [new_worker("file") for _ in range(3)]
    for worker in workers:
        worker("from cacheadmin.engines.file import locks; locks.HAS_OPEN_FILE_LOCKS = False")
    workers[0]("cache.set('n', 0, 500)")
    for worker in workers:
        worker.begin("[cache.incr('n') for _ in range(300)][-1]")
    assert max(worker.finish() for worker in workers) == 900
    assert workers[0]("cache.get('n')") == 900
