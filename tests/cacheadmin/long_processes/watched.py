"""The long-lived processes as a test sees them: started once, asked again and again, never restarted."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import celery
import redis
from websockets.sync.client import ClientConnection, connect

from tests.cacheadmin.long_processes.truth import Look
from tests.servers.process import ServerProcess, free_port
from tests.servers.site import CHECKOUT

HERE = "tests.cacheadmin.long_processes"
# Seconds that one answer may take on a busy machine.
PATIENCE = 20.0


@dataclass(frozen=True)
class Seen:
    """One look of a process.

    Args:
        began: when it was asked, on the clock of ``time.monotonic()``.
        ended: when its answer was here.
        engine: what it uses.
        number: what it read.
        pid: which process it was.
    """

    began: float
    ended: float
    engine: str
    number: int
    pid: int


class Watched(ABC):
    """A process that is asked about twenty times a second what it sees.

    Args:
        environment: with the settings of the project.
        log: what it prints.
    """

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self.environment = dict(environment)
        self.log = log
        self.seen: list[Seen] = []
        self.failure = ""
        self._over = threading.Event()
        self._is_closed = False
        self._thread = threading.Thread(target=self._keep_asking)

    @abstractmethod
    def start(self) -> None:
        """Start it; it ends with the thread that has started it."""

    def wait(self) -> None:
        """Wait until it answers."""
        self.ask()

    @abstractmethod
    def ask(self) -> Look:
        """What it sees now."""

    @abstractmethod
    def close(self) -> None:
        """End it."""

    def begin(self) -> None:
        """Start asking."""
        self._thread.start()

    def stop_asking(self) -> None:
        """Ask no more: the first half of the end."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def end(self) -> None:
        """Stop asking, and end it."""
        self.stop_asking()
        if not self._is_closed:
            self._is_closed = True
            self.close()

    def _keep_asking(self) -> None:
        while not self._over.wait(0.05):
            began = time.monotonic()
            try:
                engine, number, pid = self.ask()
            except Exception as error:  # noqa: BLE001 (whatever it is, the test fails with it)
                self.failure = f"{type(error).__name__}: {error}"
                return
            self.seen.append(Seen(began, time.monotonic(), engine, number, pid))


class CeleryWorker(Watched):
    """A Celery worker with one process of tasks, or one with threads."""

    def __init__(self, environment: Mapping[str, str], log: Path, *, pool: str) -> None:
        super().__init__(environment, log)
        self.queue = pool
        words = ["worker", "--pool", pool, "--concurrency", "1", "--queues", self.queue]
        words += ["--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"]
        self._process = _python(self, "-m", "celery", "-A", f"{HERE}.tasks", *words)
        self._client = celery.Celery(broker=environment["BROKER"])
        self._answers = redis.Redis.from_url(environment["BROKER"], socket_timeout=PATIENCE + 5)

    def start(self) -> None:
        """Start the worker."""
        self._process.start()

    def ask(self) -> Look:
        """Have it do a task, whose last deed is to say what it saw."""
        self._client.send_task("look", [f"answers:{self.queue}"], queue=self.queue)
        answer = self._answers.blpop([f"answers:{self.queue}"], timeout=PATIENCE)
        assert answer is not None, "the worker does no tasks"
        engine, number, pid = json.loads(answer[1])
        return engine, number, pid

    def close(self) -> None:
        """End it at once: what it would finish first is of no interest."""
        self._process.stop(seconds=5)
        self._answers.close()
        self._client.pool.force_close_all()
        self._client.close()


class Consumers(Watched):
    """An ASGI server with one open WebSocket."""

    def __init__(self, environment: Mapping[str, str], log: Path, *, path: str) -> None:
        super().__init__(environment, log)
        self.path, self.port = path, free_port()
        words = ["--port", str(self.port), "--ws", "websockets-sansio", "--lifespan", "off"]
        self._process = _python(self, "-m", "uvicorn", f"{HERE}.asgi:application", *words)
        self._open = ExitStack()
        self._socket: ClientConnection | None = None

    def start(self) -> None:
        """Start the server."""
        self._process.start()

    def wait(self) -> None:
        """Open the WebSocket."""
        self._process.wait_until(self._is_open, seconds=PATIENCE)

    def _is_open(self) -> bool:
        try:
            address = f"ws://127.0.0.1:{self.port}/{self.path}"
            self._socket = self._open.enter_context(connect(address, proxy=None))
        except OSError:
            return False
        return True

    def ask(self) -> Look:
        """Send a word over the open WebSocket and wait for the answer."""
        assert self._socket is not None
        self._socket.send("look")
        engine, number, pid = json.loads(self._socket.recv(timeout=PATIENCE))
        return engine, number, pid

    def close(self) -> None:
        """Close the WebSocket and end the server."""
        self._open.close()
        self._process.stop(seconds=5)


class LongCommand(Watched):
    """A management command that goes on and on."""

    def __init__(self, environment: Mapping[str, str], log: Path, *words: str) -> None:
        super().__init__(environment, log)
        self._words = words
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the command."""
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "django", "keep_looking", *self._words],
                cwd=CHECKOUT,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def ask(self) -> Look:
        """Write a line to it and read one."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("look\n")
        self._process.stdin.flush()
        engine, number, pid = json.loads(self._process.stdout.readline())
        return engine, number, pid

    def close(self) -> None:
        """Close its input, on which it ends."""
        process, self._process = self._process, None
        if process is not None:
            with process:
                assert process.stdin is not None
                process.stdin.close()
                process.wait(PATIENCE)


def _python(watched: Watched, *words: str) -> ServerProcess:
    command = [sys.executable, *words]
    return ServerProcess(command, log=watched.log, environment=watched.environment, directory=CHECKOUT)
