"""What the host offers, in words."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections import namedtuple
from pathlib import Path

import pytest
from django.conf import settings as loaded
from django.http import HttpRequest
from django.test import RequestFactory
from pytest_django import Settings

from installer import catalogues, packages, requirements
from installer.requirements import Level, Requirement
from tests.installer.wizard import Walker

LOCK = """\
# made by a machine
django==5.2.19 \\
    --hash=sha256:00
psycopg[binary,pool]==3.3.9 ; implementation_name != 'pypy' \\
    --hash=sha256:00
redis==8.1.0 \\
    --hash=sha256:00
"""
Room = namedtuple("Room", "total used free")


@pytest.fixture
def lock(tmp_path: Path, settings: Settings) -> Path:
    """A lock of the test's own."""
    settings.BASE_DIR = tmp_path
    return tmp_path / packages.LOCK


def found(name: str) -> Requirement:
    return next(one for one in requirements.of_host() if one.name == name)


def test_the_packages_of_this_checkout_are_those_of_its_lock() -> None:
    assert len(packages.locked()) > 30
    assert found("Packages").level is Level.FINE


def test_a_package_in_another_version_is_a_warning_with_the_command_that_mends_it(lock: Path) -> None:
    lock.write_text(LOCK.replace("8.1.0", "9.9.9"))
    told = found("Packages")
    assert told.level is Level.WARNING
    assert "(9.9.9)" in told.found
    assert "django" not in told.found
    assert f"-m pip install -r {lock}" in told.advice


def test_a_package_that_is_missing_stops_the_setup_but_not_one_for_other_machines(lock: Path) -> None:
    lock.write_text(LOCK.replace("redis==", "no-such-package==").replace("psycopg[", "nor-this-one["))
    told = found("Packages")
    assert told.level is Level.ERROR
    assert told.found == "missing: no-such-package 8.1.0"
    assert requirements.stop([told])


def test_without_a_lock_the_versions_are_named(lock: Path) -> None:
    assert found("Packages").found.startswith("Django 5.2")


@pytest.mark.parametrize(("version", "level"), [((3, 11), "fine"), ((3, 13), "fine"), ((3, 14), "warning")])
def test_an_untried_python_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int], level: str
) -> None:
    monkeypatch.setattr(sys, "version_info", (*version, 0, "final", 0))
    assert requirements._python().level == level


def test_an_old_sqlite_and_a_missing_driver_are_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 8, 0))
    monkeypatch.setattr(requirements, "find_spec", lambda name: None)
    assert found("SQLite").level is Level.WARNING
    assert found("PostgreSQL driver").level is Level.WARNING


@pytest.mark.parametrize(("free", "level"), [(10**9, "fine"), (10**8, "warning"), (10**6, "error")])
def test_little_room_is_told_and_too_little_stops(
    monkeypatch: pytest.MonkeyPatch, free: int, level: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Room(free, 0, free))
    assert found("Room on the disk").level == level


def test_each_directory_that_cannot_be_written_is_named(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.VAR_DIR, settings.MEDIA_ROOT = tmp_path, tmp_path / "media"
    (tmp_path / "media").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "media")
    told = found("Writable directory")
    assert told.level is Level.ERROR
    assert told.found == f"{tmp_path / 'media'} cannot be written"


def test_catalogues_that_are_not_compiled_and_mail_that_is_set_are_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogues, "outdated", lambda: ["fr"])
    assert found("Languages").level is Level.WARNING
    assert found("E-mail").level is Level.WARNING
    settings.CONFIGURATION = loaded.CONFIGURATION.model_copy(update={"email_url": "console:"})
    assert found("E-mail").level is Level.FINE


# --- How it is reached ---


def request(**environment: str) -> HttpRequest:
    return RequestFactory().get("/", **environment)  # type: ignore[arg-type]


def of(asked: HttpRequest) -> dict[str, Requirement]:
    return {one.name: one for one in requirements.of_request(asked)}


def test_the_address_is_shown_as_it_is_seen(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    told = of(request(HTTP_HOST="house.example.org:8080"))
    assert told["Address as seen"].found == "http://house.example.org:8080"
    assert told["HTTPS"].advice.startswith("Everything works without")


def test_a_proxy_that_is_not_trusted_is_named() -> None:
    told = of(request(HTTP_X_FORWARDED_FOR="198.18.0.1"))["HTTPS"]
    assert told.level is Level.WARNING
    assert "TRUSTED_PROXIES" in told.advice


def test_encryption_and_a_trusted_proxy_are_seen(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    secure = RequestFactory().get("/", secure=True, HTTP_X_FORWARDED_FOR="198.18.0.1")
    told = of(secure)
    assert told["HTTPS"].found == "yes"
    assert "through a trusted proxy" in told["Your address as seen"].found


@pytest.mark.django_db
def test_the_step_cannot_be_left_while_something_must_be_mended(
    not_installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walker = Walker()
    walker.walk(until="requirements")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Room(1, 0, 1))
    assert "Something has to be mended first" in walker.answer("requirements").content.decode()
    assert walker.is_led_to("requirements", instead_of="database")
