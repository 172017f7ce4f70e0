"""The commands inside the process of the tests: what they say, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from pytest_django import Settings

from installer import server, site_file, state
from installer.build import BuildError
from installer.management.commands import serve
from tests.installer.conftest import TOKEN
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "correct horse battery staple"
FLAGS = {
    "site_name": "The House",
    "language": "en",
    "admin_username": "owner",
    "admin_email": "owner@example.org",
    "cache": "file",
}


def said(name: str, *words: str, **options: Any) -> str:
    out = StringIO()
    call_command(name, *words, stdout=out, stderr=out, **options)
    return out.getvalue()


def away(*_arguments: object) -> bool:
    """A database that does not answer."""
    raise state.DatabaseUnreachable from OperationalError("connection refused")


# --- setup_token ---


def test_the_token_is_printed_and_nothing_else(
    not_installed: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said("setup_token") == f"{TOKEN}\n"
    monkeypatch.setattr(state, "installed", away)
    with pytest.raises(CommandError, match="database does not answer"):
        said("setup_token")
    monkeypatch.undo()
    settings.INSTALLED = True
    with pytest.raises(CommandError, match="no setup token any more"):
        said("setup_token")


def test_a_token_that_cannot_be_kept_is_told(not_installed: Path, settings: Settings) -> None:
    settings.SETUP_TOKEN = ""
    not_installed.write_text("not toml")
    with pytest.raises(CommandError, match="not valid TOML"):
        said("setup_token")


# --- serve ---


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The environments in which the server would have been started."""
    found: list[dict[str, str]] = []
    monkeypatch.setattr(server, "require_free_address", lambda: None)
    monkeypatch.setattr(serve, "build", lambda say: say("Building"))
    monkeypatch.setattr(server, "claim", lambda: None)
    monkeypatch.setattr(server, "become_server", found.append)
    return found


def test_a_new_site_is_served_with_the_address_of_its_setup(
    not_installed: Path, started: list[dict[str, str]], settings: Settings
) -> None:
    told = said("serve")
    assert "Building" in told
    assert f"/install/?token={TOKEN}" in told
    # Where nothing can be kept, the token lives as long as the server.
    settings.SETUP_TOKEN = ""
    not_installed.write_text("not toml")
    told = said("serve")
    assert f"/install/?token={started[-1]['SETUP_TOKEN']}" in told


def test_an_installed_site_is_brought_up_to_date_and_served(
    started: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "The site is at" in said("serve")
    monkeypatch.setattr(serve.Command, "_has_pending_migrations", lambda _command: True)
    assert "Updating the database" in said("serve")
    assert len(started) == 2


def test_a_site_whose_database_is_away_is_served_and_says_so(
    started: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "installed", away)
    told = said("serve")
    assert "Nothing listens at the address of the database" in told
    assert "manage.py migrate" in told
    assert len(started) == 1


def test_what_cannot_be_built_or_is_interrupted_is_not_served(
    started: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(error: BaseException) -> Callable[[object], None]:
        def build(_say: object) -> None:
            raise error

        return build

    monkeypatch.setattr(serve, "build", fail(BuildError("no room")))
    with pytest.raises(CommandError, match="no room"):
        said("serve")
    monkeypatch.setattr(serve, "build", fail(KeyboardInterrupt()))
    with pytest.raises(SystemExit):
        said("serve")
    assert started == []


# --- install ---


@pytest.fixture
def empty(
    not_installed: Path,
    at_database: Callable[[Path], None],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A configuration without an installation, and an empty database."""
    site_file.write(not_installed, {"installed": False, "generation": 0, "setup_token": TOKEN})
    settings.MEDIA_ROOT = not_installed.parent / "media"
    at_database(not_installed.parent / "db.sqlite3")
    monkeypatch.setenv("ADMIN_PASSWORD", PASSWORD)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    return not_installed


def install(*words: str, **changes: Any) -> str:
    return said("install", "--noinput", *words, **{**FLAGS, **changes})


def test_the_command_checks_installs_and_knows_its_own_site_again(empty: Path) -> None:
    with pytest.raises(CommandError, match="--admin-email: "):
        install(admin_email="")
    with pytest.raises(CommandError, match="no installation in that database"):
        install("--reuse")
    told = install("--check")
    assert "Packages: " in told
    assert "Everything is in order" in told
    assert not site_file.read(empty)["installed"]
    told = install()
    assert "Log in as owner" in told
    assert site_file.read(empty)["installed"] is True
    assert User.objects.get().check_password(PASSWORD)
    assert "nothing was changed" in install()
    with pytest.raises(CommandError, match="already holds an installed site"):
        install(site_name="Another")
    # --- Another machine meets the same database. ---
    site_file.update(empty, installed=False, generation=0)
    state.forget()
    assert "nothing was changed in it" in install("--reuse", cache="", site_name="")
    assert site_file.read(empty)["installed"] is True
    assert User.objects.count() == 1
    connection.close()


def test_another_database_than_that_of_the_environment_is_refused(
    empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://me@127.0.0.1:1/x")
    with pytest.raises(CommandError, match="the environment wins"):
        install(database_url="sqlite:////tmp/other.sqlite3")
    with pytest.raises(CommandError, match="not an address of a database"):
        install(database_url="mysql://x")
