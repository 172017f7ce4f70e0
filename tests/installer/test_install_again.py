"""The command given again, and the database that is there already."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.installer.installing import FLAGS, install, is_refused, rows, written
from tests.servers.postgres import PostgresServer
from tests.servers.site import ADMIN_PASSWORD, CHECKOUT, Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site that has never been started."""
    return Site(tmp_path / "var")


# --- Again ---


def test_the_same_command_again_changes_nothing_and_is_no_error(site: Site) -> None:
    install(site)
    before = written(site)
    done = install(site)
    assert done.returncode == 0
    assert "nothing was changed" in done.stdout
    assert written(site) == before
    assert rows(site, "SELECT count(*) FROM users_user") == [(1,)]


@pytest.mark.parametrize("flags", [{"site_name": "Another"}, {"admin_username": "intruder"}])
def test_another_command_on_an_installed_site_is_refused(site: Site, flags: dict[str, Any]) -> None:
    install(site)
    assert is_refused(install(site, **flags), "installed already")
    assert rows(site, "SELECT username FROM users_user") == [("owner",)]
    assert rows(site, "SELECT name FROM core_sitesettings") == [("The House",)]


def test_the_same_command_with_everything_in_it_creates_nothing_twice(site: Site) -> None:
    flags: dict[str, Any] = {"sample_content": "3", "site_url": "https://www.example.org/"}
    install(site, **flags)
    before = written(site)
    done = install(site, **flags)
    assert done.returncode == 0, done.stderr
    assert rows(site, "SELECT count(*) FROM content_article") == [(3,)]
    assert written(site) == before
    assert install(site, cache="", language="").returncode == 0  # what is not said is not asked for


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"cache": "memory"}, "--cache: It is “file” here. To change it: the cache page"),
        ({"sample_content": "50"}, "--sample-content: Sample articles are only written by"),
        ({"site_url": "https://other.example.org"}, "--site-url: It is “https://www.example.org” here."),
        ({"language": "en"}, "--language: It is “fr” here."),
        ({"redis_url": "redis://:secret@127.0.0.1/0"}, "--redis-url: It is another one here."),
        ({"admin_email": "other@example.org"}, "no such administrator"),
    ],
)
def test_what_another_command_would_change_is_named_and_where_it_is_changed(
    site: Site, flags: dict[str, Any], words: str
) -> None:
    install(site, sample_content="3", site_url="https://www.example.org")
    before = written(site)
    for more in ([], ["--reuse"]):
        done = install(site, *more, **{"sample_content": "3", **flags})
        assert is_refused(done, words)
        assert "secret" not in done.stderr
    assert written(site) == before
    assert rows(site, "SELECT count(*) FROM content_article") == [(3,)]


def test_a_lost_configuration_file_is_written_again_by_the_same_command(site: Site) -> None:
    install(site)
    (site.directory / "site.toml").unlink()
    assert install(site).returncode == 0
    assert written(site)["installed"] is True


def test_the_installation_of_somebody_else_is_only_taken_over_when_told_to(site: Site) -> None:
    install(site)
    (site.directory / "site.toml").unlink()
    assert is_refused(install(site, site_name="Another"), "add --reuse")
    assert written(site)["installed"] is False
    assert install(site, "--reuse", site_name="", admin_username="").returncode == 0
    assert written(site)["installed"] is True
    assert rows(site, "SELECT name FROM core_sitesettings") == [("The House",)]


def test_there_must_be_something_to_take_over(site: Site) -> None:
    assert is_refused(install(site, "--reuse"), "no installation in that database")


