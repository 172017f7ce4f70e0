from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import load_backend
from psycopg import sql

from installer import databases
from tests.servers.postgres import PostgresServer
from tests.servers.process import free_port

pytestmark = pytest.mark.django_db

Postgres = Callable[..., None]


@pytest.fixture
def at_postgres(db: None) -> Iterator[Postgres]:
    """Have the default connection be one to a PostgreSQL."""
    original = connections[DEFAULT_DB_ALIAS]

    def connect(**values: object) -> None:
        wrapper = load_backend("django.db.backends.postgresql").DatabaseWrapper
        options = {**original.settings_dict, "OPTIONS": {"connect_timeout": 2}, **values}
        connections[DEFAULT_DB_ALIAS] = wrapper(options, DEFAULT_DB_ALIAS)

    yield connect
    connections[DEFAULT_DB_ALIAS].close()
    connections[DEFAULT_DB_ALIAS] = original


def problem() -> str:
    """Why the site cannot live in the configured database."""
    with pytest.raises(databases.DatabaseProblem) as caught:
        databases.require_usable()
    return str(caught.value)


# --- PostgreSQL ---


def access(server: PostgresServer, **values: object) -> dict[str, object]:
    """How the administrator of *server* reaches its first database, but for *values*."""
    usual = {"HOST": "127.0.0.1", "PORT": server.port, "USER": "postgres", "PASSWORD": server.password}
    return {**usual, "NAME": "postgres", **values}


def test_an_empty_database_is_usable_and_holds_no_installation(
    postgres_server: PostgresServer, at_postgres: Postgres
) -> None:
    at_postgres(**access(postgres_server))
    databases.require_usable()
    assert not databases.holds_installation()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"PASSWORD": "wrong"}, "refuses this user name or password"),
        ({"PASSWORD": ""}, "refuses this user name or password"),
        ({"NAME": "nowhere"}, "no such database"),
        ({"PORT": None}, "Nothing listens"),
        ({"HOST": "no-such-host.invalid"}, "host name of the database is unknown"),
    ],
)
def test_each_refusal_is_told_in_words(
    postgres_server: PostgresServer, at_postgres: Postgres, wrong: dict[str, object], words: str
) -> None:
    values = {name: free_port() if value is None else value for name, value in wrong.items()}
    at_postgres(**access(postgres_server, **values))
    with pytest.raises(databases.DatabaseProblem, match=words):
        databases.require_usable()


def test_a_server_without_a_database_name_is_told_so(at_postgres: Postgres) -> None:
    at_postgres(NAME="", HOST="127.0.0.1")
    assert "no database on it" in problem()


