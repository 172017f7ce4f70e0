"""Whether the database server gives as many connections as the workers may want."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from pytest_django import Settings

from config.env import Configuration
from core.checks import check_connections, most_connections

pytestmark = pytest.mark.django_db

SECRET = "for tests only, and known to everybody"
POOL = {"OPTIONS": {"pool": {"max_size": 15}}}


def configure(settings: Settings, workers: int, threads: int) -> None:
    settings.CONFIGURATION = Configuration(secret_key=SECRET, web_concurrency=workers, web_threads=threads)


@pytest.mark.parametrize(
    ("database", "workers", "threads", "most"),
    [(POOL, 2, 4, 30), (POOL, 4, 4, 60), ({}, 5, 1, 5), ({"OPTIONS": {}}, 3, 2, 6)],
)
def test_the_workers_share_nothing(
    database: dict[str, object], workers: int, threads: int, most: int, settings: Settings
) -> None:
    configure(settings, workers, threads)
    assert most_connections(database) == most


@pytest.fixture
def server_limit() -> Iterator[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('max_connections')::int")
        yield int(cursor.fetchone()[0])


@pytest.mark.postgres
def test_more_workers_than_the_server_has_connections_are_a_warning(
    settings: Settings, server_limit: int
) -> None:
    threads = 64
    configure(settings, workers=server_limit // threads + 1, threads=threads)
    [warning] = check_connections(None, databases=["default"])
    assert warning.id == "core.W002"
    assert "max_connections" in str(warning.hint)
    configure(settings, workers=2, threads=4)
    assert check_connections(None, databases=["default"]) == []


def test_nothing_is_asked_unless_a_database_is_named(settings: Settings) -> None:
    configure(settings, workers=64, threads=64)
    assert check_connections(None) == []


def test_a_file_has_no_limit(settings: Settings, database: str) -> None:
    configure(settings, workers=64, threads=64)
    found = check_connections(None, databases=["default"])
    assert bool(found) is (database == "postgres")
