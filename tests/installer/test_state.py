from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction
from pytest_django import DjangoAssertNumQueries, Settings

from installer import site_file, state
from installer.models import Installation

pytestmark = pytest.mark.django_db


def test_a_configuration_that_says_so_is_believed_without_a_query(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(0):
        assert state.installed()


def test_the_mark_in_the_database_is_enough(not_installed: Path) -> None:
    assert not state.installed()
    Installation.objects.create(pk=1)
    state.forget()
    assert state.installed()


def test_what_was_found_is_never_asked_again(
    not_installed: Path, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    Installation.objects.create(pk=1)
    assert state.installed()
    Installation.objects.all().delete()
    with django_assert_num_queries(0):
        assert state.installed()


def test_not_yet_is_believed_for_a_second_and_then_asked_again(
    not_installed: Path, django_assert_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not state.installed()
    Installation.objects.create(pk=1)
    with django_assert_num_queries(0):
        assert not state.installed()
    monkeypatch.setattr(state, "PATIENCE", 0.0)
    assert state.installed()


def test_a_second_mark_cannot_be_made(not_installed: Path) -> None:
    Installation.objects.create(pk=1)
    for key in (1, 2):
        with pytest.raises(IntegrityError), transaction.atomic():
            Installation.objects.create(pk=key)


def test_an_absent_sqlite_file_is_not_made_by_asking(
    not_installed: Path, tmp_path: Path, at_database: Callable[[Path], None]
) -> None:
    at_database(tmp_path / "db.sqlite3")
    assert not state.database_exists()
    assert not state.installed()
    assert not (tmp_path / "db.sqlite3").exists()


def test_an_empty_database_is_not_installed(
    not_installed: Path, tmp_path: Path, at_database: Callable[[Path], None]
) -> None:
    sqlite3.connect(tmp_path / "db.sqlite3").execute("CREATE TABLE something (id)").connection.close()
    at_database(tmp_path / "db.sqlite3")
    assert not state.installed()


def test_a_database_that_does_not_answer_is_no_answer_and_is_asked_once_a_second(
    not_installed: Path, tmp_path: Path, at_database: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "db.sqlite3"
    broken.write_text("this is no database, and long enough to be looked at closely" * 20)
    at_database(broken)
    for _ in range(2):
        with pytest.raises(state.DatabaseUnreachable):
            state.installed()
    assert not state.database_answers()
    broken.unlink()
    with pytest.raises(state.DatabaseUnreachable):
        state.installed()
    monkeypatch.setattr(state, "PATIENCE", 0.0)
    assert not state.installed()


def test_a_process_that_started_before_the_installation_knows_that_it_is_outdated(
    not_installed: Path, settings: Settings
) -> None:
    assert not state.is_outdated()
    site_file.write(not_installed, {"installed": True, "generation": 1})
    assert state.is_outdated()
    settings.GENERATION = 1
    assert not state.is_outdated()
    not_installed.write_text("this is = = not toml")
    assert not state.is_outdated()
