"""A Redis at an unusual place is found and offered; nothing is written where it may be somebody else's."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils import translation

from cacheadmin import detect
from cacheadmin.verdicts import Verdict
from tests.cacheadmin.conftest import nobodys_address
from tests.cacheadmin.waiting import Stopwatch
from tests.servers.process import free_port
from tests.servers.redis import RedisServer

NewRedis = Callable[..., RedisServer]


def quiet(
    monkeypatch: pytest.MonkeyPatch, ports: tuple[int, ...] = (), sockets: tuple[str, ...] = ()
) -> None:
    """Nothing of this machine is looked at but these."""
    monkeypatch.setattr(detect, "LOCALHOST", nobodys_address())
    monkeypatch.setattr(detect, "PORTS", ports)
    monkeypatch.setattr(detect, "SOCKETS", sockets)
    monkeypatch.setattr(detect, "HOSTS", ())
    monkeypatch.delenv("REDIS_URL", raising=False)


def test_usual_ports_and_sockets_are_found_and_offered(
    new_redis: NewRedis, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server, given = new_redis(unix_socket=True), new_redis()
    (tmp_path / "link.sock").symlink_to(server.socket or "")
    (tmp_path / "file.sock").touch()
    sockets = (str(server.socket), f"{tmp_path}/link.sock", f"{tmp_path}/file.sock", f"{tmp_path}/none.sock")
    quiet(monkeypatch, (server.port,), sockets)
    found = detect.everywhere("redis://127.0.0.1:1/0", ports=[given.port])
    assert [(one.address, one.verdict.word, one.is_offered) for one in found] == [
        ("redis://127.0.0.1:1/0", "refused", False),
        (detect.LOCALHOST, "refused", False),
        (f"redis://127.0.0.1:{given.port}/0", "found", True),
        (f"redis://127.0.0.1:{server.port}/0", "found", True),
        (f"unix://{server.socket}?db=0", "found", True),
    ]


def test_where_a_redis_may_be_somebody_elses_nothing_is_written(
    new_redis: NewRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = new_redis()
    quiet(monkeypatch, (server.port,))
    assert [one.is_usable for one in detect.everywhere("redis://127.0.0.1:1/0", "mine")] == [
        False,
        False,
        True,
    ]
    assert set(server.commands_seen()) & {"set", "del", "expire", "watch", "incrby"} == set()


def test_what_auto_may_adopt_is_not_offered_again(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet(monkeypatch, (redis_server.port,))
    found = detect.everywhere(redis_server.url())
    assert [one.is_offered for one in found] == [False, False]


def _cluster_node(new_redis: NewRedis) -> RedisServer:
    # Its second port is 10,000 higher by default, where there may be none.
    return new_redis(options=("cluster-enabled", "yes", "cluster-port", str(free_port())))


def test_a_redis_that_asks_for_something_counts_as_detected(
    new_redis: NewRedis, monkeypatch: pytest.MonkeyPatch, website: str, silent: str
) -> None:
    locked, cluster = new_redis(password="swordfish"), _cluster_node(new_redis)
    ports = (locked.port, cluster.port, int(website.split(":")[2][:-2]), int(silent.split(":")[2][:-2]))
    quiet(monkeypatch, ports)
    found = detect.everywhere("nonsense")[2:]
    assert [(one.verdict.word, one.is_detected, one.is_usable) for one in found] == [
        ("needs password", True, False),
        ("incomplete", True, False),
        ("not redis", False, False),
        ("timed out", False, False),
    ]


def test_all_places_together_take_less_than_a_second(
    silent: str, full: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = tuple(int(address.split(":")[2][:-2]) for address in (silent, full))
    quiet(monkeypatch, ports)
    with Stopwatch() as watch:
        found = detect.everywhere(silent, ports=range(1, 20))
    assert watch.seconds < 2
    assert len(found) == 2 + 19 + 1


def test_a_place_that_takes_too_long_stays_an_offer(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hang(*args: object, **kwargs: object) -> None:
        release.wait(5)
        raise socket.gaierror("no such host")

    quiet(monkeypatch)
    monkeypatch.setattr(detect, "HOSTS", ("redis",))
    monkeypatch.setattr(socket, "getaddrinfo", hang)
    found = detect.everywhere("nonsense")
    release.set()
    assert [(one.verdict, one.is_offered) for one in found[2:]] == [(Verdict.TIMED_OUT, True)]


def test_the_usual_places_are_looked_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".redis").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / ".redis" / "redis.sock"))
        found = detect.further_addresses()
    assert f"unix://{tmp_path}/.redis/redis.sock?db=0" in found
    assert {"redis://127.0.0.1:6380/0", "redis://redis:6379/0"} <= set(found)


def test_what_is_found_is_told_in_both_languages(new_redis: NewRedis) -> None:
    found = detect.look(new_redis(password="swordfish").url(password=""))
    with translation.override("en"):
        assert found.as_json()["message"].startswith("It asks for a password. Redis is there.")
    with translation.override("fr"):
        assert found.as_json()["message"].startswith("Un mot de passe est demandé. Redis est bien là.")
    assert list(found.as_json()) == ["address", "verdict", "detected", "usable", "offered", "message", "ms"]
