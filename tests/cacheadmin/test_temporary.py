"""The private directory among the temporary files: ours alone, or not used at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.core.cache import caches
from pytest_django import Settings

from cacheadmin import temporary
from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.engines.file import check_directory
from cacheadmin.shared import SharedState, state_path
from cacheadmin.verdicts import Verdict
from tests.engines import fresh_name

NOBODY = 65534


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the private directory will be, among temporary files of this test."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path / f"cacheadmin-{os.geteuid()}"


def open_to_others(place: Path) -> None:
    place.mkdir()
    place.chmod(0o755)


def a_link(place: Path) -> None:
    (place.parent / "elsewhere").mkdir(mode=0o700)
    place.symlink_to(place.parent / "elsewhere")


def a_file(place: Path) -> None:
    place.touch(0o700)


def somebody_elses(place: Path) -> None:
    place.mkdir(mode=0o700)
    os.chown(place, NOBODY, NOBODY)


HARMS = [open_to_others, a_link, a_file]


@pytest.fixture(params=[*HARMS, somebody_elses] if os.geteuid() == 0 else HARMS)
def squatted(request: pytest.FixtureRequest, place: Path) -> Path:
    """The same, where somebody was faster."""
    request.param(place)
    return place


def test_it_is_made_for_us_alone(place: Path) -> None:
    check_directory(place / "files")
    assert place.stat().st_mode & 0o777 == 0o700
    check_directory(place / "files")


def test_it_is_made_anew_after_a_sweep_of_the_temporary_files(place: Path) -> None:
    path = state_path(place / "files", "a cache")
    assert SharedState(path).is_shared
    for file in (path, path.parent, place):
        file.unlink() if file.is_file() else file.rmdir()
    assert SharedState(path).is_shared
    assert place.stat().st_mode & 0o777 == 0o700


def test_no_state_is_shared_in_what_is_not_ours_alone(squatted: Path, tmp_path: Path) -> None:
    (tmp_path / "in the way").touch()
    words = SharedState(state_path(tmp_path / "in the way" / "cache", "x"))
    assert words.path.parent == squatted
    assert not words.is_shared
    assert not squatted.is_dir() or not any(squatted.iterdir())


def test_no_files_are_kept_there(squatted: Path) -> None:
    with pytest.raises(EngineUnavailable) as told:
        check_directory(squatted / "files")
    assert told.value.verdict is Verdict.UNSAFE_DIRECTORY
    assert str(squatted) in told.value.detail


def test_a_cache_without_a_directory_keeps_to_memory_then(squatted: Path, settings: Settings) -> None:
    entry = {
        "BACKEND": "cacheadmin.backend.AdaptiveCache",
        "KEY_PREFIX": fresh_name("test"),
        "OPTIONS": {"ENGINE": "file"},
    }
    settings.CACHES = {**settings.CACHES, "default": entry}
    caches["default"].set("a", 1)
    assert caches["default"].get("a") == 1
    assert caches["default"].space.selector.status().engine == "memory"  # type: ignore[attr-defined]
    assert not squatted.is_dir() or not any(squatted.iterdir())


def test_other_places_are_no_matter_of_it(squatted: Path, tmp_path: Path) -> None:
    temporary.require_private(tmp_path / "cache")
    check_directory(tmp_path / "cache")


def test_where_it_cannot_be_made_the_system_says_why(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place.parent / "none").touch()
    monkeypatch.setattr("tempfile.tempdir", str(place.parent / "none"))
    with pytest.raises(NotADirectoryError):
        temporary.require_private(temporary.private_directory() / "files")


def test_where_no_temporary_file_can_be_made_it_has_a_name_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail() -> str:
        raise FileNotFoundError

    monkeypatch.setattr("tempfile.gettempdir", fail)
    assert temporary.private_directory().name == f"cacheadmin-{os.geteuid()}"
