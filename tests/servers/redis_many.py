"""Several Redis servers that belong together: a Cluster, or a master with a replica and its Sentinels."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import redis

from tests.servers.process import ServerError, ServerProcess, free_port
from tests.servers.redis import RedisServer, find_redis

SLOTS = 16384
# Milliseconds without an answer after which the others take a server for dead.
DEAD_AFTER = 500
# A replica would wait five seconds for others before it copies its master.
AT_ONCE = ("repl-diskless-sync-delay", "0")


class RedisCluster:
    """Three masters, the first of which has a replica.

    Args:
        password: what the user ``default`` must say; nothing when empty.
        acl: lines of an ACL file, on every node.
    """

    def __init__(self, *, password: str = "", acl: tuple[str, ...] = ()) -> None:
        find_redis(whole=True)
        self.password = password
        self.nodes = [
            RedisServer(password=password, acl=acl, options=self._options(password)) for _ in range(4)
        ]

    @staticmethod
    def _options(password: str) -> tuple[str, ...]:
        login = ("masterauth", password) if password else ()
        return (
            *("cluster-enabled", "yes", "cluster-config-file", "nodes.conf"),
            *("cluster-node-timeout", str(DEAD_AFTER), "cluster-port", str(free_port())),
            *("cluster-replica-validity-factor", "0", *AT_ONCE, *login),
        )

    def __enter__(self) -> RedisCluster:
        return self.start()

    def __exit__(self, *_: object) -> None:
        for node in self.nodes:
            node.close()

    @property
    def masters(self) -> list[RedisServer]:
        """Those that had the slots in the beginning."""
        return self.nodes[:3]

    @property
    def replica(self) -> RedisServer:
        """The replica of the first master."""
        return self.nodes[3]

    def start(self) -> RedisCluster:
        """Start all nodes, give out the slots and wait until everybody knows everybody."""
        for node in self.nodes:
            node.start()
        for number, node in enumerate(self.masters):
            first, last = SLOTS * number // 3, SLOTS * (number + 1) // 3 - 1
            self.ask(node, "CLUSTER ADDSLOTSRANGE", first, last)
        for node in self.nodes[1:]:
            bus = node.options[node.options.index("cluster-port") + 1]
            self.ask(self.nodes[0], "CLUSTER MEET", "127.0.0.1", node.port, bus)
        _wait(lambda: all(self._knows_all(node) for node in self.nodes))
        self.ask(self.replica, "CLUSTER REPLICATE", self.ask(self.nodes[0], "CLUSTER MYID"))
        _wait(lambda: self._is_ready() and self._role(self.replica) == b"slave")
        return self

    def url(self, *, username: str = "", password: str | None = None) -> str:
        """The address of all masters."""
        secret = self.password if password is None else password
        login = f"{quote(username)}:{quote(secret, safe='')}@" if username or secret else ""
        return f"redis+cluster://{login}" + ",".join(f"127.0.0.1:{node.port}" for node in self.masters)

    def ask(self, node: RedisServer, *words: Any) -> Any:
        """Send one command to one node."""
        with node.client() as client:
            answer = client.execute_command(*words)
        return answer.decode() if isinstance(answer, bytes) else answer

    def owner(self, key: bytes | str) -> RedisServer:
        """The master that had the slot of *key* in the beginning."""
        name = key.encode() if isinstance(key, str) else key
        slot = int(self.ask(self.nodes[0], "CLUSTER KEYSLOT", name))
        return self.masters[next(n for n in range(3) if slot < SLOTS * (n + 1) // 3)]

    def flush(self) -> None:
        """Empty every master."""
        for node in self.masters:
            node.flush()

    def wait_until_whole(self) -> None:
        """Wait until all nodes that run agree that every slot has an owner."""
        _wait(self._is_ready)

    def _knows_all(self, node: RedisServer) -> bool:
        return len(_info(node, "CLUSTER NODES").splitlines()) == len(self.nodes)

    def _is_ready(self) -> bool:
        return all("cluster_state:ok" in _info(node, "CLUSTER INFO") for node in self.nodes if node.answers())

    def _role(self, node: RedisServer) -> bytes:
        with node.client() as client:
            said: list[Any] = client.execute_command("ROLE")
        # Until the link is up there is nothing to fail over to.
        return bytes(said[0]) if said[0] == b"master" or said[3] == b"connected" else b""


class Sentinels:
    """A master, its replica, and three Sentinels that watch them under the name ``mymaster``.

    Args:
        password: what the user ``default`` of master and replica must say.
        sentinel_password: what the Sentinels want to hear.
    """

    name = "mymaster"

    def __init__(self, *, password: str = "", sentinel_password: str = "") -> None:
        login = ("masterauth", password) if password else ()
        self.password, self.sentinel_password = password, sentinel_password
        self.servers = [RedisServer(password=password, options=(*AT_ONCE, *login)) for _ in range(2)]
        self._folder = tempfile.TemporaryDirectory(prefix="sentinels-")
        self.ports = [free_port() for _ in range(3)]
        self._processes: list[ServerProcess] = []

    def __enter__(self) -> Sentinels:
        return self.start()

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.stop(number=signal.SIGKILL)
        for server in self.servers:
            server.close()
        self._folder.cleanup()

    def start(self) -> Sentinels:
        """Start everything and wait until the Sentinels know the replica and each other."""
        master, replica = (server.start() for server in self.servers)
        with replica.client() as client:
            client.replicaof("127.0.0.1", str(master.port))
        for port in self.ports:
            self._start_sentinel(port, master.port)
        _wait(lambda: all(self._is_ready(port) for port in self.ports))
        return self

    def _start_sentinel(self, port: int, master: int) -> None:
        lines = [
            f"port {port}",
            "bind 127.0.0.1",
            f"dir {self._folder.name}",
            f"sentinel monitor {self.name} 127.0.0.1 {master} 2",
            f"sentinel down-after-milliseconds {self.name} {DEAD_AFTER}",
            f"sentinel failover-timeout {self.name} 3000",
        ]
        if self.password:
            lines.append(f"sentinel auth-pass {self.name} {self.password}")
        if self.sentinel_password:
            lines += [
                f"requirepass {self.sentinel_password}",
                f"sentinel sentinel-pass {self.sentinel_password}",
            ]
        file = Path(self._folder.name) / f"{port}.conf"
        file.write_text("\n".join(lines) + "\n")
        process = ServerProcess(
            [str(find_redis()), str(file), "--sentinel"], log=file.with_suffix(".log"), directory=file.parent
        )
        process.start()
        self._processes.append(process)

    def url(self, *, name: str = "", sentinel_password: str | None = None) -> str:
        """The address of the master, by way of its Sentinels."""
        secret = self.sentinel_password if sentinel_password is None else sentinel_password
        login = f":{quote(self.password, safe='')}@" if self.password else ""
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        query = f"?sentinel_password={quote(secret, safe='')}" if secret else ""
        return f"redis+sentinel://{login}{hosts}/{name or self.name}/0{query}"

    def master(self) -> RedisServer:
        """The server that is the master by what the Sentinels say."""
        for port in self.ports:
            with self._client(port) as client:
                _, known = client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.name)
            return next(server for server in self.servers if server.port == int(known))
        raise ServerError("There is no Sentinel")

    def stop_sentinel(self, number: int) -> None:
        """End one of them."""
        self._processes[number].stop(number=signal.SIGKILL)

    def _client(self, port: int) -> redis.Redis:
        return redis.Redis(
            port=port,
            password=self.sentinel_password or None,
            protocol=2,
            socket_timeout=5,
            socket_connect_timeout=5,
        )

    def _is_ready(self, port: int) -> bool:
        with self._client(port) as client:
            try:
                flat = client.execute_command("SENTINEL", "MASTER", self.name)
            except redis.RedisError:
                return False
        known = flat if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2], strict=True))
        seen = {_text(name): _text(value) for name, value in known.items()}
        return (seen["num-slaves"], seen["num-other-sentinels"]) == ("1", "2")


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _info(node: RedisServer, command: str) -> str:
    make: Any = redis.Connection
    connection = make(port=node.port, password=node.password or None, protocol=2)
    try:
        connection.connect()
        connection.send_command(*command.split())
        return _text(connection.read_response())
    finally:
        connection.disconnect()


def _wait(is_so: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise ServerError(f"The servers did not agree within {seconds:g} s")
        time.sleep(0.05)
