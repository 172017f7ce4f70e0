from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

from installer import server
from tests.servers.process import free_port

CLAIMING = """
import sys, time
from pathlib import Path
from django.conf import settings
settings.configure(VAR_DIR=Path(sys.argv[1]))
from installer import server
server.claim()
print("claimed", flush=True)
time.sleep(60)
"""


def configure(settings: Settings, **values: object) -> None:
    """Have the configuration say *values*."""
    settings.CONFIGURATION = django_settings.CONFIGURATION.model_copy(update=values)


@pytest.fixture
def other_server(tmp_path: Path, settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """A process that has claimed the VAR_DIR of this test."""
    settings.VAR_DIR = tmp_path
    command = [sys.executable, "-c", CLAIMING, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(Path(server.__file__).parents[1])}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "claimed\n"
        yield process
        process.kill()


def test_there_are_never_less_than_two_workers(settings: Settings) -> None:
    for wished, given in ((1, 2), (2, 2), (5, 5)):
        configure(settings, web_concurrency=wished)
        assert server.workers() == given
        words = server.command()
        assert words[words.index("--workers") + 1] == str(given)
        assert server.environment(is_installed=True)["WEB_CONCURRENCY"] == str(given)


def test_the_server_has_as_many_threads_as_the_settings_reckon_with(settings: Settings) -> None:
    configure(settings, web_threads=3)
    words = server.command()
    assert words[words.index("--blocking-threads") + 1] == "3"
    assert server.environment(is_installed=True)["WEB_THREADS"] == "3"


def test_what_nobody_said_about_threads_was_measured(settings: Settings) -> None:
    unset = django_settings.CONFIGURATION.model_copy()
    unset.model_fields_set.discard("web_threads")
    settings.CONFIGURATION = unset
    assert server.threads() == server.USUAL_THREADS
    assert server.environment(is_installed=True)["WEB_THREADS"] == str(server.USUAL_THREADS)


def test_what_only_the_database_knows_is_told_to_the_server(settings: Settings) -> None:
    settings.INSTALLED = False
    assert server.environment(is_installed=True)["INSTALLED"] == "true"
    assert server.environment(is_installed=False).get("INSTALLED") == os.environ.get("INSTALLED")


@pytest.mark.parametrize(
    ("values", "url"),
    [
        ({"host": "127.0.0.1", "port": 8000}, "http://127.0.0.1:8000"),
        ({"host": "0.0.0.0", "port": 80}, "http://localhost:80"),
        ({"host": "::1", "port": 8000}, "http://[::1]:8000"),
        ({"site_url": "https://www.example.org"}, "https://www.example.org"),
    ],
)
def test_the_address_is_one_that_can_be_opened(
    settings: Settings, values: dict[str, object], url: str
) -> None:
    configure(settings, **values)
    assert server.base_url() == url


def test_a_port_in_use_is_told_in_words(settings: Settings) -> None:
    with socket.socket() as other:
        # As the server itself does: a second one would come up beside it without a word.
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        configure(settings, host="127.0.0.1", port=port)
        with pytest.raises(server.ServerError, match=f"Port {port} of 127.0.0.1 is in use"):
            server.require_free_address()
    server.require_free_address()


def test_an_address_of_another_machine_is_told_in_words(settings: Settings) -> None:
    for host in ("203.0.113.7", "no-such-host.invalid"):
        configure(settings, host=host, port=free_port())
        with pytest.raises(server.ServerError, match=f"HOST={host} is no address of this machine"):
            server.require_free_address()


def test_a_running_server_is_found_and_a_dead_one_is_not(
    other_server: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert server.running() == other_server.pid
    other_server.kill()
    other_server.wait()
    assert (tmp_path / server.RUN_FILE).exists()
    assert server.running() is None
    assert not server.renew()


def test_a_number_left_behind_is_never_signalled(tmp_path: Path, settings: Settings) -> None:
    settings.VAR_DIR = tmp_path
    assert server.running() is None
    # This very process: a signal would end the tests.
    (tmp_path / server.RUN_FILE).write_text(f"{os.getpid()}\n{socket.gethostname()}\n")
    assert server.running() is None
    assert not server.renew()


def test_a_server_on_another_machine_is_left_alone(tmp_path: Path, settings: Settings) -> None:
    settings.VAR_DIR = tmp_path
    file = tmp_path / server.RUN_FILE
    file.write_text(f"{os.getpid()}\nanother-machine\n")
    with file.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert server.running() is None


def test_a_second_server_leaves_the_first_one_findable(
    other_server: subprocess.Popen[str], tmp_path: Path
) -> None:
    server.claim()
    assert server.running() == other_server.pid


def test_where_nothing_can_be_written_it_serves_all_the_same(tmp_path: Path, settings: Settings) -> None:
    settings.VAR_DIR = tmp_path / "absent"
    server.claim()
    assert server.running() is None


def test_renewing_asks_the_server_for_new_workers(
    other_server: subprocess.Popen[str],
) -> None:
    assert server.renew()
    # The stand-in has no workers to renew: SIGHUP ends it.
    assert other_server.wait(5) == -1
