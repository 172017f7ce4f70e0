"""The last step inside the process of the tests, and by the command that it runs."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings as loaded
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from content.models import Article
from core.models import SiteSettings
from installer import answers, installing, progress, restart, site_file, state
from installer.models import Installation
from tests.installer.conftest import TOKEN
from tests.installer.wizard import GOOD, PASSWORD, Walker
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def whole(not_installed: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration that the process which installs can read too."""
    # The tests say so in their environment.
    for name in ("INSTALLED", "DATABASE_URL"):
        monkeypatch.delenv(name)
    values = {
        "secret_key": settings.SECRET_KEY,
        "setup_token": TOKEN,
        "installation_id": "0",
        "generation": 0,
    }
    site_file.write(not_installed, {**values, "installed": False})
    return not_installed


def read(path: Path) -> dict[str, object]:
    return site_file.read(path)


def test_a_failure_names_the_action_and_what_to_do_and_pressing_again_goes_on(whole: Path) -> None:
    walker = Walker()
    walker.walk()
    walker.answer("site", samples="0")
    in_the_way = whole.parent / "db.sqlite3"
    in_the_way.mkdir()
    failed = walker.send("summary").content.decode()
    assert "It did not work. What you entered is kept" in failed
    assert "Looking at the database" in failed
    assert "Try again" in failed
    assert "Try again" in walker.page("summary")
    told = walker.client.get("/install/progress/").json()
    assert told["actions"] == ["Looking at the database"]
    assert told["failure"]
    assert told["running"] is False
    assert read(whole)["installed"] is False
    in_the_way.rmdir()
    done = walker.send("summary").content.decode()
    assert 'data-done="1"' in done
    assert 'href="https://www.example.org/admin/"' in done
    # Nobody knows how the tests were started: two lines to type, and no password in them.
    assert done.count('<code class="command">') == 2
    assert PASSWORD not in done
    assert read(whole)["installed"] is True
    assert "setup_token" not in read(whole)
    assert not (whole.parent / answers.FILE).exists()
    # Whoever comes second finds it installed, and installs nothing.
    assert installing.install({}) == ""
    state.forget()
    # This process still has the configuration of its start.
    assert state.is_outdated()
    late = walker.client.get("/install/summary/")
    assert late.status_code == 503
    assert "still has to be restarted" in late.content.decode()


def test_the_command_does_each_action_and_says_so(
    whole: Path, at_database: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.MEDIA_ROOT = whole.parent / "media"
    at_database(whole.parent / "db.sqlite3")
    walker = Walker()
    walker.walk()
    said: list[str] = []
    monkeypatch.setattr(progress.Diary, "say", lambda _diary, words: said.append(words))
    entered = answers.load()
    call_command("finish_setup", language="fr")
    assert [words for words in said if not words.startswith(" ")] == [
        "Examen de la base de données",
        "Création ou mise à jour des tables",
        "Enregistrement des réglages du site",
        "Création de l’administrateur",
        "Choix du cache",
        "Rédaction de 12 articles d’exemple",
        "Écriture de la configuration",
    ]
    assert Installation.objects.count() == 1
    assert Article.objects.count() == 12
    assert SiteSettings.objects.get().name == "The House"
    owner = User.objects.get(is_superuser=True)
    assert owner.check_password(PASSWORD)
    written = read(whole)
    assert (written["installed"], written["generation"]) == (True, 1)
    assert (written["site_url"], written["allowed_hosts"]) == ("https://www.example.org", ["testserver"])
    # --- The same again: the site is there, and nothing is touched. ---
    for slug, answer in entered.items():
        answers.keep(slug, answer)
    with pytest.raises(CommandError, match="already holds an installed site"):
        call_command("finish_setup")
    assert User.objects.filter(is_superuser=True).count() == 1
    # --- Taking it over, of which only the address counts. ---
    answers.keep("database", answers.Answer({**entered["database"].values, "reuse": True}, is_done=True))
    call_command("finish_setup")
    assert read(whole)["generation"] == 2
    assert User.objects.filter(is_superuser=True).count() == 1
    connection.close()


def test_the_command_refuses_what_is_not_whole(whole: Path) -> None:
    with pytest.raises(CommandError, match="Some steps are not done yet"):
        call_command("finish_setup")
    assert progress.read().failure.startswith("Some steps")
    progress.forget()
    assert progress.read() == progress.Progress()


def test_answers_that_are_none_any_more_stop_the_command(
    whole: Path, at_database: Callable[[Path], None]
) -> None:
    at_database(whole.parent / "db.sqlite3")
    walker = Walker()
    walker.walk()
    file = whole.parent / answers.FILE
    held = json.loads(file.read_text())
    held["answers"]["site"]["values"]["site_name"] = ""
    held["answers"]["database"]["values"]["reuse"] = False
    file.write_text(json.dumps(held))
    with pytest.raises(CommandError, match="cannot be blank"):
        call_command("finish_setup")
    held["answers"]["database"]["values"]["reuse"] = True
    file.write_text(json.dumps(held))
    with pytest.raises(CommandError, match="not in that database any more"):
        call_command("finish_setup")
    connection.close()


def test_a_counted_action_says_how_far_it_is(not_installed: Path) -> None:
    diary = progress.Diary()
    diary.say("Writing")
    diary.say("  10 / 60")
    assert progress.read() == progress.Progress(["Writing"], count="10 / 60")
    page = Walker()
    page.walk()
    told = page.page("summary")
    assert "Writing (10 / 60)" in told


def test_an_installation_that_runs_is_seen(not_installed: Path) -> None:
    assert not installing.is_running()
    lock = not_installed.parent / installing.LOCK
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert installing.is_running()
    assert not installing.is_running()


def test_an_installation_that_cannot_be_begun_or_does_not_end_is_told(
    not_installed: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(installing, "python", lambda: "/nowhere/python")
    assert "did not end" in installing.install({})
    monkeypatch.undo()
    monkeypatch.setattr(installing, "python", lambda: "/bin/false")
    assert "Something unexpected happened" in installing._run("postgres://x/y")


def test_the_python_of_a_server_that_is_none_is_that_of_its_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.executable", "/usr/sbin/uwsgi")
    assert installing.python().endswith("/bin/python3")


def test_the_last_page_knows_of_mail_encryption_and_a_restart_that_is_under_way(
    not_installed: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    walker = Walker()
    walker.walk()
    monkeypatch.setattr(installing, "install", lambda known: "")
    monkeypatch.setattr(restart, "renew", lambda: True)
    plain = walker.send("summary").content.decode()
    assert "name your mail server in the variable EMAIL_URL" in plain
    assert "The server is taking it over" in plain
    assert 'class="command"' not in plain
    assert GOOD["site"]["site_url"] not in plain
    settings.CONFIGURATION = loaded.CONFIGURATION.model_copy(update={"email_url": "console:"})
    assert "EMAIL_URL names a mail server" in walker.send("summary").content.decode()
    assert os.environ.get("EMAIL_URL") is None
