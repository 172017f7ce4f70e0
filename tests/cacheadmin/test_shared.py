"""The words that the workers of a machine share: seen at once, kept over damage, private where need be."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

import pytest

from cacheadmin import shared
from cacheadmin.shared import ACTIVE, LAYOUT, SIZE, SLOTS, SharedState, state_path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_what_one_writes_the_other_reads(path: Path) -> None:
    first, second = SharedState(path), SharedState(path)
    assert first.is_shared
    assert second.is_shared
    first.write(ACTIVE, 3)
    assert second.read(ACTIVE) == 3


def test_a_group_has_one_cell_for_everybody_and_another_group_another(path: Path) -> None:
    first, second = SharedState(path), SharedState(path)
    cell = first.generation_cell("site", "content")
    assert second.generation_cell("site", "content") == cell
    others = {
        first.generation_cell("site", "users"),
        first.generation_cell("other site", "content"),
        second.generation_cell("sitecontent", ""),
    }
    assert len(others | {cell}) == 4


def test_generations_only_grow(path: Path) -> None:
    words = SharedState(path)
    cell = words.generation_cell("site", "content")
    seen = [words.generation(cell), *(words.advance(cell) for _ in range(100))]
    words.adopt(cell, 5)
    seen.append(words.generation(cell) + 1)
    words.adopt(cell, seen[-1] + 10**12)
    seen.append(words.generation(cell))
    words.advance_all()
    # Even where another machine's clock is ahead.
    seen.append(words.generation(cell))
    assert seen == sorted(set(seen))


def test_a_state_survives_its_process(path: Path) -> None:
    words = SharedState(path)
    cell = words.generation_cell("site", "content")
    generation = words.advance(cell)
    again = SharedState(path)
    assert again.generation(again.generation_cell("site", "content")) == generation


def test_when_all_slots_are_taken_the_last_is_shared(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = 100
    assert few < SLOTS
    monkeypatch.setattr(shared, "SLOTS", few)
    words = SharedState(path)
    cells = [words.generation_cell("site", f"group{number}") for number in range(few + 5)]
    assert len(set(cells)) == few
    assert set(cells[few:]) == {cells[few - 1]}
    before = [words.begin(cell) for cell in cells]
    words.advance_all()
    assert all(words.generation(cell) > old for cell, old in zip(cells, before, strict=True))


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * SIZE, bytes(SIZE)])
def test_a_damaged_file_is_begun_anew(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    words = SharedState(path)
    assert words.read(ACTIVE) == 0
    assert words.advance(words.generation_cell("site", "content")) > 0
    assert int.from_bytes(path.read_bytes()[:8], "little") == LAYOUT


def test_the_file_takes_real_blocks_and_is_its_owners(path: Path) -> None:
    SharedState(path)
    status = path.stat()
    # A hole that is touched on a full disk kills the process.
    assert status.st_blocks * 512 >= SIZE
    assert status.st_mode & 0o777 == 0o600


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "somebody's file"
    target.write_text("precious")
    path.symlink_to(target)
    words = SharedState(path)
    assert not words.is_shared
    words.write(ACTIVE, 1)
    assert target.read_text() == "precious"


def test_without_a_file_the_words_are_this_process_alone(tmp_path: Path) -> None:
    (tmp_path / "in the way").touch()
    words = SharedState(tmp_path / "in the way" / "state")
    assert not words.is_shared
    with words.lock(), words.lock():
        cell = words.generation_cell("site", "content")
        assert words.advance(cell) == words.generation(cell)


def test_a_removed_file_stops_nobody(path: Path) -> None:
    words = SharedState(path)
    cell = words.generation_cell("site", "content")
    path.unlink()
    assert words.advance(cell) == words.generation(cell)


def test_the_lock_keeps_threads_and_handles_apart(path: Path) -> None:
    first, second = SharedState(path), SharedState(path)
    order: list[str] = []

    def other() -> None:
        with second.lock():
            order.append("other")

    with first.lock():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "other"]


def test_the_state_lies_with_the_files_or_among_the_temporary_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert state_path(tmp_path / "cache", "x").parent == tmp_path / "cache"
    (tmp_path / "in the way").touch()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    elsewhere = state_path(tmp_path / "in the way" / "cache", "x")
    assert elsewhere.parent == tmp_path / f"cacheadmin-{os.geteuid()}"
    assert SharedState(elsewhere).is_shared
    assert elsewhere.parent.stat().st_mode & 0o777 == 0o700
    # Two projects without directories do not share a state.
    assert elsewhere != state_path(tmp_path / "in the way" / "other", "x")


def test_words_that_could_not_be_shared_are_shared_once_they_can(path: Path) -> None:
    first, second = SharedState(path), SharedState(path)
    path.unlink()
    path.mkdir()
    assert first.mend() is True
    assert first.is_shared is False
    # It is tried again, and nothing of its own is lost as long as it fails.
    first.write(ACTIVE, 2)
    assert first.mend() is False
    assert first.read(ACTIVE) == 2
    path.rmdir()
    assert first.mend() is True
    assert second.mend() is True
    first.write(ACTIVE, 3)
    assert second.read(ACTIVE) == 3


def test_a_holder_of_the_lock_that_does_not_go_on_is_not_waited_for_for_ever(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    words = SharedState(path)
    cell = words.generation_cell("site", "content")
    before = words.begin(cell)
    monkeypatch.setattr(shared, "PATIENCE", 0.2)
    with path.open("r+") as stopped:
        fcntl.flock(stopped, fcntl.LOCK_EX)
        assert words.advance(cell) > before
    assert "does not go on" in caplog.text
