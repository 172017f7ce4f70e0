"""Whatever is found among the files of a cache: a miss at the worst, and the next write mends it."""

from __future__ import annotations

import itertools
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cacheadmin.engines.base import MISSING
from cacheadmin.engines.file import FileEngine
from cacheadmin.engines.file.entry import MAGIC, name_of, pack
from cacheadmin.engines.file.place import FIRST_RECORD, INDEX
from cacheadmin.engines.file.shard import Shard
from tests.cacheadmin.files import new_engine, on_disk
from tests.cacheadmin.workers import Worker

WorkerMaker = Callable[..., Worker]
SOMEBODY = 12345 if os.geteuid() == 0 else os.geteuid()
# Seconds from now to a sweep, each one due after the other.
_LATER = itertools.count(5, 2)
FUZZ = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def files(tmp_path: Path) -> FileEngine:
    made = new_engine(tmp_path / "cache", max_entries=100)
    made.set("a", "value", 300)
    return made


def index_of(files: FileEngine) -> Path:
    (found,) = files.path_of("a").parents[2].glob(INDEX)
    return found


def assert_it_works(files: FileEngine) -> None:
    """Everything goes on, and the counts are right."""
    for number in range(3):
        files.set(f"key{number}", number, 300)
        assert files.get(f"key{number}") == number
        assert files.incr(f"key{number}", 1) == number + 1
        assert files.delete(f"key{number}") is True
    root = files.path_of("a").parents[2]
    assert files.contents() == on_disk(root)


def put_pipe(path: Path) -> None:
    os.mkfifo(path)


def put_link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def put_loose_link(path: Path) -> None:
    path.symlink_to("nowhere")


def put_full_directory(path: Path) -> None:
    (path / "deep").mkdir(parents=True)
    (path / "deep" / "file").touch()


def put_empty_file(path: Path) -> None:
    path.touch()


def put_large_rubbish(path: Path) -> None:
    path.write_bytes(b"\xff" * 200_000)


def put_endless_lengths(path: Path) -> None:
    path.write_bytes(MAGIC + b"\xff" * 80_000)


THINGS = [
    put_pipe,
    put_link,
    put_loose_link,
    put_full_directory,
    put_empty_file,
    put_large_rubbish,
    put_endless_lengths,
]
USES: list[Callable[[FileEngine], object]] = [
    lambda files: files.get("a"),
    lambda files: files.touch("a", 60),
    lambda files: files.incr("a", 1),
    lambda files: files.remaining("a"),
    lambda files: files.get_many(["a"]),
    lambda files: files.delete("a"),
    lambda files: list(files.names()),
    lambda files: files.sweep(1),
]


@pytest.mark.parametrize("put", THINGS, ids=lambda put: put.__name__)
def test_a_strange_thing_in_the_place_of_an_entry_is_a_miss_for_all(
    files: FileEngine, put: Callable[[Path], None]
) -> None:
    path = files.path_of("a")
    for use in USES:
        path.unlink()
        put(path)
        assert use(files) in (MISSING, False, True, {}, [])
        files.set("a", "again", 300)
        assert files.get("a") == "again"
    assert_it_works(files)
    assert Path("/etc/passwd").stat().st_size > 0


@pytest.mark.parametrize("put", THINGS, ids=lambda put: put.__name__)
def test_a_strange_thing_is_counted_and_removed_by_a_read(
    files: FileEngine, put: Callable[[Path], None]
) -> None:
    path = files.path_of("a")
    path.unlink()
    put(path)
    assert files.get("a") is MISSING
    assert files.damaged == 1
    assert not os.path.lexists(path)
    assert files.contents().entries == 0


def test_add_takes_the_place_of_a_strange_thing(files: FileEngine) -> None:
    for put in THINGS:
        path = files.path_of("a")
        path.unlink()
        put(path)
        assert files.add("a", put.__name__, 60) is True
        assert files.get("a") == put.__name__


def test_a_file_that_cannot_be_read_is_a_miss_and_goes(new_worker: WorkerMaker) -> None:
    place = Path(tempfile.mkdtemp())
    os.chown(place, SOMEBODY, -1)
    try:
        worker = new_worker("file", directory=place, user=SOMEBODY)
        worker("cache.set('a', 1); path = cache.space.engine().path_of(cache.full_key('a'))")
        worker("path.chmod(0)")
        assert worker("cache.get('a')") is None
        assert worker("(path.exists(), cache.space.engine().damaged)") == (False, 1)
        worker("cache.set('a', 2); path.chmod(0); cache.set('a', 3)")
        assert worker("(cache.get('a'), cache.space.contents().entries)") == (3, 1)
        assert worker.engine == "file"
    finally:
        shutil.rmtree(place)


def test_out_of_descriptors_nothing_is_taken_for_damaged(files: FileEngine, new_worker: WorkerMaker) -> None:
    worker = new_worker("file")
    worker("cache.set('a', 1); path = cache.space.engine().path_of(cache.full_key('a'))")
    worker(
        "import resource; before = resource.getrlimit(resource.RLIMIT_NOFILE);"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))"
    )
    assert worker("cache.get('a')") is None
    worker("resource.setrlimit(resource.RLIMIT_NOFILE, before)")
    assert worker("(path.exists(), cache.get('a'))") == (True, 1)


