"""What `make run` ends in: the production server, in every state that it may find."""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.servers.process import ServerProcess, free_port
from tests.servers.site import CHECKOUT, Site
from tests.sites import SiteMaker

pytestmark = pytest.mark.server


def children(pid: int) -> list[int]:
    """The processes that *pid* has started."""
    said = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(word) for word in said.stdout.split()]


def runs(pid: int) -> bool:
    """Whether the process is there, and not only its name in the book of a parent who has not looked."""
    said = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(said.stdout.strip()) and not said.stdout.strip().startswith("Z")


def server_pid(site: Site) -> int:
    """The first process of a running site."""
    return int((site.directory / "serve.pid").read_text().split()[0])


def serve_once(site: Site) -> subprocess.CompletedProcess[str]:
    """Try to serve, where it is expected to fail at once."""
    return subprocess.run(
        [sys.executable, "manage.py", "serve"],
        cwd=CHECKOUT, env=site.environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def wait_until(is_so: object, seconds: float = 30) -> None:
    """Wait for something that takes a moment."""
    assert callable(is_so)
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it never became so"
        time.sleep(0.1)


def test_from_the_first_start_to_the_installed_site_without_a_restart(new_site: SiteMaker) -> None:
    site = new_site().start()
    link = re.search(r"http://\S+/install/\?token=\S+", site.said())
    assert link, site.said()
    assert site.readiness()["installed"] is False
    visitor = site.visitor()
    assert visitor.get("/").headers["Location"] == "/install/"
    assert visitor.get(link[0].removeprefix(site.url("")), follow=True).url.endswith("/install/welcome/")

    statuses: list[int] = []
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.02):
            statuses.append(site.visitor().get("/articles/").status)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        site.install(samples=5)
        wait_until(lambda: site.readiness()["generation"] == 1)
        old = set(children(server_pid(site)))
        wait_until(lambda: len(children(server_pid(site))) == 2)
        time.sleep(8)  # one worker after the other is replaced
        assert old.isdisjoint(children(server_pid(site))) or site.readiness()["generation"] == 1
    finally:
        done.set()
        looking.join()
    # The installer first, the site afterwards; "please wait" in between at most, never an error.
    assert set(statuses) <= {302, 503, 200}
    assert statuses[-1] == 200
    assert all(site.readiness()["generation"] == 1 for _ in range(20))
    assert visitor.get("/install/").status == 404


def test_a_port_in_use_is_told_in_words_and_the_first_server_goes_on(new_site: SiteMaker) -> None:
    site = new_site().start()
    second = serve_once(site)
    assert second.returncode == 1
    assert f"Port {site.port} of 127.0.0.1 is in use" in second.stderr
    assert f"`kill {server_pid(site)}` stops it" in second.stderr
    assert "Traceback" not in second.stderr
    assert site.is_alive()


def test_there_are_two_workers_even_where_one_was_asked_for(new_site: SiteMaker) -> None:
    site = new_site(workers=1).start()
    wait_until(lambda: len(children(server_pid(site))) == 2)


def test_a_worker_that_dies_is_replaced(new_site: SiteMaker) -> None:
    site = new_site().start()
    pid = server_pid(site)
    wait_until(lambda: len(children(pid)) == 2)
    time.sleep(6)  # sooner it would be taken for one that cannot start
    victim = children(pid)[0]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: victim not in children(pid) and len(children(pid)) == 2)
    wait_until(site.is_alive)


def test_an_interrupt_stops_everything(new_site: SiteMaker) -> None:
    site = new_site().start()
    pid = server_pid(site)
    workers = children(pid)
    assert len(workers) == 2
    site.stop()
    wait_until(lambda: not any(runs(process) for process in (pid, *workers)), seconds=5)
    with socket.socket() as probe:
        # Connections that have just been closed may linger; a listener would be refused all the same.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", site.port))


