"""The connection tests: each step timed, nothing left behind, strangers kept from where they must not go."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import translation

from cacheadmin import connection
from cacheadmin.connection import deep_test, simple_test
from cacheadmin.verdicts import Verdict
from tests.cacheadmin.connections import last, names, said
from tests.cacheadmin.redis_engines import Counted
from tests.cacheadmin.waiting import Stopwatch, wait_until
from tests.servers.redis import RedisServer
from tests.servers.redis_many import RedisCluster, Sentinels

NewRedis = Callable[..., RedisServer]
SIMPLE = ["connect", "authenticate", "ping", "info"]
DEEP = ["write", "read", "compare", "expiry", "increment", "delete"]
BOTH = pytest.mark.parametrize("test", [simple_test, deep_test])


# --- What works ---


def test_the_simple_test_tells_version_memory_and_latency(redis_server: RedisServer) -> None:
    result = simple_test(redis_server.url())
    assert (result.ok, result.engine, result.verdict) == (True, "redis", Verdict.FOUND)
    assert names(result) == SIMPLE
    with redis_server.client() as client:
        assert result.version == client.info("server")["redis_version"]
    assert result.used is not None
    assert result.used > 100_000
    assert result.latency is not None
    assert 0 < result.latency < 1000
    assert result.message == "Everything works."


def test_the_deep_test_uses_an_entry_and_leaves_nothing_behind(redis_server: RedisServer) -> None:
    with Counted(redis_server) as seen:
        result = deep_test(redis_server.url())
    assert (result.ok, names(result)) == (True, [*SIMPLE, *DEEP])
    assert all(step.ok and step.ms >= 0 for step in result.steps)
    used = {"set", "get", "mget", "expire", "incrby", "watch", "multi", "exec", "del"}
    assert used <= set(seen.commands)
    with redis_server.client() as client:
        assert client.dbsize() == 0


def test_what_is_read_back_comes_over_a_second_connection(new_redis: NewRedis) -> None:
    with new_redis().client() as client:
        before = client.info("stats")["total_connections_received"]
        deep_test(f"redis://127.0.0.1:{client.get_connection_kwargs()['port']}/0")
        assert client.info("stats")["total_connections_received"] - before == 2
        # And both are closed: the one that is left is the one that looks.
        wait_until(lambda: len(client.client_list()) == 1, seconds=5)


def test_as_json_has_the_promised_shape(redis_server: RedisServer) -> None:
    found = simple_test(redis_server.url()).as_json()
    assert list(found) == ["ok", "engine", "version", "memory", "steps"]
    assert [list(step) for step in found["steps"]] == [["name", "ok", "ms", "message"]] * len(SIMPLE)
    assert found["memory"].endswith(("KB", "MB"))


def test_success_is_told_in_both_languages(redis_server: RedisServer) -> None:
    result = deep_test(redis_server.url(database=3), "mine")
    assert names(result) == [*SIMPLE[:2], "database", *SIMPLE[2:], "ownership", *DEEP]
    told = {}
    for language in ("en", "fr"):
        with translation.override(language):
            told[language] = [(str(step.label), step.message) for step in result.steps]
    assert told["en"][-1] == ("Delete", "The entry was deleted; nothing is left behind.")
    assert told["fr"][-1] == ("Supprimer", "L’entrée a été supprimée\u202f; il n’en reste rien.")
    alike = [one for one, other in zip(told["en"], told["fr"], strict=True) if one == other]
    assert alike == []


@BOTH
def test_a_password_that_is_right_lets_in(new_redis: NewRedis, test: Any) -> None:
    server = new_redis(password="sword fish/@#?")
    result = test(server.url())
    assert result.ok
    assert "sword" not in result.address


@BOTH
def test_tls_with_the_owners_authority_works(new_redis: NewRedis, test: Any) -> None:
    assert test(new_redis(tls=True).url()).ok


@BOTH
def test_a_unix_socket_works(new_redis: NewRedis, test: Any) -> None:
    assert test(new_redis(unix_socket=True).socket_url()).ok


@BOTH
def test_a_cluster_and_what_sentinels_name_work(test: Any) -> None:
    with RedisCluster() as cluster:
        result = test(cluster.url())
        assert result.ok, result.steps
    with Sentinels() as sentinels:
        result = test(sentinels.url())
        assert result.ok, result.steps


# --- Time ---


def test_a_resolver_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hang(*args: object, **kwargs: object) -> None:
        release.wait(20)
        raise socket.gaierror("no such host")

    monkeypatch.setattr(connection, "LONGEST", 0.2)
    monkeypatch.setattr(socket, "getaddrinfo", hang)
    with Stopwatch() as watch:
        result = simple_test("redis://somewhere.example/0")
    release.set()
    assert last(result) == ("connect", False, Verdict.TIMED_OUT)
    assert watch.seconds < 3
    assert connection.LONGEST < 1


def test_a_redis_that_stops_answering_ends_the_test(redis_server: RedisServer) -> None:
    redis_server.pause()
    with Stopwatch() as watch:
        result = deep_test(redis_server.url())
    assert result.verdict is Verdict.TIMED_OUT
    assert watch.seconds < 3


# --- Strangers ---


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "[fe80::1]",
        "[::ffff:169.254.169.254]",
        "[fd00:ec2::254]",
        "100.100.100.200",
        "2852039166",
    ],
)
def test_what_a_stranger_may_not_try_is_not_tried(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("it was tried"))
    result = simple_test(f"redis://{host}:80/0", is_guarded=True)
    assert last(result) == ("connect", False, Verdict.FORBIDDEN)
    english, french = said(result)
    assert "Link-local" in english
    assert "locales de lien" in french


def test_a_name_that_leads_to_metadata_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 6379))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer)
    assert simple_test("redis://innocent.example/0", is_guarded=True).verdict is Verdict.FORBIDDEN


def test_a_name_that_changes_its_mind_gets_no_word(
    monkeypatch: pytest.MonkeyPatch, new_redis: NewRedis
) -> None:
    # What is forbidden here is the loopback, so that there is somebody to be kept from.
    server = new_redis()
    asked: list[str] = []

    def is_forbidden(address: str) -> bool:
        asked.append(address)
        return len(asked) > 1

    monkeypatch.setattr("cacheadmin.guard.is_forbidden", is_forbidden)
    with Counted(server) as seen:
        result = deep_test(server.url(), is_guarded=True)
    assert last(result) == ("connect", False, Verdict.FORBIDDEN)
    assert asked == ["127.0.0.1", "127.0.0.1"]
    assert seen.commands == {}


def test_nor_does_it_get_one_in_the_clear_where_tls_is_not_answered(
    monkeypatch: pytest.MonkeyPatch, new_redis: NewRedis
) -> None:
    server = new_redis()
    asked: list[str] = []

    def is_forbidden(address: str) -> bool:
        asked.append(address)
        return len(asked) > 1

    monkeypatch.setattr("cacheadmin.guard.is_forbidden", is_forbidden)
    before = server.commands_seen().get("ping", 0)
    result = simple_test(f"rediss://127.0.0.1:{server.port}/0", is_guarded=True)
    assert last(result) == ("connect", False, Verdict.FORBIDDEN)
    assert asked == ["127.0.0.1", "127.0.0.1"]
    assert server.commands_seen().get("ping", 0) == before


def test_a_stranger_may_try_all_else(redis_server: RedisServer, new_redis: NewRedis) -> None:
    assert deep_test(redis_server.url(), is_guarded=True).ok
    assert deep_test(new_redis(unix_socket=True).socket_url(), is_guarded=True).ok
    assert simple_test("redis://nowhere.invalid/0", is_guarded=True).verdict is Verdict.UNREACHABLE
