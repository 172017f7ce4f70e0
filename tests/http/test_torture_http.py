"""The short form of the torture over HTTP, and that its players would notice."""

from __future__ import annotations

import http.client
import threading
import time
from pathlib import Path

import pytest

from tests.servers.site import Site
from tests.servers.visitor import Answer
from tests.sites import SiteMaker
from tests.torture.http import record as facts
from tests.torture.http.players import ARTICLES, LIMIT, WINDOW, Ghost, Member, Reader, window_of
from tests.torture.http.record import Record
from tests.torture.http.run import WORKERS, Result, changes_in, most_attempts, run
from tests.torture.http.scenes import SCENES, SWITCHED, Scene

KILLED = next(scene for scene in SCENES if scene.name == "killed, its data kept")


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.parametrize("scene", [KILLED, SWITCHED], ids=lambda scene: scene.name)
def test_nobody_meets_what_must_not_be(scene: Scene, new_site: SiteMaker) -> None:
    result = run(scene, lambda url: new_site(workers=WORKERS, REDIS_URL=url, LOG_LEVEL="INFO"), 5)
    assert result.is_good, "\n".join([result.line(), *result.record.words])
    assert result.changes
    expected = {"read", "save", "log in", "log out", "dashboard", "ghost", "guess"}
    assert expected <= set(result.record.took)


# --- They would notice ---


@pytest.fixture
def record() -> Record:
    """Article 0 is at version 2; its version 3 is on its way."""
    made = Record(ARTICLES)
    for _ in range(2):
        made.finish(0, made.begin(0))
    made.begin(0)
    return made


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site that is not there."""
    return Site(tmp_path / "var")


def page(*versions: int, status: int = 200) -> Answer:
    words = " ".join(f"Tale 0, version {version}." for version in versions)
    return Answer(status, http.client.HTTPMessage(), words.encode(), "/")


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (page(2, 2), 0),
        (page(3), 0),
        (page(1), 1),
        (page(4), 1),
        (page(), 1),
        (page(2, status=404), 1),
        (page(2, 3), 1),
    ],
    ids=["right", "on its way", "old", "made up", "missing", "not found", "of two versions"],
)
def test_a_reader_knows_right_from_wrong(record: Record, site: Site, answer: Answer, wrong: int) -> None:
    time.sleep(0.01)
    Reader(site, record, threading.Event()).judge("/articles/tale-0/", time.time(), answer, {0})
    assert record.failures[facts.WRONG] == wrong


def test_on_memory_what_was_right_two_seconds_ago_is_right(record: Record, site: Site) -> None:
    reader, moment = Reader(site, record, threading.Event()), time.time() + 1
    record.is_on_memory = True
    reader.judge("/articles/tale-0/", moment, page(1), {0})
    assert not record.failures
    reader.judge("/articles/tale-0/", moment + 1.5, page(1), {0})
    assert record.failures == {facts.WRONG: 1}


@pytest.mark.parametrize(
    ("status", "failures"),
    [
        (200, {facts.RESURRECTED: 1}),
        (302, {facts.LOGGED_OUT: 1}),
        (500, {facts.FAILED: 2}),
        (None, {facts.FAILED: 2}),
    ],
)
def test_members_and_ghosts_notice(
    status: int | None,
    failures: dict[str, int],
    record: Record,
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answer(*_words: object, **_more: object) -> Answer:
        if status is None:
            raise ConnectionRefusedError
        return page(status=status)

    monkeypatch.setattr("tests.servers.visitor.Visitor.request", answer)
    Ghost(site, record, threading.Event(), ["a cookie"]).act()
    Member(site, record, threading.Event(), "member0").is_in()
    assert record.failures == failures


def test_a_player_that_breaks_off_is_a_failure(record: Record, site: Site) -> None:
    player = Ghost(site, record, threading.Event(), ["a cookie"])
    player.site = None  # type: ignore[assignment]
    player.run()
    assert record.failures == {facts.FAILED: 1}


def test_windows_and_changes_are_found() -> None:
    end = window_of("198.19.1.1", 1_000_000.5)
    assert 0 <= end - 1_000_000 < WINDOW
    assert window_of("198.19.1.1", end + 0.5) == end
    assert window_of("198.19.1.1", end + 1) == end + WINDOW
    said = (
        "2026-11-22 10:00:00,250 WARNING cacheadmin: Cache engine: redis -> file (refused)\n"
        "2026-11-22 10:00:02,500 INFO cacheadmin: Cache engine: file -> redis (found)\n"
        "2026-11-22 10:00:03,000 INFO cacheadmin: Cache engine: redis (found)\n"
    )
    emptied = "2026-11-22 10:00:01,250 WARNING cacheadmin: Redis has come back …; the cache is emptied.\n"
    (first, away), (second, back) = changes_in(said, 0)
    assert (second - first, away, back) == (2.25, "file", "redis")
    assert changes_in(said, first + 1) == [(second, "redis")]
    # One process after the other, whenever each of them said it.
    assert changes_in(said + emptied, 0) == [(first, "file"), (first + 1, "file"), (second, "redis")]


def test_each_engine_counts_anew_and_on_memory_each_worker() -> None:
    assert most_attempts(160, []) == LIMIT
    assert most_attempts(160, [(90.0, "file"), (120.0, "redis")]) == 2 * LIMIT
    assert most_attempts(160, [(90.0, "memory"), (120.0, "redis")]) == (WORKERS + 1) * LIMIT
    assert most_attempts(160, [(120.0, "memory"), (190.0, "redis")]) == (1 + WORKERS) * LIMIT


def test_a_result_is_good_only_if_nothing_failed_and_something_was_done() -> None:
    record = Record(1)
    assert not Result("scene", record, 0.0, 0).is_good
    record.note("read", 1.0, 0.2)
    record.note("read", 3.0, 0.7)
    assert Result("scene", record, 0.0, 0).is_good
    assert (record.requests, record.longest, record.stalls) == (2, 0.7, 1)
    assert record.lost_seconds(2.0) == pytest.approx(0.5)
    for name in facts.FAILURES:
        record.failures.clear()
        record.complain(name, "words")
        assert not Result("scene", record, 0.0, 0).is_good
