"""The command as its user types it: a process, an environment, a directory."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from django.test import Client

from tests.installer.conftest import TOKEN
from tests.installer.installing import FLAGS, install, is_refused, rows, written
from tests.servers.site import ADMIN_PASSWORD, CHECKOUT, Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site that has never been started."""
    return Site(tmp_path / "var")


# --- What it makes ---


def test_it_makes_the_site_its_owner_and_its_content(site: Site) -> None:
    done = install(site, sample_content="7", site_url="https://www.example.org/")
    assert done.returncode == 0, done.stderr
    assert "7 / 7" in done.stdout
    assert "Log in as owner: https://www.example.org/admin/" in done.stdout
    assert ADMIN_PASSWORD not in done.stdout + done.stderr
    assert rows(site, "SELECT name, language FROM core_sitesettings") == [("The House", "fr")]
    assert rows(site, "SELECT is_superuser, is_staff, email FROM users_user WHERE username = 'owner'") == [
        (1, 1, "owner@example.org")
    ]
    assert rows(site, "SELECT count(*) FROM content_article") == [(7,)]
    assert rows(site, "SELECT alias, engine FROM cacheadmin_cachesettings") == [("default", "file")]
    assert ("install", "manage.py") in rows(site, "SELECT action, actor_name FROM core_adminhistory")
    assert rows(site, "SELECT id FROM installer_installation") == [(1,)]


