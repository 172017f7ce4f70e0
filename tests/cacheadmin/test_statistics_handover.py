"""What processes have counted adds up in the database, whatever happens on the way there."""

from __future__ import annotations

import signal
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import DatabaseError, connection, transaction
from django.test import override_settings

from cacheadmin import models, stats
from cacheadmin.models import DailyKey, HourlyCount, HourlyLatency
from cacheadmin.models.statistics import LONG_AGO
from cacheadmin.stats import Batch, handover
from tests.cacheadmin.conftest import WorkerMaker
from tests.cacheadmin.waiting import Stopwatch, threads, wait_until
from tests.cacheadmin.workers import migrate, settings_of

WORK = """
for number in range({times}):
    if not cache.get(f'content:{{number % 7}}'):
        cache.set(f'content:{{number % 7}}', 1)
"""
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


@pytest.fixture(autouse=True)
def _nothing_counted(fresh_statistics: None) -> None:
    """Begin with nothing."""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A file of SQLite with the tables in it, for processes of their own."""
    place = tmp_path / "db.sqlite3"
    migrate(settings_of(engine="memory", location="", directory=tmp_path / "other", database=place))
    return place


def sums(database: Path, group: str = "content") -> dict[str, int]:
    """What that file says was counted."""
    columns = ("hits", "misses", "writes")
    asked = ", ".join(f"coalesce(sum({column}), 0)" for column in columns)
    with closing(sqlite3.connect(database)) as reader:
        row = reader.execute(f'SELECT {asked} FROM cacheadmin_hourlycount WHERE "group" = ?', [group])
        return dict(zip(columns, row.fetchone(), strict=True))


def batch(place: tuple[str, datetime, str] = ("default", NOW, "content"), **numbers: int) -> Batch:
    return Batch({place: Counter(numbers)}, {place: Counter({80: 3, 81: 2})}, {place: Counter(content=9)})


# --- Several processes ---


@pytest.mark.parametrize("end", ["end", "terminate"])
def test_the_sums_of_several_processes_that_end_politely_are_exact(
    end: str, new_worker: WorkerMaker, database: Path
) -> None:
    workers = [new_worker("file", database=database) for _ in range(3)]
    for worker in workers:
        worker.begin(WORK.format(times=1_000))
    for worker in workers:
        worker.finish()
    for worker in workers:
        worker.end() if end == "end" else worker.process.terminate()
        status = worker.process.wait(20)
        # A signal still ends the process as a signal does.
        assert status == (0 if end == "end" else -signal.SIGTERM), worker.said()
    found = sums(database)
    assert found["hits"] + found["misses"] == 3_000
    assert found["writes"] == found["misses"] >= 7


def test_a_process_hands_over_while_it_runs(new_worker: WorkerMaker, database: Path) -> None:
    worker = new_worker("file", database=database, CACHEADMIN={"STATISTICS_INTERVAL": 0.1})
    worker(WORK.format(times=100))
    wait_until(lambda: sums(database)["hits"] == 93, seconds=20)
    assert sums(database) == {"hits": 93, "misses": 7, "writes": 7}


def test_without_threads_it_is_done_after_an_answer(new_worker: WorkerMaker, database: Path) -> None:
    worker = new_worker("file", database=database, CACHEADMIN={"THREADS": False, "STATISTICS_INTERVAL": 0.0})
    worker(WORK.format(times=100))
    assert sums(database)["hits"] == 0
    worker("from django.core.signals import request_finished; request_finished.send(sender=None) and None")
    assert sums(database)["hits"] == 93


def test_a_child_counts_from_nothing(new_worker: WorkerMaker, database: Path) -> None:
    worker = new_worker("file", database=database, CACHEADMIN={"STATISTICS_INTERVAL": 600})
    worker(WORK.format(times=100))
    worker(
        "import sys\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    for _ in range(10): cache.get('content:0')\n"
        "    sys.exit(0)\n"
        "os.waitpid(child, 0)"
    )
    worker.end()
    assert sums(database)["hits"] == 103


def test_a_locked_table_costs_nothing_but_time_till_the_next_try(
    new_worker: WorkerMaker, database: Path
) -> None:
    worker = new_worker("file", database=database, CACHEADMIN={"STATISTICS_INTERVAL": 600})
    worker("from cacheadmin import stats")
    worker(WORK.format(times=100))
    with closing(sqlite3.connect(database, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert worker("stats.hand_over(patience=0.2)") is False
        assert worker.seconds < 3
        assert worker("stats.trouble()") == "OperationalError"
        worker(WORK.format(times=100))
    assert worker("stats.hand_over()") is True
    assert sums(database) == {"hits": 193, "misses": 7, "writes": 7}
    worker.end()
    assert sums(database)["hits"] == 193


def test_without_tables_the_cache_works_and_the_process_ends(new_worker: WorkerMaker) -> None:
    worker = new_worker("file", CACHEADMIN={"STATISTICS_INTERVAL": 0.1})
    worker("from cacheadmin import stats")
    worker(WORK.format(times=100))
    wait_until(lambda: bool(worker("stats.trouble()")), seconds=20)
    assert worker("cache.get('content:1')") == 1
    assert "Traceback" not in worker.said()
    worker.end()
    assert worker.process.returncode == 0


# --- The sums ---


def test_processes_that_hand_over_at_the_same_time_add_up(new_worker: WorkerMaker, database: Path) -> None:
    workers = [
        new_worker("file", database=database, CACHEADMIN={"STATISTICS_INTERVAL": 600}) for _ in range(3)
    ]
    for worker in workers:
        worker("from cacheadmin import stats")
        worker.begin(
            "for _ in range(20):\n"
            "    for _ in range(50): cache.get('content:absent')\n"
            "    stats.hand_over(patience=20)"
        )
    for worker in workers:
        worker.finish()
    assert sums(database) == {"hits": 0, "misses": 3_000, "writes": 0}


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_batches_from_many_sides_at_once_add_up() -> None:
    def side() -> None:
        for _ in range(5):
            models.statistics.add(batch(hits=2, misses=1), patience=20)
        connection.close()

    with threads(4, side):
        pass
    row = HourlyCount.objects.get()
    assert (row.hits, row.misses, row.writes) == (40, 20, 0)
    assert dict(HourlyLatency.objects.values_list("bucket", "number")) == {80: 60, 81: 40}
    assert DailyKey.objects.get().number == 180


@pytest.mark.django_db
def test_what_could_not_be_handed_over_goes_with_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    stats.count("hits", "pages")

    def fail(batch: Batch, patience: float) -> None:
        raise DatabaseError

    with monkeypatch.context() as patch:
        patch.setattr(models.statistics, "add", fail)
        assert stats.hand_over() is False
        stats.count("hits", "pages")
        assert stats.hand_over(now=False) is False
    assert stats.hand_over() is True
    assert HourlyCount.objects.get().hits == 2
    assert stats.hand_over() is True
    assert HourlyCount.objects.get().hits == 2


def test_what_cannot_be_handed_over_for_long_is_bounded() -> None:
    waiting = Batch()
    for number in range(5_000):
        waiting.counts["default", NOW + timedelta(hours=number), "content"] = Counter(hits=1)
    waiting.bound()
    assert len(waiting.counts) == 2_000
    assert max(waiting.counts)[1] == NOW + timedelta(hours=4_999)


@pytest.mark.django_db
def test_keys_that_no_database_takes_are_written_all_the_same() -> None:
    strange = {"a\0b": 1, "half \ud800": 2, "é" * 400: 3}
    place = ("default", NOW, "other")
    models.statistics.add(Batch(keys={place: Counter(strange)}), patience=5)
    assert set(DailyKey.objects.values_list("key", flat=True)) == {
        "a\ufffdb",
        "half \\ud800",
        "é" * 249 + "…",
    }


@pytest.mark.django_db
def test_a_cache_hands_over_its_counts_times_and_keys(engine: str) -> None:
    for _ in range(40):
        cache.get("content:list")
        cache.get("sessions:secret")
    assert stats.hand_over()
    row = HourlyCount.objects.get(group="content")
    assert (row.cache, row.hour, row.misses) == ("default", NOW, 40)
    assert sum(HourlyLatency.objects.filter(group="content").values_list("number", flat=True)) == 40
    assert list(DailyKey.objects.values_list("group", "key", "number")) == [("content", "content:list", 40)]


# --- Room ---


@pytest.mark.django_db
def test_what_is_old_goes_and_the_rest_stays() -> None:
    for days in (0, 6, 8):
        models.statistics.add(batch(("default", NOW - timedelta(days=days), "content"), hits=1), patience=5)
    models.statistics.trim(patience=5)
    kept = {NOW, NOW - timedelta(days=6)}
    assert set(HourlyCount.objects.values_list("hour", flat=True)) - {LONG_AGO} == kept
    assert set(HourlyLatency.objects.values_list("hour", flat=True)) == kept
    assert set(DailyKey.objects.values_list("day", flat=True)) == {hour.date() for hour in kept}
    with override_settings(CACHEADMIN={"STATISTICS_DAYS": 2}):
        models.statistics.trim(patience=5)
    assert HourlyCount.objects.get(hour__gt=LONG_AGO).hour == NOW


@pytest.mark.django_db
def test_of_many_keys_those_read_most_stay() -> None:
    place = ("default", NOW, "content")
    for start in range(0, 300, 100):
        keys = Counter({f"content:{number}": number + 1 for number in range(start, start + 100)})
        models.statistics.add(Batch(keys={place: keys}), patience=5)
    models.statistics.trim(patience=5)
    left = DailyKey.objects.order_by("number")
    assert left.count() == models.statistics.MOST_KEYS
    assert left[0].key == "content:200"


@pytest.mark.django_db(transaction=True)
def test_old_rows_are_removed_once_an_hour_and_not_by_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    models.statistics.add(batch(("default", NOW - timedelta(days=9), "content"), hits=1), patience=5)
    monkeypatch.setattr(handover, "_next_trim", 0.0)
    handover._trim_if_due(5)
    assert not HourlyCount.objects.filter(hour__gt=LONG_AGO).exists()
    models.statistics.add(batch(("default", NOW - timedelta(days=9), "content"), hits=1), patience=5)
    handover._trim_if_due(5)
    assert HourlyCount.objects.filter(hour__gt=LONG_AGO).exists()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_on_postgresql_a_locked_row_is_not_waited_for_long() -> None:
    models.statistics.add(batch(hits=1), patience=5)
    failures: list[Exception] = []

    def other() -> None:
        try:
            models.statistics.add(batch(hits=1), patience=0.2)
        except DatabaseError as error:
            failures.append(error)
        finally:
            connection.close()

    with transaction.atomic(), Stopwatch() as watch:
        HourlyCount.objects.select_for_update().get()
        with threads(1, other):
            pass
    assert failures
    assert watch.seconds < 5
    assert HourlyCount.objects.get().hits == 1
