"""A directory that vanishes, cannot be written or is full: another engine takes over, or a miss mends it."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import time_machine

from cacheadmin.backend import AdaptiveCache
from cacheadmin.engines.base import MISSING, EngineUnavailable
from cacheadmin.engines.file import FileEngine, unavailable
from cacheadmin.engines.file.place import Place
from cacheadmin.engines.file.shard import Gone, Shard
from tests.cacheadmin.files import new_engine, on_disk

CacheMaker = Callable[..., AdaptiveCache]


@pytest.fixture
def files(tmp_path: Path) -> FileEngine:
    made = new_engine(tmp_path / "cache", max_entries=2000)
    for number in range(50):
        made.set(f"key{number}", number, 300)
    return made


def verdict_of(action: Callable[[], object]) -> str | None:
    """The verdict that an action ends with, if it does not work."""
    try:
        action()
    except EngineUnavailable as error:
        return error.verdict.word
    return None


def refused(action: Callable[[], object]) -> str:
    """The verdict that an action ends with."""
    with pytest.raises(EngineUnavailable) as error:
        action()
    return error.value.verdict.word


@pytest.mark.parametrize("pattern", ["", "index-*", "shards-*", "shards-*/*", "setup-*"])
def test_whatever_part_is_removed_the_next_operations_mend_it(
    files: FileEngine, tmp_path: Path, pattern: str
) -> None:
    other = new_engine(tmp_path / "cache")
    other.get("key1")
    removed = [tmp_path / "cache"] if not pattern else list((tmp_path / "cache").glob(pattern))
    assert removed
    for path in removed:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    for number in range(50):
        assert files.get(f"key{number}") in (MISSING, number)
        files.set(f"key{number}", -number, 300)
    # Both are in the same directory again: what one stores, the other reads and increments.
    for number in range(50):
        assert other.incr(f"key{number}", 1) == 1 - number
        assert files.get(f"key{number}") == 1 - number
    assert other.add("key1", 0, 300) is False
    assert files.contents() == other.contents() == on_disk(tmp_path)


def use_all(mine: FileEngine, number: int) -> list[str]:
    """Do a bit of everything and return what was wrong with it."""
    wrong = []
    try:
        for each in range(20):
            key = f"{number}:{each}"
            mine.set(key, each, 300)
            if mine.get(key) not in (MISSING, each):
                wrong.append(key)
            mine.incr(key, 0)
            mine.delete(key)
            mine.contents()
        mine.sweep(0.01)
    except EngineUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 (whatever it is, the test shall say it)
        wrong.append(repr(error))
    return wrong


def test_a_directory_removed_again_and_again_under_load_raises_nothing(tmp_path: Path) -> None:
    done = threading.Event()
    errors: list[str] = []

    def work(number: int) -> None:
        mine = new_engine(tmp_path / "cache", max_entries=500)
        while not done.is_set():
            # That it is unavailable is allowed: the selector would take over.
            with contextlib.suppress(EngineUnavailable):
                errors.extend(use_all(mine, number))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(40):
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
    done.set()
    for thread in threads:
        thread.join()
    assert errors == []
    files = new_engine(tmp_path / "cache", max_entries=500)
    files.set("after", 1, 300)
    assert files.get("after") == 1


def test_a_file_in_the_place_of_the_directory_is_said(files: FileEngine, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "cache")
    (tmp_path / "cache").touch()
    assert refused(lambda: files.set("a", 1, 300)) == "not writable"
    assert refused(lambda: files.delete("key1")) == "not writable"
    assert refused(lambda: files.probe()) == "not writable"
    assert files.get("key1") is MISSING
    assert files.contents().entries in (0, 50)


# --- A full disk ---


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, with very little room (as root), or none left for larger files."""
    path = tmp_path / "disk"
    path.mkdir()
    if os.geteuid() == 0:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(path)], check=True)
        yield path
        subprocess.run(["umount", "-l", str(path)], check=True)
        return
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, before[1]))
    yield path
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def fill(files: FileEngine, size: int) -> None:
    for number in range(1000):
        files.set(f"key{number}", os.urandom(size), 300)


def test_a_full_disk_is_said_and_never_half_a_value_read(small_disk: Path) -> None:
    files = new_engine(small_disk / "cache", max_entries=100_000)
    files.set("before", "value", 300)
    assert refused(lambda: fill(files, 50_000)) == "disk full"
    assert files.get("before") in (MISSING, "value")
    found = [files.get(f"key{number}") for number in range(20)]
    assert all(value is MISSING or len(value) == 50_000 for value in found)
    assert files.contents() == on_disk(small_disk)


