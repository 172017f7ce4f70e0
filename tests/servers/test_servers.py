"""The servers of the tests do what the tests believe they do."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from tests.servers.postgres import PostgresServer
from tests.servers.process import ServerError, ServerProcess
from tests.servers.redis import RedisServer

linux_only = pytest.mark.skipif(not Path("/proc").exists(), reason="looks at processes as Linux shows them")

NewRedis = Callable[..., RedisServer]


def test_a_killed_redis_refuses_and_comes_back_empty_on_the_same_port(redis_server: RedisServer) -> None:
    with redis_server.client() as client:
        client.set("colour", "blue")
    address = redis_server.url()
    redis_server.kill()
    assert not redis_server.answers()
    redis_server.start()
    assert redis_server.url() == address
    with redis_server.client() as client:
        assert client.get("colour") is None


def test_a_paused_redis_swallows_questions_until_it_is_resumed(redis_server: RedisServer) -> None:
    redis_server.pause()
    client = redis.Redis.from_url(redis_server.url(), socket_timeout=0.2)
    with client, pytest.raises(redis.TimeoutError):
        client.ping()
    redis_server.resume()
    assert redis_server.answers()


def test_a_redis_with_a_password_turns_others_away(new_redis: NewRedis) -> None:
    server = new_redis(password="p@ss word")
    stranger = redis.Redis.from_url(server.url(password="wrong"))
    with stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    with server.client() as client:
        assert client.ping()


def test_a_redis_speaks_tls_with_its_own_authority(new_redis: NewRedis) -> None:
    server = new_redis(tls=True)
    assert server.url().startswith("rediss://")
    with server.client() as client:
        assert client.ping()
    believer_in_others = redis.Redis.from_url(f"rediss://127.0.0.1:{server.port}/0")
    with believer_in_others, pytest.raises(redis.ConnectionError, match="certificate verify failed"):
        believer_in_others.ping()


def test_a_redis_listens_on_a_socket(new_redis: NewRedis) -> None:
    server = new_redis(unix_socket=True)
    with redis.Redis.from_url(server.socket_url()) as client:
        assert client.ping()


def test_a_redis_keeps_people_to_their_acl(new_redis: NewRedis) -> None:
    server = new_redis(acl=["user ann on >secret ~* &* +ping +get +set"])
    with redis.Redis.from_url(server.url(username="ann", password="secret")) as ann:
        ann.set("key", "1")
        with pytest.raises(redis.exceptions.NoPermissionError):
            ann.delete("key")


def test_redis_counts_the_commands_it_was_sent(redis_server: RedisServer) -> None:
    before = redis_server.commands_seen().get("get", 0)
    with redis_server.client() as client:
        client.get("a")
        client.get("b")
    assert redis_server.commands_seen()["get"] == before + 2


def test_postgres_takes_its_password_and_no_other(postgres_server: PostgresServer, postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres_server.url(password="wrong"))


@linux_only
def test_a_server_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    starter = (
        "import pathlib, sys, time\n"
        "from tests.servers.process import ServerProcess\n"
        "server = ServerProcess(['sleep', '300'], log=pathlib.Path(sys.argv[1]))\n"
        "server.start()\n"
        "print(server.pid, flush=True)\n"
        "time.sleep(300)\n"
    )
    command = [sys.executable, "-c", starter, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        _wait_until(lambda: Path(f"/proc/{child}/cmdline").read_bytes().startswith(b"sleep"))
        process.send_signal(signal.SIGKILL)
    _wait_until(lambda: not _lives(child))


@linux_only
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_servers_started_by_hand_end_with_their_starter(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "tests.servers", "redis", "postgres"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as process:
        assert process.stdout is not None
        addresses = [process.stdout.readline().strip().split("=", 1)[1] for _ in range(2)]
        assert all(_listens(urlsplit(address).port) for address in addresses)
        servers = _children(process.pid)
        assert len(servers) == 2
        process.send_signal(number)
        process.wait(30)
    assert not [server for server in servers if _lives(server)]


def test_a_server_that_fails_shows_its_last_words(tmp_path: Path) -> None:
    server = ServerProcess(["sh", "-c", "echo I cannot; exit 3"], log=tmp_path / "log")
    server.start()
    with pytest.raises(ServerError, match="I cannot"):
        server.wait_until(lambda: False, seconds=5)
    server.stop()


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _listens(port: int | None) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port or 0)) == 0


def _lives(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rsplit(")", 1)[1].split()[0] != "Z"


def _wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline, f"still not so, in process {os.getpid()}"
        time.sleep(0.02)
