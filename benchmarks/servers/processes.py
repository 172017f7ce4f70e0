"""Starting a server, and what the kernel says about its processes (Linux)."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.servers.clients import get

BASE_DIR = Path(__file__).resolve().parent.parent.parent
TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """One way to run the site.

    Attributes:
        program: granian or gunicorn.
        worker: gunicorn's worker class; empty for granian.
        threads: per worker.
        workers: processes that answer.
    """

    program: str
    worker: str
    threads: int
    workers: int = 2

    @property
    def name(self) -> str:
        """As it is called in the table."""
        parts = [self.program, self.worker, f"{self.threads} thread{'s' if self.threads > 1 else ''}"]
        return " ".join(part for part in parts if part)

    def command(self, port: int) -> list[str]:
        """The command line that serves on *port* of the loopback."""
        if self.program == "granian":
            options = [
                "--interface", "wsgi", "--http", "1", "--no-ws", "--log-level", "error",
                "--host", "127.0.0.1", "--port", str(port), "--workers", str(self.workers),
                "--blocking-threads", str(self.threads), "--respawn-failed-workers",
                "--workers-kill-timeout", "10", "--http1-header-read-timeout", "10000",
            ]  # fmt: skip
            return [sys.executable, "-m", "granian", *options, "config.worker:application"]
        options = [
            "--bind", f"127.0.0.1:{port}", "--workers", str(self.workers), "--log-level", "error",
            "--worker-class", self.worker, "--threads", str(self.threads), "--timeout", "30",
            "--no-control-socket",
        ]  # fmt: skip
        return [sys.executable, "-m", "gunicorn", *options, "config.wsgi:application"]


class Running:
    """A server that runs, and its processes."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, started_in: float) -> None:
        self.process = process
        self.port = port
        self.started_in = started_in

    @property
    def pid(self) -> int:
        """The process that the others are children of."""
        return self.process.pid

    def workers(self) -> list[int]:
        """The processes that answer; not gunicorn's or multiprocessing's own helpers."""
        return [pid for pid in _children(self.pid) if _is_worker(pid)]

    def cpu_seconds(self) -> float:
        """What all its living processes have used so far."""
        return sum(_cpu_seconds(pid) for pid in [self.pid, *_children(self.pid)])

    def memory_per_worker(self) -> float:
        """MiB, pages shared by several processes counted in parts (PSS)."""
        workers = self.workers()
        return sum(_pss(pid) for pid in workers) / len(workers) / 1024

    def reload(self) -> None:
        """Ask for new workers."""
        os.kill(self.pid, signal.SIGHUP)


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(server: Server, environment: dict[str, str], log: Path) -> Iterator[Running]:
    """Start *server*, wait for its first answer, and stop it in the end.

    Raises:
        RuntimeError: no answer within 30 s; the message carries what it printed.
    """
    port = free_port()
    with log.open("wb") as output:
        begin = time.perf_counter()
        process = subprocess.Popen(
            server.command(port),
            cwd=BASE_DIR,
            env={**os.environ, **environment},
            stdout=output,
            stderr=output,
        )
        try:
            while not get(port, "/benchmark/tiny/", timeout=1).ok:
                if process.poll() is not None or time.perf_counter() - begin > 30:
                    raise RuntimeError(f"{server.name} does not answer:\n{log.read_text()[-2000:]}")
                time.sleep(0.01)
            yield Running(process, port, time.perf_counter() - begin)
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        orphans = _children(process.pid)
        process.kill()
        process.wait(5)
        for pid in orphans:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        words = [
            Path(f"/proc/{pid}/task/{task}/children").read_text() for task in os.listdir(f"/proc/{pid}/task")
        ]
        return [int(word) for word in " ".join(words).split()]
    return []


def _is_worker(pid: int) -> bool:
    with suppress(OSError):
        return b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def _cpu_seconds(pid: int) -> float:
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK
    return 0.0


def _pss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0
