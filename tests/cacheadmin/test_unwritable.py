"""A directory that cannot be used is passed over, a disk that fills is left: memory serves meanwhile."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cacheadmin.backend import AdaptiveCache
from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.engines.file import check_directory
from tests.cacheadmin.waiting import wait_until
from tests.cacheadmin.workers import Worker

WorkerMaker = Callable[..., Worker]
CacheMaker = Callable[..., AdaptiveCache]
# Modes mean nothing to root: somebody else has to try. Nobody needs to be listed under this number.
SOMEBODY = 12345 if os.geteuid() == 0 else os.geteuid()
USE = "cache.set('a', (1, 2)); cache.incr('n') if cache.add('n', 1) is False else None"


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that everybody can enter, unlike those of pytest."""
    path = Path(tempfile.mkdtemp(prefix="cacheadmin-tests-"))
    path.chmod(0o755)
    yield path
    for inner in path.rglob("*"):
        if inner.is_dir():
            inner.chmod(0o700)
    shutil.rmtree(path)


@pytest.fixture
def temporary(place: Path) -> dict[str, str]:
    """A directory for temporary files of their own, so that nothing is left in the machine's."""
    path = place / "tmp"
    path.mkdir()
    path.chmod(0o1777)
    return {"TMPDIR": str(path)}


def directory_with_mode(place: Path, mode: int) -> Path:
    path = place / "cache"
    path.mkdir()
    path.chmod(mode)
    return path


@pytest.mark.parametrize("choice", ["auto", "file", "redis"])
def test_an_unwritable_directory_means_memory(
    new_worker: WorkerMaker, place: Path, temporary: dict[str, str], choice: str
) -> None:
    directory = directory_with_mode(place, 0o555)
    worker = new_worker(choice, directory=directory, user=SOMEBODY, environment=temporary)
    worker("from cacheadmin import detect; detect.LOCALHOST = ''")
    worker(USE)
    assert worker.engine == "memory"
    assert worker("cache.get('a')") == (1, 2)
    assert list(directory.iterdir()) == []
    status = "cache.space.selector.status()"
    # `auto` never had anything better; who chose files or Redis shall hear that it is not so.
    assert worker(f"{status}.is_degraded") is (choice != "auto")
    assert worker(f"{status}.reason.word") in ("not writable", "unsafe directory")


def test_workers_without_a_directory_still_share_what_was_cleared(
    new_worker: WorkerMaker, place: Path, temporary: dict[str, str]
) -> None:
    directory = directory_with_mode(place, 0o555)
    first, second = (
        new_worker("file", directory=directory, user=SOMEBODY, environment=temporary) for _ in range(2)
    )
    for worker in (first, second):
        worker("cache.set('content:a', 1)")
    first("cacheadmin.clear_group('content')")
    assert second("cache.get('content:a')") is None


def test_without_any_place_at_all_each_process_goes_on_for_itself(
    new_worker: WorkerMaker, place: Path
) -> None:
    directory = directory_with_mode(place, 0o555)
    worker = new_worker("auto", directory=directory, user=SOMEBODY)
    worker("import tempfile; tempfile.tempdir = '/proc/nothing'")
    worker("from cacheadmin import detect; detect.LOCALHOST = ''")
    worker(USE)
    assert (worker.engine, worker("cache.get('a')")) == ("memory", (1, 2))
    worker("cache.clear()")
    assert worker("cache.get('a')") is None
    assert worker("cache.space.selector.words.is_shared") is False
    assert "cannot be shared between workers" in worker.said()


def test_a_machine_without_temporary_files_stops_nothing(new_worker: WorkerMaker, place: Path) -> None:
    directory = directory_with_mode(place, 0o555)
    worker = new_worker("file", directory=directory, user=SOMEBODY)
    worker(
        "import tempfile\ndef none(): raise FileNotFoundError('no usable temporary directory')\n"
        "tempfile.gettempdir = none"
    )
    worker(USE)
    assert worker("cache.get('a')") == (1, 2)
    if os.geteuid() != SOMEBODY:
        # The usual place was tried all the same, and it could be used.
        shutil.rmtree(f"/tmp/cacheadmin-{SOMEBODY}", ignore_errors=True)


def test_it_returns_to_files_when_the_directory_can_be_written_again(
    new_worker: WorkerMaker, place: Path, temporary: dict[str, str]
) -> None:
    if os.geteuid() != SOMEBODY:
        directory = directory_with_mode(place, 0o700)
        os.chown(directory, SOMEBODY, SOMEBODY)
    else:
        directory = directory_with_mode(place, 0o700)
    worker = new_worker("file", directory=directory, user=SOMEBODY, environment=temporary)
    worker("cache.set('a', 'old')")
    assert worker.engine == "file"
    for path in [directory, *directory.rglob("*")]:
        if path.is_dir():
            path.chmod(0o500)
    # A value can still be written over the one that is there; another key needs a new file.
    worker("cache.set('b', 'new'); cache.set('a', 'new')")
    assert (worker.engine, worker("cache.get('a')")) == ("memory", "new")
    for path in [directory, *directory.rglob("*")]:
        if path.is_dir():
            path.chmod(0o700)
    wait_until(lambda: worker.engine == "file", seconds=5)
    assert worker("cache.get('a')") != "old"


def test_a_full_disk_is_left_until_there_is_room(new_worker: WorkerMaker) -> None:
    worker = new_worker("file")
    worker("cache.set('a', 'old')")
    # To a process that may make no larger files, every disk is full.
    worker(
        "import resource; before = resource.getrlimit(resource.RLIMIT_FSIZE);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (64, before[1]))"
    )
    worker("cache.set('a', 'new')")
    assert (worker.engine, worker("cache.get('a')")) == ("memory", "new")
    assert worker("cache.space.selector.status().reason.word") == "disk full"
    worker("time.sleep(1.2)")
    # A probe that only looked at the directory would have gone back by now.
    assert worker.engine == "memory"
    worker("resource.setrlimit(resource.RLIMIT_FSIZE, before)")
    wait_until(lambda: worker.engine == "file", seconds=5)
    assert worker("cache.get('a')") != "old"


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o722])
def test_a_directory_that_others_can_write_is_not_trusted(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "shared"
    path.mkdir()
    path.chmod(mode)
    with pytest.raises(EngineUnavailable) as refused:
        check_directory(path)
    assert refused.value.verdict.word == "unsafe directory"


def test_a_directory_is_made_for_its_owner_alone(tmp_path: Path, new_cache: CacheMaker) -> None:
    cache = new_cache("file", DIRECTORY=str(tmp_path / "deep" / "cache"))
    cache.set("a", 1)
    for path in (tmp_path / "deep" / "cache").rglob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_a_state_file_of_somebody_else_is_not_used(new_worker: WorkerMaker, place: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    directory = directory_with_mode(place, 0o755)
    worker = new_worker("file", directory=directory)
    worker("cache.get('a')")
    (path,) = [path for path in directory.iterdir() if path.name.startswith("state-")]
    os.chown(path, SOMEBODY, SOMEBODY)
    other = new_worker("file", directory=directory)
    other("cache.set('a', 1)")
    assert other("cache.get('a')") == 1
    assert other("cache.space.selector.words.is_shared") is False
