"""A server that was started before the installation takes the new site over, whichever it is."""

from __future__ import annotations

import html
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pytest_django import Settings

from cacheadmin import watcher
from installer import restart, server, site_file
from tests.engines import fresh_name
from tests.installer import setting_up
from tests.installer.conftest import TOKEN
from tests.installer.wizard import GOOD
from tests.servers.postgres import PostgresServer
from tests.servers.process import ServerProcess
from tests.servers.site import Site
from tests.sites import SiteMaker

GUNICORN = [sys.executable, "-m", "gunicorn", "config.wsgi", "--workers", "2", "--bind"]
RUNSERVER = [sys.executable, "manage.py", "runserver"]
UWSGI = [
    str(Path(sys.executable).with_name("uwsgi")),
    *(
        "--module",
        "config.wsgi",
        "--master",
        "--die-on-term",
        "--need-app",
        "--processes",
        "2",
        "--http-socket",
    ),
]
COMMAND = re.compile(r'<code class="command">(.+?)</code>')


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
    stop, start = restart.commands()
    assert stop == f"kill {os.getpid()}"
    assert Path(sys.executable).name.split(".")[0] in start


def test_a_worker_that_its_server_made_of_a_copy_of_itself_never_asks_for_another_one(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restart, "_is_listening", lambda process: True)
    monkeypatch.setattr(restart, "_started_at", 0.0)
    monkeypatch.setattr(restart, "_is_copy", True)
    monkeypatch.setattr(os, "kill", _never)
    assert not restart.renew()
    assert not restart.renew_if_stale()


def test_a_worker_that_may_not_ask_its_server_ends_once(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[int, int]] = []

    def forbidden(process: int, number: int) -> None:
        sent.append((process, number))
        if process != os.getpid():
            raise PermissionError

    monkeypatch.setattr(restart, "_is_listening", lambda process: True)
    monkeypatch.setattr(restart, "_started_at", 0.0)
    monkeypatch.setattr(os, "kill", forbidden)
    assert restart.renew_if_stale()
    assert sent == [(os.getppid(), signal.SIGHUP), (os.getpid(), signal.SIGTERM)]


class _Uwsgi:
    """What its Python sees of uWSGI."""

    def __init__(self, master: int) -> None:
        self.opt: dict[str, object] = {}
        self.master, self.reloads = master, 0

    def masterpid(self) -> int:
        return self.master

    def reload(self) -> None:
        self.reloads += 1


@pytest.mark.parametrize("master", [0, 4711])
def test_uwsgi_is_asked_where_it_has_a_master(
    written: Path, monkeypatch: pytest.MonkeyPatch, master: int
) -> None:
    uwsgi = _Uwsgi(master)
    monkeypatch.setitem(sys.modules, "uwsgi", uwsgi)
    assert restart.renew() is bool(master)
    assert uwsgi.reloads == bool(master)
    assert Path(sys.executable).name in restart.commands()[1]


def _never(*arguments: object) -> None:
    raise AssertionError(arguments)


def children_of(process: int) -> set[str]:
    """The processes that *process* has started, and that live."""
    return {*Path(f"/proc/{process}/task/{process}/children").read_text().split()}


@contextmanager
def served(site: Site, words: list[str]) -> Iterator[ServerProcess]:
    """The site, served by the server that *words* starts."""
    process = ServerProcess(
        words,
        log=site.log,
        directory=site.release,
        environment=site.environment,
    )
    process.start()
    try:
        process.wait_until(site.is_alive, seconds=60)
        yield process
    finally:
        process.stop()


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.parametrize("words", [GUNICORN, RUNSERVER, UWSGI], ids=["gunicorn", "runserver", "uwsgi"])
def test_another_server_follows_an_installation_from_the_command_line(
    new_site: SiteMaker, words: list[str]
) -> None:
    # uWSGI starts itself anew with the Python behind the virtual environment.
    packages = os.pathsep.join(path for path in sys.path if "site-packages" in path)
    site: Site = new_site(DJANGO_SETTINGS_MODULE="config.settings", PYTHONPATH=packages)
    with served(site, [*words, f"127.0.0.1:{site.port}"]):
        assert site.visitor().get("/").headers["Location"] == "/install/"
        site.install(cache="file", samples=0)
        deadline = time.monotonic() + setting_up.PATIENCE
        # Who comes first reads that the server is being restarted, and causes it.
        while not setting_up.is_shown(site):
            assert time.monotonic() < deadline, site.said()
            time.sleep(0.2)
        setting_up.wait_until_new(site)


@pytest.mark.server
@pytest.mark.slow
def test_where_a_server_keeps_its_copy_of_the_site_the_last_page_tells_what_to_type(
    new_site: SiteMaker, postgres_server: PostgresServer
) -> None:
    site: Site = new_site(DJANGO_SETTINGS_MODULE="config.settings", SETUP_TOKEN=TOKEN)
    with served(site, [*GUNICORN, f"127.0.0.1:{site.port}", "--preload"]) as process:
        owner = setting_up.owner_of(site)
        database = setting_up.fields_of(
            postgres_server.create_database(fresh_name("preload")), postgres_server.password
        )
        setting_up.walk(
            owner, database=database, site={**GOOD["site"], "site_url": owner.origin, "samples": "0"}
        )
        done = setting_up.install(owner).text
        workers = children_of(process.pid)
        for _ in range(6):
            answer = site.visitor().get("/")
            assert answer.status == 503
            assert "still has to be restarted" in answer.text
        # No worker has ended in vain.
        assert children_of(process.pid) == workers
        stop, start = (html.unescape(found) for found in COMMAND.findall(done))
        assert stop == f"kill {process.pid}"
    with served(site, ["/bin/sh", "-c", start]):
        ready = site.readiness()
        assert (ready["generation"], ready["database"]["engine"]) == (1, "postgresql")
        assert "The House" in site.visitor().get("/").text