def test_a_member_who_is_there_already_is_not_made_administrator(site: Site) -> None:
    site.manage("migrate", "--verbosity=0")
    with sqlite3.connect(site.directory / "db.sqlite3") as database:
        database.execute(
            "INSERT INTO users_user (username, email, password, first_name, last_name, is_superuser, "
            "is_staff, is_active, date_joined, bio, language, theme) VALUES "
            "('Owner', 'other@example.org', '!', '', '', 0, 0, 1, '2024-01-01', '', '', 'auto')"
        )
    assert is_refused(install(site), "already has a member")
    assert rows(site, "SELECT username, is_superuser FROM users_user") == [("Owner", 0)]
    assert rows(site, "SELECT count(*) FROM core_sitesettings") == [(0,)]


def test_of_two_installations_at_once_one_wins_and_the_other_says_so(site: Site) -> None:
    site.manage("setup_token")
    words = [f"{name}={value}" for name, value in FLAGS.items()]
    environment = {**site.environment, "ADMIN_PASSWORD": ADMIN_PASSWORD}
    both = [
        subprocess.Popen(
            [sys.executable, "manage.py", "install", "--noinput", *words, "--sample-content=200"],
            cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    said = [process.communicate(timeout=120) for process in both]
    assert sorted(process.returncode for process in both) == [0, 1], said
    assert not any("Traceback" in errors for _output, errors in said)
    assert rows(site, "SELECT count(*) FROM users_user WHERE is_superuser") == [(1,)]
    assert rows(site, "SELECT count(*) FROM content_article") == [(200,)]


# --- PostgreSQL ---


def test_it_installs_into_the_database_that_the_flag_names(site: Site, postgres_url: str) -> None:
    done = install(site, database_url=postgres_url, sample_content="4")
    assert done.returncode == 0, done.stderr
    assert written(site)["database_url"] == postgres_url
    assert postgres_url not in done.stdout + done.stderr
    with psycopg.connect(postgres_url) as database:
        assert database.execute("SELECT count(*) FROM content_article").fetchone() == (4,)
        assert database.execute("SELECT name FROM core_sitesettings").fetchone() == ("The House",)
    assert is_refused(install(site, site_name="Another", database_url=postgres_url), "installed already")


def test_a_second_configuration_recognises_the_installation_in_postgresql(
    site: Site, tmp_path: Path, postgres_url: str
) -> None:
    install(site, database_url=postgres_url)
    second = Site(tmp_path / "second")
    assert is_refused(install(second, site_name="Another", database_url=postgres_url), "add --reuse")
    done = install(second, "--reuse", site_name="", database_url=postgres_url)
    assert done.returncode == 0, done.stderr
    assert written(second)["database_url"] == postgres_url


def test_an_empty_directory_over_an_installed_database_never_opens_the_installer_again(
    site: Site, tmp_path: Path, postgres_url: str
) -> None:
    install(site, database_url=postgres_url)
    elsewhere = Site(tmp_path / "elsewhere", environment={"DATABASE_URL": postgres_url})
    done = subprocess.run(
        [sys.executable, "manage.py", "setup_token"],
        cwd=CHECKOUT, env=elsewhere.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert is_refused(done, "The site is installed")


def test_two_installations_into_one_postgresql_leave_one_administrator(
    tmp_path: Path, postgres_server: PostgresServer, postgres_url: str
) -> None:
    sites = [Site(tmp_path / name, environment={"DATABASE_URL": postgres_url}) for name in ("one", "two")]
    words = [f"{name}={value}" for name, value in FLAGS.items() if name != "--admin-username"]
    both = [
        subprocess.Popen(
            [sys.executable, "manage.py", "install", "--noinput", *words, f"--admin-username=owner{number}"],
            cwd=CHECKOUT, env={**site.environment, "ADMIN_PASSWORD": ADMIN_PASSWORD},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for number, site in enumerate(sites)
    ]  # fmt: skip
    said = [process.communicate(timeout=120) for process in both]
    assert sorted(process.returncode for process in both) == [0, 1], said
    assert not any("Traceback" in errors for _output, errors in said), said
    with psycopg.connect(postgres_url) as database:
        assert database.execute("SELECT count(*) FROM users_user WHERE is_superuser").fetchone() == (1,)
