"""Who asks the servers: wrk for speed, plain sockets for everything that must be counted one by one."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Answer:
    """What became of one request; *ok* means status 200 and a whole body."""

    ok: bool
    body: str = ""
    seconds: float = 0.0
    begun: float = 0.0
    reason: str = ""


class Connection:
    """One HTTP/1.1 connection, kept alive as long as the server likes."""

    def __init__(self, port: int, timeout: float) -> None:
        self.port = port
        self.timeout = timeout
        self.socket: socket.socket | None = None

    def get(self, path: str) -> Answer:
        """One request; a kept connection that the server has closed meanwhile is opened again, once."""
        begun = time.perf_counter()
        reused = self.socket is not None
        try:
            ok, body = self._exchange(path)
        except OSError as error:
            self.close()
            # Closing an idle connection is a server's right: browsers and proxies ask again.
            if reused and isinstance(error, StaleConnection):
                return self.get(path)
            return Answer(False, "", time.perf_counter() - begun, begun, type(error).__name__)
        return Answer(ok, body, time.perf_counter() - begun, begun, "" if ok else "status")

    def close(self) -> None:
        """Hang up."""
        if self.socket:
            self.socket.close()
        self.socket = None

    def _exchange(self, path: str) -> tuple[bool, str]:
        if self.socket is None:
            self.socket = socket.create_connection((HOST, self.port), self.timeout)
        try:
            self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: {HOST}:{self.port}\r\n\r\n".encode())
            data = self.socket.recv(65536)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise StaleConnection from error
        if not data:
            raise StaleConnection
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        while length and len(body) < int(length[1]):
            body += self._more()
        if re.search(rb"(?i)\r\nconnection: *close", head):
            self.close()
        return head.split(b" ", 2)[1] == b"200", body.decode(errors="replace")

    def _more(self) -> bytes:
        data = self.socket.recv(65536) if self.socket else b""
        if not data:
            raise ConnectionAbortedError("the answer ended too early")
        return data


class StaleConnection(ConnectionError):
    """The other side hung up before the first byte of an answer."""


def get(port: int, path: str, timeout: float) -> Answer:
    """One request on a connection of its own."""
    connection = Connection(port, timeout)
    try:
        return connection.get(path)
    finally:
        connection.close()


@dataclass
class Crowd:
    """Several clients that ask again and again, each on its kept connection, until told to stop."""

    port: int
    path: str = "/benchmark/worker/"
    clients: int = 4
    timeout: float = 5.0
    pause: float = 0.005
    answers: list[Answer] = field(default_factory=list)

    @contextmanager
    def asking(self) -> Iterator[Crowd]:
        """Ask while the block runs; each request under way in the end is waited for."""
        stop = threading.Event()
        threads = [threading.Thread(target=self._ask, args=(stop,)) for _ in range(self.clients)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    @property
    def failed(self) -> int:
        """Requests without a good answer."""
        return sum(not answer.ok for answer in self.answers)

    @property
    def slowest(self) -> float:
        """Seconds."""
        return max((answer.seconds for answer in self.answers), default=0.0)

    def per_second(self, seconds: float) -> float:
        """Good answers a second, over *seconds*."""
        return sum(answer.ok for answer in self.answers) / seconds

    def _ask(self, stop: threading.Event) -> None:
        connection = Connection(self.port, self.timeout)
        while not stop.is_set():
            self.answers.append(connection.get(self.path))
            time.sleep(self.pause)
        connection.close()


@contextmanager
def slow_clients(port: int, count: int, *, body: bool) -> Iterator[None]:
    """Hold *count* connections that send a byte every half second: of the headers, or of a body."""
    head = f"POST /benchmark/upload/ HTTP/1.1\r\nHost: {HOST}:{port}\r\nContent-Length: 1000\r\n".encode()
    stop = threading.Event()
    sockets = []
    for _ in range(count):
        connection = socket.create_connection((HOST, port), 5)
        connection.sendall(head + (b"\r\n" if body else b"X-Slow: "))
        sockets.append(connection)

    def drip() -> None:
        while not stop.wait(0.5):
            for connection in sockets:
                with suppress(OSError):
                    connection.send(b"a")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        for connection in sockets:
            connection.close()


@dataclass(frozen=True)
class Load:
    """What wrk saw; times in milliseconds."""

    requests: int
    per_second: float
    median: float
    p99: float
    errors: int


def wrk(
    port: int,
    path: str,
    *,
    seconds: int,
    connections: int = 16,
    script: Path | None = None,
    headers: Mapping[str, str] | None = None,
) -> Load:
    """Run wrk against the loopback.

    Raises:
        RuntimeError: wrk is not installed, or says something else than expected.
    """
    program = shutil.which("wrk")
    if not program:
        raise RuntimeError("wrk is needed for this measurement (Debian: apt install wrk)")
    options = ["-t2", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s"]
    options += ["-s", str(script)] if script else []
    options += [word for name, value in (headers or {}).items() for word in ("-H", f"{name}: {value}")]
    said = subprocess.run(
        [program, *options, f"http://{HOST}:{port}{path}"], capture_output=True, text=True, check=True
    ).stdout
    try:
        return Load(
            requests=int(_number(r"(\d+) requests in", said)),
            per_second=_number(r"Requests/sec: +([\d.]+)", said),
            median=_milliseconds(r"50% +(\S+)", said),
            p99=_milliseconds(r"99% +(\S+)", said),
            errors=_errors(said),
        )
    except ValueError as error:
        raise RuntimeError(f"wrk said:\n{said}") from error


def _number(pattern: str, text: str) -> float:
    match = re.search(pattern, text)
    if not match:
        raise ValueError(pattern)
    return float(match[1])


def _milliseconds(pattern: str, text: str) -> float:
    match = re.search(pattern, text)
    if not match:
        raise ValueError(pattern)
    value = re.fullmatch(r"([\d.]+)(us|ms|s)", match[1])
    if not value:
        raise ValueError(match[1])
    return float(value[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[value[2]]


def _errors(text: str) -> int:
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    return (int(refused[1]) if refused else 0) + (sum(map(int, broken.groups())) if broken else 0)
