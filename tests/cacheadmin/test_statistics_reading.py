"""What page and command are told: sums, rates and keys that are true, and an honest nothing."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from django.core.cache import cache, caches
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import override_settings
from django.utils import translation

from cacheadmin import models, stats, watcher
from cacheadmin.holdings import Held, Holdings, Server
from cacheadmin.management import held
from cacheadmin.statistics import Counts, hours_of, label, statistics, top_keys
from cacheadmin.stats import Batch

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _nothing_counted(fresh_statistics: None) -> None:
    """Begin with nothing."""


def add(hours_ago: int = 0, group: str = "content", cache: str = "default", **numbers: int) -> None:
    """Have another process hand over what it counted some hours ago."""
    place = (cache, NOW - hours_ago * HOUR, group)
    models.statistics.add(Batch(counts={place: Counter(numbers)}), patience=5)


def command(*words: str) -> str:
    out = StringIO()
    call_command("cache", *words, stdout=out)
    return out.getvalue()


def test_what_others_handed_over_and_what_is_at_hand_are_one_sum(engine: str) -> None:
    add(hits=5, misses=5, writes=5)
    cache.set("content:1", 1)
    for _ in range(10):
        cache.get("content:1")
    for handed_over in (False, True):
        found = statistics()
        assert (found.total.hits, found.total.misses, found.total.writes) == (15, 5, 6)
        assert found.total.hit_rate == 0.75
        if not handed_over:
            stats.hand_over()


def test_sessions_and_limits_are_no_part_of_the_rate() -> None:
    add(hits=1, misses=3)
    add(group="sessions", hits=100)
    add(group="ratelimit", misses=50, errors=2)
    found = statistics()
    assert found.total == Counts(hits=1, misses=3)
    assert found.total.hit_rate == 0.25
    assert found.protected == Counts(hits=100, misses=50, errors=2)
    assert list(found.groups) == ["content", "ratelimit", "sessions"]


def test_without_reads_there_is_no_rate() -> None:
    add(writes=3)
    found = statistics()
    assert found.total.hit_rate is None
    assert found.latency.p50 is None
    assert found.as_json()["hit_rate"] is None


def test_each_alias_has_its_own_sums() -> None:
    add(hits=1)
    add(cache="sessions", hits=7)
    caches["sessions"].get("x")
    assert statistics("default").total.hits == 1
    assert statistics("sessions").protected.misses == 1


def test_the_hours_are_those_asked_for() -> None:
    for hours_ago in (0, 23, 24, 160):
        add(hours_ago, hits=1)
    found = statistics()
    assert [one.hour for one in found.hours] == [NOW - 23 * HOUR, NOW]
    assert found.since == NOW - 160 * HOUR
    assert statistics(hours=7 * 24).total.hits == 4
    by_hour = list(found.by_hour())
    assert [hour for hour, _ in by_hour] == [NOW - number * HOUR for number in range(23, -1, -1)]
    assert by_hour[0][1] == by_hour[-1][1] == Counts(hits=1)
    assert by_hour[1][1] == Counts()


def test_durations_of_all_processes_make_the_percentiles() -> None:
    for bucket, number in ((80, 98), (120, 1), (160, 1)):
        place = ("default", NOW, "content")
        models.statistics.add(Batch(latencies={place: Counter({bucket: number})}), patience=5)
    found = statistics()
    assert found.latency.p50 == found.latency.p95 == pytest.approx(0.0010, rel=0.1)
    assert found.latency.p99 == pytest.approx(0.0342, rel=0.1)
    assert found.latencies["content"] == found.latency


def test_the_top_keys_of_all_processes_are_summed_and_protected_ones_never_shown() -> None:
    for keys in ({"a": 10, "b": 9}, {"b": 9, "c": 12}):
        models.statistics.add(Batch(keys={("default", NOW, "other"): Counter(keys)}), patience=5)
    # As an older version, in which the group was not protected, may have left it.
    models.statistics.add(Batch(keys={("default", NOW, "sessions"): Counter(secret=99)}), patience=5)
    for _ in range(50):
        cache.get("fresh")
    assert [(one.key, one.reads) for one in top_keys(number=3)] == [("fresh", 50), ("b", 18), ("c", 12)]


def test_where_no_table_is_there_is_what_this_process_knows() -> None:
    cache.get("a")
    with transaction.atomic():
        with connection.cursor() as cursor:
            for model in (models.HourlyCount, models.DailyKey):
                cursor.execute(f"ALTER TABLE {model._meta.db_table} RENAME TO gone_{model._meta.model_name}")
        found = statistics()
        assert found.total.misses == 1
        assert found.problem in ("OperationalError", "ProgrammingError")
        assert "run `manage.py migrate`" in command("stats")
        assert top_keys()[0].key == "a"
        transaction.set_rollback(True)


# --- The command ---


def test_the_command_prints_json_for_programs() -> None:
    add(1, hits=3, misses=1, writes=2, errors=1, deletes=1, fallbacks=4)
    found = json.loads(command("stats", "--json"))
    assert found["hits"] == 3
    assert found["misses"] == 1
    assert found["writes"] == 2
    assert found["errors"] == 1
    assert found["hit_rate"] == 0.75
    (hour,) = found["hours"]
    assert hour == {
        "hour": (NOW - HOUR).isoformat(),
        "group": "content",
        "hits": 3,
        "misses": 1,
        "writes": 2,
        "deletes": 1,
        "errors": 1,
        "fallbacks": 4,
    }
    assert found["groups"]["content"]["hit_rate"] == 0.75


@pytest.fixture(autouse=True)
def _no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is a command, whatever other tests have done in it."""
    monkeypatch.setattr(watcher, "_has_answered", False)