def test_a_value_that_could_not_grow_is_gone_not_old(small_disk: Path) -> None:
    files = new_engine(small_disk / "cache", max_entries=100_000)
    files.set("a", "old", 300)
    assert refused(lambda: files.set("a", os.urandom(400_000), 300)) == "disk full"
    assert files.get("a") is MISSING


def test_no_room_even_for_an_index(small_disk: Path) -> None:
    if os.geteuid() == 0:
        (small_disk / "filler").write_bytes(os.urandom(240_000))
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            (small_disk / "rest").write_bytes(os.urandom(100_000))
    else:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    files = new_engine(small_disk / "cache", max_entries=1_000_000)
    assert refused(lambda: files.set("a", 1, 300)) == "disk full"
    assert files.get("a") is MISSING
    assert not list(small_disk.rglob("index-*"))


ERRORS = [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EMFILE]


@pytest.mark.parametrize("number", ERRORS)
def test_no_error_of_the_system_reaches_the_caller_as_it_is(
    files: FileEngine, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    files.set("n", 1, 300)

    def fail(*args: object, **kwargs: object) -> object:
        raise OSError(number, os.strerror(number))

    actions: list[Callable[[], object]] = [
        lambda: files.set("key1", "x", 300),
        lambda: files.set("another", "x", 300),
        lambda: files.incr("n", 1),
        lambda: files.touch("key2", 300),
        lambda: files.delete("key3"),
        lambda: files.add("third", 1, 300),
        lambda: files.get("key4"),
        files.contents,
        lambda: list(files.names()),
        lambda: files.sweep(0.1),
        files.reclaim,
    ]
    verdicts = set()
    for name in ("pwrite", "open", "unlink", "lstat", "pread", "fstat"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, fail)
            verdicts |= {verdict_of(action) for action in actions}
    assert verdicts == {None, unavailable(OSError(number, "")).verdict.word}
    files.set("key1", "mended", 300)
    assert files.get("key1") == "mended"


def test_a_write_that_stops_short_is_a_full_disk(files: FileEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwrite

    def short(descriptor: int, content: bytes, offset: int) -> int:
        return real(descriptor, content[: len(content) // 2] if len(content) > 100 else content, offset)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", short)
        assert refused(lambda: files.set("key1", "x" * 500, 300)) == "disk full"
        assert refused(lambda: files.set("new", "x" * 500, 300)) == "disk full"
    assert files.get("key1") is MISSING
    assert files.get("new") is MISSING
    files.set("key1", 1, 300)
    assert files.contents().entries == 50


def test_the_site_goes_on_in_memory_and_comes_back(new_cache: CacheMaker, tmp_path: Path) -> None:
    cache = new_cache("file")
    cache.set("a", "old")
    shutil.rmtree(tmp_path / "cache")
    (tmp_path / "cache").touch()
    cache.set("a", "new")
    assert cache.get("a") == "new"
    assert cache.space.selector.status().engine == "memory"


def test_a_cache_emptied_while_it_is_looked_at_holds_nothing(
    files: FileEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_: object) -> None:
        raise Gone

    monkeypatch.setattr(Place, "records", gone)
    assert files.contents().entries == 0
    assert list(files.names()) == []
    assert files.sweep(1.0) is False


def test_a_probe_that_reads_something_else_fails(files: FileEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FileEngine, "get", lambda self, key: "something else")
    assert refused(files.probe) == "error"


def test_a_directory_that_vanishes_with_every_try_is_said(
    files: FileEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise Gone

    monkeypatch.setattr(Shard, "store", gone)
    assert refused(lambda: files.set("a", 1, 300)) == "not writable"


def test_no_room_can_be_made_in_a_cache_that_was_emptied_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = new_engine(tmp_path / "cache", max_entries=2)
    errors: list[Exception] = [Gone(), OSError(errno.EROFS, "read-only")]

    def fail(*_: object) -> None:
        raise errors[0]

    monkeypatch.setattr("cacheadmin.engines.file.store.make_room", fail)
    for number in range(4):
        files.set(f"key{number}", number, 300)
    assert files.get("key3") == 3
    errors.pop(0)
    assert refused(lambda: files.set("one more", 1, 300)) == "not writable"


def test_an_index_that_cannot_be_put_in_place_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    files = new_engine(tmp_path / "cache")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, content: real(descriptor, content[:10]))
        assert refused(lambda: files.set("a", 1, 300)) == "disk full"
    assert not list(tmp_path.rglob("new-*"))
    files.set("a", 1, 300)
    assert files.get("a") == 1


def test_what_cannot_be_renewed_is_still_read(files: FileEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    files.set("lasting", 1, None)

    def fail(*_: object) -> None:
        raise OSError(errno.EROFS, "read-only")

    with time_machine.travel(time.time() + 2 * 86_400):
        monkeypatch.setattr(Shard, "store", fail)
        assert files.get("lasting") == 1