def test_a_server_that_keeps_silent_is_not_waited_for_long(
    postgres_server: PostgresServer, at_postgres: Postgres
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        at_postgres(**access(postgres_server, PORT=silent.getsockname()[1]))
        begun = time.monotonic()
        assert "no answer in time" in problem()
        assert time.monotonic() - begun < 10


def test_a_pool_neither_delays_a_refusal_nor_changes_its_words(
    postgres_server: PostgresServer, at_postgres: Postgres
) -> None:
    pool = {"pool": {"min_size": 1, "max_size": 2, "timeout": 20}}
    at_postgres(**access(postgres_server, PORT=free_port(), OPTIONS=pool, CONN_MAX_AGE=0))
    begun = time.monotonic()
    assert "Nothing listens" in problem()
    assert time.monotonic() - begun < 10
    assert connection.settings_dict["OPTIONS"] == pool


def test_a_user_who_may_not_create_tables_is_told_so(
    postgres_server: PostgresServer, at_postgres: Postgres
) -> None:
    with psycopg.connect(postgres_server.url(), autocommit=True) as owner:
        owner.execute("DROP ROLE IF EXISTS reader")
        owner.execute("CREATE ROLE reader LOGIN PASSWORD 'reader'")
    # Since PostgreSQL 15 nobody but the owner may, in a new database.
    at_postgres(**access(postgres_server, USER="reader", PASSWORD="reader"))
    assert "may not create tables" in problem()


def test_a_database_of_another_encoding_is_refused(
    postgres_server: PostgresServer, at_postgres: Postgres
) -> None:
    with psycopg.connect(postgres_server.url(), autocommit=True) as owner:
        owner.execute("DROP DATABASE IF EXISTS latin")
        owner.execute(sql.SQL("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"))
    at_postgres(**access(postgres_server, NAME="latin"))
    assert "LATIN1" in problem()


# --- SQLite ---


def test_a_new_file_in_an_existing_directory_is_usable(
    tmp_path: Path, at_database: Callable[[Path], None]
) -> None:
    at_database(tmp_path / "new.sqlite3")
    databases.require_usable()
    assert not databases.holds_installation()
    databases.keep_private()
    assert (tmp_path / "new.sqlite3").stat().st_mode & 0o777 == 0o600


def test_a_new_file_is_private_before_anything_is_in_it(
    tmp_path: Path, at_database: Callable[[Path], None]
) -> None:
    at_database(tmp_path / "new.sqlite3")
    databases.require_usable()
    assert (tmp_path / "new.sqlite3").stat().st_mode & 0o777 == 0o600


def test_the_word_memory_in_a_path_makes_no_database_in_memory(
    tmp_path: Path, at_database: Callable[[Path], None]
) -> None:
    at_database(tmp_path / "in memory of" / "new.sqlite3")
    assert problem() == f"There is no directory {tmp_path / 'in memory of'}. Create it first."


def test_a_database_in_memory_is_no_place_to_live(at_database: Callable[[Path], None]) -> None:
    at_database(Path(":memory:"))
    assert "in memory" in problem()


def test_a_directory_that_is_not_there_is_named(tmp_path: Path, at_database: Callable[[Path], None]) -> None:
    at_database(tmp_path / "absent" / "new.sqlite3")
    assert problem() == f"There is no directory {tmp_path / 'absent'}. Create it first."


def test_a_file_that_is_no_database_is_left_as_it_is(
    tmp_path: Path, at_database: Callable[[Path], None]
) -> None:
    diary = tmp_path / "diary.txt"
    diary.write_text("Dear diary, today I was nearly overwritten. " * 100)
    before = diary.read_text()
    at_database(diary)
    assert "is no SQLite database" in problem()
    assert diary.read_text() == before


def test_tables_of_another_program_are_not_written_into(
    tmp_path: Path, at_database: Callable[[Path], None]
) -> None:
    at_database(tmp_path / "other.sqlite3")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE django_session (id integer)")
    assert "tables of another program (django_session" in problem()


def test_another_django_project_is_recognised_by_its_history(
    tmp_path: Path, at_database: Callable[[Path], None]
) -> None:
    at_database(tmp_path / "other.sqlite3")
    call_command("migrate", "contenttypes", interactive=False, verbosity=0)
    MigrationRecorder(connection).record_applied("shop", "0001_initial")
    assert "tables of another program" in problem()


def test_an_installation_that_stopped_after_its_first_tables_can_go_on(
    tmp_path: Path, at_database: Callable[[Path], None]
) -> None:
    at_database(tmp_path / "half.sqlite3")
    call_command("migrate", "contenttypes", interactive=False, verbosity=0)
    databases.require_usable()
    assert not databases.holds_installation()


def test_tables_that_do_not_meet_ours_disturb_nobody(
    tmp_path: Path, at_database: Callable[[Path], None]
) -> None:
    at_database(tmp_path / "other.sqlite3")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE birds (id integer)")
    databases.require_usable()


# --- Words ---


def test_what_nobody_foresaw_is_logged_and_not_repeated(caplog: pytest.LogCaptureFixture) -> None:
    error = OperationalError("something new under the sun\nDETAIL: and more")
    assert databases.in_words(error) == str(databases.UNKNOWN)
    assert databases.in_words(OperationalError()) == str(databases.UNKNOWN)
    assert [record.getMessage() for record in caplog.records] == [
        "The database says: something new under the sun",
        "The database says: OperationalError",
    ]


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("database or disk is full", "disk is full"),
        ("disk I/O error", "disk is full"),
        ("attempt to write a readonly database", "opened for writing"),
        ("database is locked", "holds the database locked"),
        ('FATAL:  role "nobody" does not exist', "does not know this user"),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1"', "pg_hba.conf"),
        ("FATAL:  sorry, too many clients already", "no free connection"),
        ("server does not support SSL, but SSL was required", "TLS"),
    ],
)
def test_what_drivers_say_becomes_something_to_do(told: str, words: str) -> None:
    assert words in databases.in_words(OperationalError(told))


@pytest.mark.parametrize(
    "url",
    [
        "mysql://me:secret@host/db",
        "postgres//me:secret@host/db",
        "secret",
        "postgres://me:secret@host:port/db",
    ],
)
def test_an_address_with_a_typing_error_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(databases.DatabaseProblem) as caught:
        databases.check_address(url)
    assert "secret" not in str(caught.value)
    assert "sqlite:////absolute/path" in str(caught.value)


def test_a_relative_path_becomes_a_whole_one_and_other_addresses_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert databases.absolute("sqlite:///a/b.db?timeout=5") == f"sqlite:///{tmp_path}/a/b.db?timeout=5"
    for whole in ("sqlite:////srv/b.db", "postgres://me:secret@host/db"):
        assert databases.absolute(whole) == whole