def test_its_configuration_is_private_and_holds_the_token_no_longer(site: Site) -> None:
    first = site.manage("setup_token").strip()
    assert written(site)["setup_token"] == first
    install(site, site_url="https://www.example.org/")
    values = written(site)
    assert values["installed"] is True
    assert values["generation"] == 1
    assert values["site_url"] == "https://www.example.org"
    assert "setup_token" not in values
    assert "database_url" not in values  # so that VAR_DIR can be moved
    for name in ("site.toml", "db.sqlite3"):
        assert (site.directory / name).stat().st_mode & 0o777 == 0o600
    done = subprocess.run(
        [sys.executable, "manage.py", "setup_token"],
        cwd=CHECKOUT, env=site.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert is_refused(done, "there is no setup token any more")


def test_without_a_choice_the_cache_is_automatic(site: Site) -> None:
    assert install(site, cache="").returncode == 0
    assert rows(site, "SELECT alias, engine FROM cacheadmin_cachesettings") == [("default", "auto")]


def test_a_chosen_redis_is_kept_but_not_readable_in_the_database(site: Site, redis_url: str) -> None:
    assert install(site, cache="redis", redis_url=redis_url).returncode == 0
    ((engine, location),) = rows(site, "SELECT engine, encrypted_location FROM cacheadmin_cachesettings")
    assert engine == "redis"
    assert redis_url not in str(location)


def test_it_only_looks_when_asked_to(site: Site) -> None:
    done = install(site, "--check")
    assert done.returncode == 0
    assert "Everything is in order" in done.stdout
    assert written(site)["installed"] is False
    assert rows(site, "SELECT name FROM sqlite_master WHERE name = 'users_user'") == []


# --- What it refuses ---


def test_everything_that_is_wrong_is_told_at_once_and_nothing_is_made(site: Site) -> None:
    done = install(site, site_name="", admin_username="a b", environment={"ADMIN_PASSWORD": "short"})
    for words in ("--site-name: ", "--admin-username: ", "ADMIN_PASSWORD: "):
        assert is_refused(done, words)
    assert written(site)["installed"] is False
    assert not (site.directory / "db.sqlite3").exists() or rows(site, "SELECT * FROM sqlite_master") == []


def test_there_is_no_default_password(site: Site) -> None:
    assert is_refused(install(site, environment={"ADMIN_PASSWORD": ""}), "ADMIN_PASSWORD: ")


def test_a_redis_that_does_not_answer_is_refused_before_anything_is_made(site: Site) -> None:
    done = install(site, cache="redis", redis_url="redis://:secret@127.0.0.1:1/0")
    assert is_refused(done, "nothing listens at this address")
    assert "secret" not in done.stderr
    assert written(site)["installed"] is False


@pytest.mark.parametrize("url", ["mysql://me:secret@host/db", "postgres://me:secret@127.0.0.1:1/db"])
def test_a_database_that_cannot_be_is_refused_in_words(site: Site, url: str) -> None:
    done = install(site, database_url=url)
    assert is_refused(done, "Database: Nothing listens" if "127" in url else "--database-url: This is not")
    assert "secret" not in done.stdout + done.stderr
    assert written(site)["installed"] is False


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:site?mode=memory"])
def test_a_database_in_memory_is_refused_since_the_server_would_find_another(site: Site, url: str) -> None:
    assert is_refused(install(site, database_url=url), "in memory")
    assert is_refused(install(site, environment={"DATABASE_URL": url}), "sqlite:////absolute/path")
    assert written(site).get("installed", False) is False


def test_a_relative_path_is_counted_from_where_the_command_was_typed(site: Site, tmp_path: Path) -> None:
    here = tmp_path / "a memory of houses"
    here.mkdir()
    done = install(site, database_url="sqlite:///site.sqlite3", directory=here)
    assert done.returncode == 0, done.stderr
    assert written(site)["database_url"] == f"sqlite:///{tmp_path}/a%20memory%20of%20houses/site.sqlite3"
    with sqlite3.connect(here / "site.sqlite3") as database:
        assert database.execute("SELECT name FROM core_sitesettings").fetchall() == [("The House",)]
    again = install(site, database_url="sqlite:///site.sqlite3", directory=here)
    assert again.returncode == 0, again.stderr


def test_a_relative_path_in_the_environment_is_refused_as_it_would_change_with_the_directory(
    site: Site, tmp_path: Path
) -> None:
    done = install(site, environment={"DATABASE_URL": "sqlite:///site.sqlite3"}, directory=tmp_path)
    assert is_refused(done, f"sqlite:///{tmp_path}/site.sqlite3")
    assert not (tmp_path / "site.sqlite3").exists()


@pytest.mark.parametrize("url", ["postgres://me:secret@127.0.0.1:5432", "postgres:///"])
def test_an_address_without_the_name_of_a_database_is_refused(site: Site, url: str) -> None:
    assert is_refused(install(site, database_url=url), "no database on it")
    done = install(site, environment={"DATABASE_URL": url})
    assert is_refused(done, "postgres://user:password@host:5432/name")
    assert "secret" not in done.stderr


def test_the_environment_and_the_flag_may_not_name_two_databases(site: Site, tmp_path: Path) -> None:
    environment = {"DATABASE_URL": f"sqlite:///{tmp_path}/one.sqlite3"}
    done = install(site, database_url=f"sqlite:///{tmp_path}/two.sqlite3", environment=environment)
    assert is_refused(done, "the environment wins")


def test_a_broken_configuration_file_is_named_with_its_line(site: Site) -> None:
    site.directory.mkdir()
    (site.directory / "site.toml").write_text('secret_key = "unfinished\n')
    assert is_refused(install(site), "is not valid TOML")
    assert (site.directory / "site.toml").read_text() == 'secret_key = "unfinished\n'


def test_a_directory_that_cannot_be_written_is_named(site: Site) -> None:
    site.directory.write_text("a file where the directory should be")
    assert is_refused(install(site), str(site.directory))


# Bytes. No file may grow beyond this: the tables fit in, two thousand articles do not.
FULL = 2_000_000


def test_a_full_disk_leaves_nothing_half_installed_and_the_command_can_be_given_again(site: Site) -> None:
    limited = install(site, sample_content="2000", file_limit=FULL)
    assert is_refused(limited, "Content: The disk is full")
    assert written(site)["installed"] is False
    assert "setup_token" in written(site)
    assert rows(site, "SELECT count(*) FROM users_user") == [(0,)]
    assert rows(site, "SELECT count(*) FROM installer_installation") == [(0,)]
    assert not (site.directory / "media").exists()
    done = install(site, sample_content="3")
    assert done.returncode == 0, done.stderr
    assert rows(site, "SELECT count(*) FROM content_article") == [(3,)]


def test_what_lay_among_the_covers_before_stays_when_the_installation_fails(site: Site) -> None:
    older = site.directory / "media" / "covers" / "older.webp"
    older.parent.mkdir(parents=True)
    older.write_bytes(b"older")
    assert is_refused(install(site, sample_content="2000", file_limit=FULL), "Content: The disk is full")
    assert [path.name for path in older.parent.iterdir()] == ["older.webp"]


def test_nobody_else_can_read_the_database_while_it_is_made(site: Site) -> None:
    words = [f"{name}={value}" for name, value in FLAGS.items()]
    process = subprocess.Popen(
        [sys.executable, "manage.py", "install", "--noinput", *words, "--sample-content=100"],
        cwd=CHECKOUT, env={**site.environment, "ADMIN_PASSWORD": ADMIN_PASSWORD},
        stdout=subprocess.DEVNULL, umask=0o022,
    )  # fmt: skip
    seen: dict[str, set[int]] = {}
    while process.poll() is None:
        for path in site.directory.glob("db.sqlite3*"):
            with suppress(FileNotFoundError):  # SQLite has just put it away
                seen.setdefault(path.name, set()).add(path.stat().st_mode & 0o777)
        time.sleep(0.001)
    assert process.returncode == 0
    assert {"db.sqlite3", "db.sqlite3-shm", "db.sqlite3-wal"} <= seen.keys()
    assert set().union(*seen.values()) == {0o600}


def test_a_full_disk_at_the_very_start_is_told_in_words(site: Site) -> None:
    site.manage("setup_token")
    assert is_refused(install(site, file_limit=30_000), "disk is full")
    assert written(site)["installed"] is False


# --- The first page of the setup ---


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_page_suggests_its_own_language_for_the_site(
    client: Client, not_installed: Path, language: str
) -> None:
    client.post("/install/", {"token": TOKEN})
    page = client.get("/install/welcome/", headers={"accept-language": language}).content.decode()
    assert re.search(rf'value="{language}"[^>]*\bchecked\b', page)