def test_a_database_that_is_away_is_a_503_until_it_is_back(new_site: SiteMaker) -> None:
    site = new_site(DATABASE_URL=f"postgres://me:secret@127.0.0.1:{free_port()}/db").start()
    assert "Warning: Nothing listens at the address of the database" in site.said()
    assert "secret" not in site.said()
    visitor = site.visitor()
    for path in ("/", "/install/", "/fr/articles/"):
        answer = visitor.get(path, headers={"Accept": "text/html"})
        assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
    assert visitor.get("/health/").status == 200
    ready = visitor.get("/health/ready/")
    assert (ready.status, ready.json["status"]) == (503, "failed")


def test_an_empty_directory_over_an_installed_database_serves_the_site(
    new_site: SiteMaker, postgres_url: str
) -> None:
    first = new_site(DATABASE_URL=postgres_url)
    first.install(samples=3)
    second = new_site(DATABASE_URL=postgres_url, SECRET_KEY=secrets.token_hex(30)).start()
    assert "/install/?token" not in second.said()
    visitor = second.visitor()
    assert visitor.get("/").status == 200
    assert visitor.get("/install/").status == 404
    assert visitor.get("/", headers={"Host": "evil.example"}).status == 400


def test_an_older_database_is_updated_at_the_start(new_site: SiteMaker) -> None:
    site = new_site()
    site.install(samples=2)
    site.manage("migrate", "sessions", "zero", "--verbosity=0")
    site.start()
    assert "Updating the database" in site.said()
    assert "[X] 0001_initial" in site.manage("showmigrations", "sessions")


def test_where_nothing_can_be_kept_there_is_a_token_for_as_long_as_the_server_runs(
    new_site: SiteMaker,
) -> None:
    site = new_site(VAR_DIR="/proc/nothing-can-be-made-here", SECRET_KEY=secrets.token_hex(30)).start()
    link = re.search(r"/install/\?token=\S+", site.said())
    assert link
    assert site.visitor().get(link[0], follow=True).url.endswith("/install/welcome/")


def test_a_configuration_that_cannot_be_read_is_told_on_the_console(new_site: SiteMaker) -> None:
    site = new_site()
    site.directory.mkdir(parents=True)
    (site.directory / "site.toml").write_text("port = = 8000")
    done = serve_once(site)
    assert done.returncode == 1
    assert "Configuration error" in done.stderr
    assert "is not valid TOML" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_value_that_makes_no_sense_is_told_by_its_name(new_site: SiteMaker) -> None:
    done = serve_once(new_site(PORT="eighty"))
    assert done.returncode == 1
    assert "PORT" in done.stderr
    assert "Traceback" not in done.stderr


# --- Other servers ---


@pytest.mark.parametrize("kind", ["sync", "gthread"])
def test_gunicorn_serves_it_too(new_site: SiteMaker, tmp_path: Path, kind: str) -> None:
    site = new_site()
    site.install(samples=2)
    site.manage("build")
    command = [sys.executable, "-m", "gunicorn", "config.wsgi", "--workers=2", f"--worker-class={kind}"]
    command += ["--threads=2", "--no-control-socket", f"--bind=127.0.0.1:{site.port}"]
    process = ServerProcess(
        command, log=tmp_path / "gunicorn.log", directory=site.release, environment=site.environment
    )
    process.start()
    try:
        process.wait_until(site.is_alive, seconds=30)
        assert site.visitor().get("/articles/").status == 200
        assert site.readiness()["installed"] is True
    finally:
        process.stop()


def test_passenger_finds_the_application(new_site: SiteMaker) -> None:
    site = new_site()
    asking = """
import runpy
application = runpy.run_path("deploy/passenger_wsgi.py")["application"]
from django.test import RequestFactory
from io import BytesIO
def start(status, headers): print(status, dict(headers).get("Location"))
environ = RequestFactory(headers={"host": "www.example.org"}).get("/")
application(environ.environ, start)
"""
    done = subprocess.run(
        [sys.executable, "-c", asking],
        cwd=CHECKOUT, env=site.environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "302 Found /install/"