def test_the_command_prints_a_table_for_people() -> None:
    assert "Nothing was counted yet" in command("stats")
    add(hits=3, misses=1)
    shown = command("stats", "--days", "7")
    assert "Hit rate: 75.0%" in shown
    assert "Reads took: nothing was timed yet" in shown
    assert rows(shown)["content"] == ["3", "1", "0", "0", "0", "0", "75.0%", "-", "-"]
    assert "not available: each process of the site has entries of its own" in shown


def rows(shown: str) -> dict[str, list[str]]:
    """The figures of each group in the table."""
    lines = [re.split(r"\s{2,}", line) for line in shown.splitlines()]
    return {name: figures for name, *figures in lines}


def test_the_command_prints_what_is_held(engine: str, language: str) -> None:
    with translation.override(language):
        cache.set("content:1", "x" * 5_000)
        cache.set("content:2", 2)
        cache.get("content:1")
        shown = command("stats")
        found = json.loads(command("stats", "--json"))["holdings"]
        if engine == "memory":
            assert ("not available" if language == "en" else "non disponible") in shown
            assert rows(shown)["content"][-2:] == ["-", "-"]
            assert (found["entries"], found["size"], found["groups"], found["server"]) == (None,) * 4
            return
        assert ("2 entries" if language == "en" else "2 entrées") in shown
        assert rows(shown)["content"][-2] == "2"
        assert found["groups"]["content"]["entries"] == found["entries"] == 2
        assert found["groups"]["content"]["size"] == found["size"] > 5_000
        assert (found["exact"], found["complete"]) == (engine == "file", True)
        if engine == "redis":
            assert ("The Redis server: " if language == "en" else "Le serveur Redis\xa0: ") in shown
            assert found["server"]["foreign_keys"] == 0
            assert found["server"]["used_memory"] > found["size"]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            Holdings(
                "redis",
                6_012,
                900_000,
                cleared=Held(12, 400),
                looked_at=3_000,
                server=Server(1024, 0, 9_000, 5),
            ),
            [
                "Held by Redis: about 6012 entries, 878.9 KB (estimated from 3000 keys that were looked at)",
                "Of these, cleared and on their way out: 12 entries, 400 bytes",
                "The Redis server: 1.0 KB of memory used, allowed: no limit, 9000 keys, about 5 of others",
            ],
        ),
        (
            Holdings(
                "redis", 1, looked_at=1, is_complete=True, server=Server(missing=("INFO", "MEMORY USAGE"))
            ),
            [
                "Held by Redis: 1 entry, size not available (all counted)",
                "The Redis server: not allowed to ask: INFO, MEMORY USAGE",
            ],
        ),
        (
            Holdings("redis", looked_at=9, server=Server()),
            [
                (
                    "Held by Redis: not available: this Redis does not say how many keys it has, "
                    "and only 9 were looked at"
                )
            ],
        ),
        (Holdings("redis"), ["Held by Redis: not available: this Redis may not be asked for its keys"]),
        (
            Holdings("file", 70_000, 1 << 20, is_exact=True, looked_at=20_000),
            [
                (
                    "Held by Files: 70000 entries, 1.0 MB "
                    "(all counted; the groups are estimated from 20000 that were looked at)"
                )
            ],
        ),
    ],
)
def test_what_is_known_of_it_is_said_with_its_scope(found: Holdings, said: list[str]) -> None:
    assert list(held.lines(found)) == said


def test_the_command_says_that_statistics_are_off() -> None:
    with override_settings(CACHEADMIN={"STATISTICS": False}):
        assert "switched off" in command("stats")


def test_the_top_keys_are_printed() -> None:
    assert "No key was read yet" in command("top")
    for _ in range(40):
        cache.get("content:list")
    assert command("top", "-n", "1").split() == ["40", "content", "content:list"]
    found = json.loads(command("top", "--json"))
    assert found["keys"] == [{"key": "content:list", "group": "content", "reads": 40}]


@pytest.mark.parametrize("words", [("stats", "--days", "0"), ("stats", "--days", "8"), ("top", "-n", "0")])
def test_what_makes_no_sense_is_misuse(words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError) as error:
        command(*words)
    assert error.value.returncode == 2


# --- Hours in a time zone ---


@pytest.mark.parametrize(
    ("day", "zone", "number"),
    [
        (date(2026, 3, 29), "Europe/Paris", 23),
        (date(2026, 10, 25), "Europe/Paris", 25),
        (date(2026, 6, 1), "Europe/Paris", 24),
        (date(2026, 6, 1), "Asia/Kolkata", 24),
        (date(2026, 10, 4), "Australia/Lord_Howe", 23),
    ],
)
def test_a_day_has_the_hours_that_its_clocks_give_it(day: date, zone: str, number: int) -> None:
    found = hours_of(day, ZoneInfo(zone))
    assert len(found) == number
    assert all(one.astimezone(ZoneInfo(zone)).date() == day and one.minute == 0 for one in found)
    assert len({label(one, ZoneInfo(zone)) for one in found}) == number


def test_an_hour_that_comes_twice_says_which_one_it_is() -> None:
    paris = ZoneInfo("Europe/Paris")
    labels = [label(one, paris) for one in hours_of(date(2026, 10, 25), paris)]
    assert labels[:5] == ["00:00", "01:00", "02:00 CEST", "02:00 CET", "03:00"]
