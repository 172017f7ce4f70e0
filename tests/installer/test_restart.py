"""A server that was started before the installation takes the new site over, whichever it is."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from pytest_django import Settings

from cacheadmin import watcher
from installer import restart, server, site_file
from tests.installer import setting_up
from tests.servers.process import ServerProcess
from tests.servers.site import Site
from tests.sites import SiteMaker

GUNICORN = ["-m", "gunicorn", "config.wsgi", "--workers", "2", "--bind"]
RUNSERVER = ["manage.py", "runserver"]


@pytest.fixture
def written(not_installed: Path) -> Path:
    """A configuration that this process has not read."""
    site_file.write(not_installed, {"installed": True, "generation": 1})
    return not_installed


def test_passenger_is_asked_by_the_file_that_it_watches_and_only_once(
    written: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BASE_DIR = written.parent
    monkeypatch.setattr(watcher, "named_host", lambda: "Passenger")
    file = written.parent / "tmp" / "restart.txt"
    assert restart.renew()
    assert file.exists()
    file.unlink()
    assert restart.renew_if_stale()
    assert not file.exists()


def test_a_server_that_has_not_done_it_for_a_minute_is_not_believed_any_more(
    written: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BASE_DIR = written.parent
    monkeypatch.setattr(watcher, "named_host", lambda: "LSAPI")
    assert restart.renew()
    later = time.time() + restart.PATIENCE + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert not restart.renew()
    assert not restart.renew_if_stale()


def test_our_own_server_is_told_by_whoever_installs_and_not_again(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "running", os.getppid)
    monkeypatch.setattr(os, "kill", _never)
    assert restart.renew()


def test_where_nothing_is_known_of_the_server_its_command_is_told(written: Path) -> None:
    assert not restart.renew()
    assert Path(sys.executable).name.split(".")[0] in restart.command()


def _never(*arguments: object) -> None:
    raise AssertionError(arguments)


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.parametrize("words", [GUNICORN, RUNSERVER], ids=["gunicorn", "runserver"])
def test_another_server_follows_an_installation_from_the_command_line(
    new_site: SiteMaker, words: list[str]
) -> None:
    site: Site = new_site(DJANGO_SETTINGS_MODULE="config.settings")
    process = ServerProcess(
        [sys.executable, *words, f"127.0.0.1:{site.port}"],
        log=site.log,
        directory=site.release,
        environment=site.environment,
    )
    process.start()
    try:
        process.wait_until(site.is_alive, seconds=60)
        assert site.visitor().get("/").headers["Location"] == "/install/"
        site.install(cache="file", samples=0)
        deadline = time.monotonic() + setting_up.PATIENCE
        # Who comes first reads that the server is being restarted, and causes it.
        while not setting_up.is_shown(site):
            assert time.monotonic() < deadline, site.said()
            time.sleep(0.2)
        setting_up.wait_until_new(site)
    finally:
        process.stop()
