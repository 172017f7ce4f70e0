"""What Prometheus is told: read by its own parser, summed over workers, for the token alone."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from django.core.cache import cache, caches
from django.db import connection, transaction
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from cacheadmin import models, stats
from cacheadmin.backend import AdaptiveCache
from cacheadmin.metrics import metrics
from cacheadmin.models import HourlyCount
from cacheadmin.stats import Batch

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
TOKEN = "a token for tests"


@pytest.fixture(autouse=True)
def _nothing_counted(fresh_statistics: None) -> None:
    """Begin with nothing."""


def add(days_ago: int = 0, **numbers: int) -> None:
    """Have a worker hand over what it counted some days ago."""
    place = ("default", NOW - timedelta(days=days_ago), "content")
    buckets = Counter({120: 5})
    models.statistics.add(Batch({place: Counter(numbers)}, {place: buckets}), patience=5)


def parsed() -> dict[tuple[str, ...], float]:
    """All samples, by name and values of the labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(metrics().decode())
        for sample in family.samples
    }


def test_the_counters_are_the_sums_of_all_workers() -> None:
    add(hits=3, misses=1)
    add(hits=4, writes=2, fallbacks=6)
    found = parsed()
    assert found["cacheadmin_hits_total", "default", "content"] == 7
    assert found["cacheadmin_misses_total", "default", "content"] == 1
    assert found["cacheadmin_writes_total", "default", "content"] == 2
    assert found["cacheadmin_errors_total", "default", "content"] == 0
    assert found["cacheadmin_fallbacks_total", "default", "content"] == 6
    assert found["cacheadmin_database_up",] == 1
    assert found["cacheadmin_read_seconds", "default", "content", "0.5"] == pytest.approx(34e-6, rel=0.1)


def test_a_counter_never_goes_down_when_old_hours_are_removed() -> None:
    add(days_ago=20, hits=3)
    add(days_ago=9, hits=4, errors=1)
    add(hits=5)
    for _ in range(3):
        assert parsed()["cacheadmin_hits_total", "default", "content"] == 12
        models.statistics.trim(patience=5)
    assert parsed()["cacheadmin_errors_total", "default", "content"] == 1
    assert HourlyCount.objects.count() == 2
    assert models.statistics.first_hour("default") == NOW


def test_the_state_of_each_cache_is_told(engine: str) -> None:
    cache.get("a")
    found = parsed()
    for alias in ("default", "sessions", "ratelimit"):
        assert found["cacheadmin_engine", alias, engine] == 1
        assert found["cacheadmin_engine", alias, "off"] == 0
        assert found["cacheadmin_degraded", alias] == 0
        assert found["cacheadmin_engine_since_timestamp_seconds", alias] > 1.7e9


def test_what_is_held_is_told_where_it_is_known(engine: str) -> None:
    kept = cast(AdaptiveCache, caches["default"])
    kept.set_many({"content:1": "x" * 500, "content:2": 2, "plain": 3})
    kept.clear_groups(["content"])
    kept.set("content:3", "x" * 500)
    found = parsed()
    if engine == "memory":
        # Whichever worker is asked would tell of its own.
        assert not any(name == "cacheadmin_entries" for name, *_ in found)
        assert ("cacheadmin_keys_looked_at", "default") not in found
        return
    assert found["cacheadmin_entries", "default", "content"] == 1
    assert found["cacheadmin_entries", "default", "other"] == 1
    assert 500 < found["cacheadmin_size_bytes", "default", "content"] < 900
    # Files of what was cleared by group are there until room is made.
    assert found["cacheadmin_cleared_entries", "default"] == 2
    assert found["cacheadmin_keys_looked_at", "default"] >= 4
    assert found["cacheadmin_keys_all_looked_at", "default"] == 1
    assert (found.get(("cacheadmin_redis_used_memory_bytes", "default")) is not None) is (engine == "redis")
    assert (found.get(("cacheadmin_redis_foreign_keys", "default")) == 0) is (engine == "redis")


def test_without_tables_there_is_the_state_alone() -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {HourlyCount._meta.db_table} RENAME TO gone")
        found = parsed()
        transaction.set_rollback(True)
    assert found["cacheadmin_database_up",] == 0
    assert found["cacheadmin_engine", "default", "memory"] == 1
    assert not any(name.endswith("_total") for name, *_ in found)


def test_what_one_worker_has_not_handed_over_is_no_part_of_it() -> None:
    stats.count("hits", "pages")
    assert ("cacheadmin_hits_total", "default", "pages") not in parsed()
    stats.hand_over()
    assert parsed()["cacheadmin_hits_total", "default", "pages"] == 1


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        ("", 401),
        (TOKEN, 401),
        (f"Basic {TOKEN}", 401),
        (f"Bearer {TOKEN}x", 401),
        ("Bearer é", 401),
    ],
)
def test_only_who_has_the_token_reads_them(
    header: str, status: int, client: Client, settings: Settings
) -> None:
    settings.CACHEADMIN = {"METRICS_TOKEN": TOKEN}
    answer = client.get("/metrics/", headers={"Authorization": header} if header else {})
    assert answer.status_code == status
    assert (b"cacheadmin_engine" in answer.content) is (status == 200)
    if status == 401:
        assert answer["WWW-Authenticate"] == "Bearer"
        assert TOKEN not in answer.content.decode()
    else:
        assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
        assert "no-cache" in answer["Cache-Control"]


def test_without_a_token_there_is_no_such_page(client: Client) -> None:
    assert client.get("/metrics/").status_code == 404
    assert client.get("/metrics/", headers={"Authorization": "Bearer "}).status_code == 404
