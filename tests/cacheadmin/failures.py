"""All that a Redis can come to while it is in use: real servers, harmed and mended."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import redis

from cacheadmin.verdicts import Verdict
from tests.cacheadmin.waiting import wait_until
from tests.servers.process import free_port
from tests.servers.redis import RedisServer

READS = frozenset({"get", "get_many"})


@dataclass(frozen=True)
class Failure:
    """One server, and what happens to it.

    Args:
        location: its address.
        verdict: what is said of it then.
        harm: brings that about.
        mend: undoes it.
        still: the operations that it does all the same.
    """

    location: str
    verdict: Verdict
    harm: Callable[[], None]
    mend: Callable[[], None]
    still: frozenset[str] = frozenset()


Maker = Callable[[ExitStack], Failure]


@contextmanager
def hanging_up(port: int = 0) -> Iterator[int]:
    """Take connections at *port* of the loopback, any by default, and close each at once."""
    with socket.create_server(("127.0.0.1", port)) as listener:

        def refuse() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connection.close()

        thread = threading.Thread(target=refuse)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def refused(stack: ExitStack) -> Failure:
    """Its process is killed."""
    server = stack.enter_context(RedisServer())
    return Failure(server.url(), Verdict.REFUSED, server.kill, lambda: _do(server.start))


def timed_out(stack: ExitStack) -> Failure:
    """It is frozen: the kernel takes what is sent, and nobody answers."""
    server = stack.enter_context(RedisServer())
    return Failure(server.url(), Verdict.TIMED_OUT, server.pause, server.resume)


def dropped(stack: ExitStack) -> Failure:
    """What stands in front of it has lost it, and closes every connection."""
    server = stack.enter_context(RedisServer())
    instead = stack.enter_context(ExitStack())

    def harm() -> None:
        server.kill()
        instead.enter_context(hanging_up(server.port))

    def mend() -> None:
        instead.close()
        server.start()

    return Failure(server.url(), Verdict.LOST, harm, mend)


def wrong_password(stack: ExitStack) -> Failure:
    """Its password is changed, and nobody tells the site."""
    server = stack.enter_context(RedisServer(password="first"))

    def change(password: str) -> None:
        with server.client() as client:
            client.config_set("requirepass", password)
            client.client_kill_filter(_type="normal", skipme=True)
        server.password = password

    return Failure(server.url(), Verdict.WRONG_PASSWORD, lambda: change("second"), lambda: change("first"))


def read_only(stack: ExitStack) -> Failure:
    """It becomes a replica."""
    server = stack.enter_context(RedisServer())
    return Failure(
        server.url(),
        Verdict.READ_ONLY,
        lambda: _tell(server, "REPLICAOF", "127.0.0.1", free_port()),
        lambda: _tell(server, "REPLICAOF", "NO", "ONE"),
        READS,
    )


def out_of_memory(stack: ExitStack) -> Failure:
    """It is full, and may not evict anything; what takes no room is still done."""
    server = stack.enter_context(RedisServer(options=("maxmemory-policy", "noeviction")))
    return Failure(
        server.url(),
        Verdict.OUT_OF_MEMORY,
        lambda: _tell(server, "CONFIG", "SET", "maxmemory", 1),
        lambda: _tell(server, "CONFIG", "SET", "maxmemory", 0),
        READS | {"delete", "delete_many"},
    )


def cannot_save(stack: ExitStack) -> Failure:
    """It cannot write its snapshot, as a directory is in the way, and takes no writes then (MISCONF)."""
    server = stack.enter_context(RedisServer())
    in_the_way = server.directory / "dump.rdb"

    def save(outcome: str) -> None:
        _tell(server, "BGSAVE")
        with server.client() as client:
            wait_until(lambda: _last_save(client) == ("0", outcome), seconds=20)

    def harm() -> None:
        in_the_way.mkdir()
        _tell(server, "CONFIG", "SET", "save", "3600 1")
        save("err")

    def mend() -> None:
        in_the_way.rmdir()
        save("ok")

    return Failure(server.url(), Verdict.CANNOT_SAVE, harm, mend, READS)


def loading(stack: ExitStack) -> Failure:
    """It reads its data from the disk, for as long as it is told to take its time."""
    options = ("enable-debug-command", "yes", "loading-process-events-interval-bytes", "1024")
    server = stack.enter_context(RedisServer(options=options))
    _tell(server, "DEBUG", "POPULATE", 20_000, "foreign", 100)
    reloading = threading.Thread(target=_tell, args=(server, "DEBUG", "RELOAD"), kwargs={"patience": 90})

    def harm() -> None:
        # A minute for all of it: longer than anybody needs who is to meet it.
        _tell(server, "CONFIG", "SET", "key-load-delay", 3000)
        reloading.start()
        with server.client() as client:
            wait_until(lambda: bool(client.info("persistence")["loading"]), seconds=20)

    def mend() -> None:
        _tell(server, "CONFIG", "SET", "key-load-delay", 0)
        reloading.join()

    return Failure(server.url(), Verdict.LOADING, harm, mend)


def cluster_down(stack: ExitStack) -> Failure:
    """A Cluster of one node, whose slots are nobody's for a time."""
    options = ("cluster-enabled", "yes", "cluster-port", str(free_port()))
    server = stack.enter_context(RedisServer(options=options))
    every_slot = (0, 16383)

    def mend() -> None:
        _tell(server, "CLUSTER", "ADDSLOTSRANGE", *every_slot)
        with server.client() as client:
            wait_until(lambda: client.cluster("INFO")["cluster_state"] == "ok", seconds=20)

    mend()
    return Failure(
        f"redis+cluster://127.0.0.1:{server.port}",
        Verdict.INCOMPLETE,
        lambda: _tell(server, "CLUSTER", "DELSLOTSRANGE", *every_slot),
        mend,
    )


EVERY: tuple[Maker, ...] = (
    refused,
    timed_out,
    dropped,
    wrong_password,
    read_only,
    out_of_memory,
    cannot_save,
    loading,
    cluster_down,
)


def _tell(server: RedisServer, *words: str | int, patience: float = 5) -> None:
    with redis.Redis.from_url(server.url(), socket_timeout=patience) as client:
        client.execute_command(*words)


def _do(action: Callable[[], object]) -> None:
    action()


def _last_save(client: redis.Redis) -> tuple[str, str]:
    told = client.info("persistence")
    return str(told["rdb_bgsave_in_progress"]), str(told["rdb_last_bgsave_status"])