def test_a_read_in_the_middle_of_a_write_waits_for_its_end(
    files: FileEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = files.path_of("a")
    whole = path.read_bytes()
    path.write_bytes(whole[:-3] + b"new")
    read = Shard.read

    def finish_and_read(shard: Shard, digest: str) -> bytes | None:
        # By the time the reader has the lock, the writer has finished.
        path.write_bytes(whole)
        return read(shard, digest)

    monkeypatch.setattr(Shard, "read", finish_and_read)
    assert files.get("a") == "value"
    assert files.damaged == 0


def test_an_entry_of_another_version_stays_until_it_is_replaced(files: FileEngine) -> None:
    path = files.path_of("a")
    content = b"cae9" + path.read_bytes()[4:]
    path.write_bytes(content)
    for use in USES[:5]:
        assert use(files) in (MISSING, False, {})
    files._renew(name_of("a"), path.name)
    assert path.read_bytes() == content
    assert files.damaged == 0
    assert files.add("a", "ours", 60) is True
    assert files.get("a") == "ours"


def test_an_entry_copied_from_another_key_is_a_miss(files: FileEngine) -> None:
    files.set("b", "of b", 300)
    shutil.copy(files.path_of("b"), files.path_of("a"))
    assert files.get("a") is MISSING
    # Nor does it help to write the other key into the header: the value is signed for its own.
    files.set("a", "value", 300)
    data = files._serializer.dumps("b", "of b")
    files.path_of("a").write_bytes(pack(name_of("a"), data, time.time() + 60, time.time()))
    assert files.get("a") is MISSING
    assert files.get("b") == "of b"
    assert files.damaged == 2


@given(content=st.binary(max_size=400) | st.binary(max_size=300).map(lambda rest: MAGIC + rest))
@FUZZ
def test_any_bytes_in_the_place_of_an_entry_are_a_miss(fuzzed: FileEngine, content: bytes) -> None:
    fuzzed.set("a", "value", 300)
    fuzzed.path_of("a").write_bytes(content)
    assert fuzzed.get("a") is MISSING
    assert fuzzed.remaining("a") is MISSING
    assert_it_works(fuzzed)


@given(data=st.data())
@FUZZ
def test_a_changed_byte_is_a_miss_or_the_value(fuzzed: FileEngine, data: st.DataObject) -> None:
    fuzzed.set("a", ("value", 1), 300)
    path = fuzzed.path_of("a")
    content = bytearray(path.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)) | st.none())
    path.write_bytes(content[:cut])
    assert fuzzed.get("a") in (MISSING, ("value", 1))
    # What now looks like another version's was left alone; its new length is noticed by the next sweep.
    with time_machine.travel(time.time() + next(_LATER), tick=True):
        assert fuzzed.sweep(1.0)
    assert_it_works(fuzzed)


@given(data=st.data())
@FUZZ
def test_a_damaged_index_is_mended(fuzzed: FileEngine, data: st.DataObject) -> None:
    fuzzed.set("a", "value", 300)
    index = index_of(fuzzed)
    content = bytearray(index.read_bytes())
    rubbish = data.draw(st.binary(min_size=1, max_size=len(content)))
    position = data.draw(st.integers(0, len(content) - len(rubbish)))
    content[position : position + len(rubbish)] = rubbish
    with index.open("r+b") as file:
        file.write(content)
        file.truncate(data.draw(st.just(len(content)) | st.integers(0, len(content))))
    assert fuzzed.get("a") in (MISSING, "value")
    assert_it_works(fuzzed)
    # A worker that starts now may not trust the index that the first one still goes by; both go on.
    other = new_engine(Path(fuzzed._store.root), max_entries=100)
    assert_it_works(other)
    fuzzed._store.current().look_at = 0
    assert_it_works(fuzzed)
    fuzzed.set("shared", 1, 60)
    assert other.get("shared") == 1


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> FileEngine:
    return new_engine(tmp_path_factory.mktemp("fuzz") / "cache", max_entries=100)


@pytest.mark.parametrize("damage", [b"", b"\0" * 8, b"\xff" * 400, b"cacheix1"])
def test_an_index_cut_or_written_over_under_use_kills_nobody(files: FileEngine, damage: bytes) -> None:
    index = index_of(files)
    with index.open("r+b") as file:
        file.truncate(len(damage))
        file.write(damage)
    files.set("b", 1, 300)
    assert files.get("b") == 1
    assert files.incr("b", 1) == 2
    assert_it_works(files)


def test_a_record_that_says_too_much_is_counted_anew(files: FileEngine) -> None:
    with index_of(files).open("r+b") as file:
        file.seek(FIRST_RECORD)
        file.write(b"\x7f" * 16)
    assert files.contents().entries == 1
    assert_it_works(files)


@pytest.mark.parametrize("put", [put_pipe, put_link, put_full_directory, put_empty_file, put_large_rubbish])
def test_a_strange_thing_in_the_place_of_the_index_is_replaced(
    files: FileEngine, put: Callable[[Path], None]
) -> None:
    index = index_of(files)
    index.unlink()
    put(index)
    files._store.current().look_at = 0
    assert files.get("a") is MISSING
    files.set("a", 2, 300)
    assert stat.S_ISREG(index.lstat().st_mode)
    assert files.get("a") == 2
    assert_it_works(files)
