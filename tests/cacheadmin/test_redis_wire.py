"""The short way to Redis: connections that end, and never an answer to the wrong question."""

from __future__ import annotations

import _thread
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cacheadmin.engines.base import MISSING, EngineUnavailable
from cacheadmin.engines.redis import RedisEngine, direct, forks, pools
from cacheadmin.verdicts import Verdict
from tests.cacheadmin.redis_engines import Counted, engine_at, kick_everybody, wire_of
from tests.cacheadmin.waiting import Stopwatch
from tests.servers.redis import RedisServer

NewRedis = Callable[..., RedisServer]


@pytest.fixture(params=["hiredis", "python"])
def ours(
    request: pytest.FixtureRequest, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> RedisEngine:
    """On a real server, with and without hiredis."""
    if request.param == "python":
        monkeypatch.setattr(direct, "_HAS_HIREDIS", False)
    # A timeout that no other test has: connections are shared by all with the same.
    return engine_at(redis_server.url(), timeout=0.25 + random.random() / 1000)


# --- Connections that ended ---


def test_a_connection_closed_meanwhile_is_renewed_at_once(
    ours: RedisEngine, redis_server: RedisServer
) -> None:
    operations: list[Callable[[], Any]] = [
        lambda: ours.set("p:n", 5, 60),
        lambda: ours.get("p:n"),
        lambda: ours.incr("p:n", 1),
        lambda: ours.add("p:new", 1, 60),
        lambda: ours.touch("p:n", 60),
        lambda: ours.get_many(["p:n"]),
        lambda: ours.set_many({"p:m": (1, 60)}),
        lambda: ours.delete("p:m"),
    ]
    answers = []
    for operation in operations:
        ours.get("p:n")
        kick_everybody(redis_server)
        answers.append(operation())
    assert answers == [None, 5, 6, True, True, {"p:n": 6}, None, True]


def test_a_restarted_server_is_met_again_by_every_idle_connection(
    ours: RedisEngine, redis_server: RedisServer
) -> None:
    together = threading.Barrier(5)

    def use() -> None:
        together.wait()
        for _ in range(50):
            ours.get("p:a")

    threads = [threading.Thread(target=use) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    redis_server.stop()
    redis_server.start()
    for _ in range(10):
        assert ours.add(f"p:{time.monotonic_ns()}", 1, 60) is True
        assert ours.get("p:a") is MISSING


class Proxy:
    """Stands between an engine and its server, and hangs up when it is told to."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        # Sent along with whatever the client says.
        self.adds = b""
        # Called with what the client says; False hangs up before it is passed on, None after it was answered.
        self.judge: Callable[[bytes], bool | None] = lambda said: True
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._server.port)) as server:
            while said := client.recv(65536):
                verdict = self.judge(said)
                if verdict is False:
                    return
                server.sendall(said + self.adds)
                answer = server.recv(65536)
                if verdict is None:
                    return
                client.sendall(answer)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def proxy(redis_server: RedisServer) -> Iterator[Proxy]:
    between = Proxy(redis_server)
    yield between
    between.close()


@pytest.mark.parametrize(
    ("operation", "word"),
    [
        (lambda engine: engine.incr("p:n", 1), b"EXEC"),
        (lambda engine: engine.modify("p:n", lambda old: old + 1), b"EXEC"),
        (lambda engine: engine.add("p:new", 1, 60), b"NX"),
    ],
)
def test_what_may_have_been_done_is_not_done_again(
    proxy: Proxy, redis_server: RedisServer, operation: Callable[[RedisEngine], Any], word: bytes
) -> None:
    ours = engine_at(f"redis://127.0.0.1:{proxy.port}/0")
    ours.set("p:n", 1, 60)
    ours.incr("p:none", 1)
    proxy.judge = lambda said: None if word in said else True
    with pytest.raises(EngineUnavailable) as lost:
        operation(ours)
    assert lost.value.verdict is Verdict.LOST
    again = engine_at(redis_server.url())
    # Once: the answer was lost on its way back.
    assert again.get("p:n") == (1 if word == b"NX" else 2)
    assert again.get("p:new") == (1 if word == b"NX" else MISSING)


def test_what_does_no_harm_twice_is_tried_twice_and_no_more(proxy: Proxy) -> None:
    ours = engine_at(f"redis://127.0.0.1:{proxy.port}/0")
    ours.set("p:n", 1, 60)
    tries: list[bytes] = []

    def hang_up(said: bytes) -> None:
        tries.append(said)

    proxy.judge = hang_up
    with pytest.raises(EngineUnavailable):
        ours.get("p:n")
    assert len(tries) == 2
    proxy.judge = lambda said: True
    assert ours.get("p:n") == 1


def test_after_a_timeout_nothing_is_tried_again(ours: RedisEngine, redis_server: RedisServer) -> None:
    ours.set("p:n", 1, 60)
    redis_server.pause()
    with Stopwatch() as watch, pytest.raises(EngineUnavailable) as late:
        ours.get("p:n")
    assert late.value.verdict is Verdict.TIMED_OUT
    assert watch.seconds < 0.45
    redis_server.resume()
    assert ours.get("p:n") == 1


# --- Answers and their questions ---


def test_a_late_answer_reaches_nobody(ours: RedisEngine, redis_server: RedisServer) -> None:
    ours.set("p:late", "late", 60)
    ours.set("p:other", "other", 60)
    redis_server.pause()
    with pytest.raises(EngineUnavailable):
        ours.get("p:late")
    redis_server.resume()
    time.sleep(0.05)
    assert [ours.get("p:other") for _ in range(5)] == ["other"] * 5


@pytest.mark.parametrize("where", ["sending", "waiting"])
def test_an_interrupted_exchange_leaves_no_answer_behind(
    ours: RedisEngine, redis_server: RedisServer, where: str
) -> None:
    ours.set("p:a", "first", 60)
    ours.set("p:b", "second", 60)
    if where == "sending":
        # The same as a signal in the middle of sendall(): nobody knows how much was sent.
        connection = wire_of(ours)._idle[-1]
        sock = connection._sock

        class Interrupted:
            def __getattr__(self, name: str) -> Any:
                return getattr(sock, name)

            def sendall(self, data: bytes) -> None:
                sock.sendall(data)
                raise KeyboardInterrupt

        connection._sock = Interrupted()
        connection._read_from = connection._sock
        with pytest.raises(KeyboardInterrupt):
            ours.get("p:a")
    else:
        redis_server.pause()
        timer = threading.Timer(0.05, _thread.interrupt_main, (signal.SIGINT,))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            ours.get("p:a")
        timer.join()
        redis_server.resume()
    assert [ours.get("p:b") for _ in range(3)] == ["second"] * 3


def test_an_emptied_pool_loses_no_watch(ours: RedisEngine) -> None:
    ours.set("p:n", 1, 60)
    pool = wire_of(ours)._pool

    def change(old: int) -> int:
        # Between the two packets of a transaction somebody closes all connections, and somebody else writes.
        pool.disconnect()
        ours.set("p:n", 100, 60)
        return old + 1

    with pytest.raises(EngineUnavailable) as lost:
        ours.modify("p:n", change)
    assert lost.value.verdict is Verdict.LOST
    assert ours.get("p:n") == 100
    pool.disconnect()
    assert (ours.get("p:n"), ours.incr("p:n", 1), ours.add("p:new", 1, 60)) == (100, 101, True)


def test_an_answer_too_many_ends_the_connection(proxy: Proxy, redis_server: RedisServer) -> None:
    ours = engine_at(f"redis://127.0.0.1:{proxy.port}/0")
    ours.set("p:n", 1, 60)
    # What the proxy adds is a whole command, and so a second answer.
    proxy.adds = b"*1\r\n$4\r\nPING\r\n"
    with pytest.raises(EngineUnavailable) as failed:
        ours.get("p:n")
    assert failed.value.verdict is Verdict.NOT_REDIS
    proxy.adds = b""
    assert ours.get("p:n") == 1


def test_threads_get_their_own_answers(ours: RedisEngine) -> None:
    wrong: list[Any] = []

    def use(number: int) -> None:
        for turn in range(150):
            ours.set(f"p:{number}", (number, turn), 60)
            found = ours.get(f"p:{number}")
            if found != (number, turn):
                wrong.append(found)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_connections_are_kept_and_not_one_for_each_thread(
    ours: RedisEngine, redis_server: RedisServer
) -> None:
    def connections() -> int:
        with redis_server.client() as client:
            return len(client.client_list())

    ours.get("p:a")
    before = connections()
    for _ in range(30):
        thread = threading.Thread(target=ours.get, args=("p:a",))
        thread.start()
        thread.join()
    assert connections() <= before


def test_more_threads_than_connections_wait_for_each_other(
    ours: RedisEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = wire_of(ours)._pool
    monkeypatch.setattr(pool, "max_connections", 2)
    failures: list[BaseException] = []

    def use() -> None:
        try:
            for _ in range(50):
                ours.get("p:a")
        except EngineUnavailable as error:
            failures.append(error)

    threads = [threading.Thread(target=use) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert pool._created_connections <= 2


def test_without_a_connection_in_time_the_engine_says_so(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = engine_at(redis_server.url(), timeout=0.05)
    monkeypatch.setattr(wire_of(ours)._pool, "max_connections", 0)
    with pytest.raises(EngineUnavailable) as full:
        ours.get("p:a")
    assert full.value.verdict is Verdict.TIMED_OUT


def test_a_child_process_has_connections_of_its_own(ours: RedisEngine) -> None:
    ours.set("p:a", "parent", 60)
    # As if a thread that the child does not have were connecting.
    wire_of(ours)._pool._lock.acquire()
    child = os.fork()
    if child == 0:
        try:
            fine = ours.get("p:a") == "parent" and ours.incr("p:none", 1) is MISSING
            os._exit(0 if fine else 1)
        finally:
            os._exit(2)
    _, status = os.waitpid(child, 0)
    wire_of(ours)._pool._lock.release()
    assert os.waitstatus_to_exitcode(status) == 0
    assert [ours.get("p:a") for _ in range(3)] == ["parent"] * 3


def test_after_a_fork_nothing_of_the_parent_is_left(ours: RedisEngine) -> None:
    ours.set("p:a", 1, 60)
    used = wire_of(ours)._idle[-1]
    # What the interpreter calls in the child.
    forks._after_fork()
    pools._registry.renew_locks()
    assert list(wire_of(ours)._idle) == []
    assert ours.get("p:a") == 1
    assert wire_of(ours)._idle[-1] is not used
    used.disconnect()


def test_errors_of_the_server_leave_the_connection_usable(
    ours: RedisEngine, redis_server: RedisServer
) -> None:
    with redis_server.client() as client:
        client.rpush("p:list", "one")
    ours.set("p:a", 1, 60)
    assert ours.get("p:list") is MISSING
    assert ours.incr("p:list", 1) is MISSING
    assert ours.touch("p:list", 60) is False
    assert ours.get_many(["p:list", "p:a"]) == {"p:a": 1}
    with Counted(redis_server) as seen:
        assert ours.get("p:a") == 1
    assert seen.commands == {"get": 1}
    ours.set("p:list", "replaced", 60)
    assert ours.get("p:list") == "replaced"
