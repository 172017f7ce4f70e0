"""A server process with a beginning and an end."""

from __future__ import annotations

import atexit
import os
import signal
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

GUARD = Path(__file__).with_name("guard.py")
_running: weakref.WeakSet[ServerProcess] = weakref.WeakSet()


class ServerError(Exception):
    """A server did not start, or did not end; the message carries what it last said."""


class ServerProcess:
    """One process (with its children) whose output goes to *log*.

    Args:
        command: the program and its arguments.
        log: file that receives everything it prints.
        user: the system user to run as; the current one when empty.
        environment: the whole environment; the current one when omitted.
        directory: where it is started.
        last_signal: what the kernel sends it when the tests die without saying goodbye.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        user: str = "",
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        last_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.command = [str(part) for part in command]
        self.log = log
        self.user = user
        self.environment = dict(os.environ if environment is None else environment)
        self.directory = directory
        self.last_signal = last_signal
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id.

        Raises:
            ServerError: it is not running.
        """
        if self.process is None:
            raise ServerError(f"{self.command[0]} is not running")
        return self.process.pid

    def is_running(self) -> bool:
        """Whether the process was started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start it in a session of its own, so that a Ctrl-C reaches the tests and not the server."""
        guard = [
            sys.executable,
            "-I",
            str(GUARD),
            str(os.getpid()),
            self.user or "-",
            str(int(self.last_signal)),
        ]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [*guard, *self.command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.environment,
                cwd=self.directory,
                start_new_session=True,
            )
        _running.add(self)

    def wait_until(self, is_ready: Callable[[], bool], *, seconds: float) -> None:
        """Ask *is_ready* until it says yes.

        Raises:
            ServerError: the process ended, or *seconds* passed.
        """
        deadline = time.monotonic() + seconds
        while not is_ready():
            if not self.is_running():
                raise ServerError(f"{self.command[0]} ended at once:\n{self.last_words()}")
            if time.monotonic() > deadline:
                self.stop()
                raise ServerError(
                    f"{self.command[0]} was not ready after {seconds:g} s:\n{self.last_words()}"
                )
            time.sleep(0.02)

    def finish(self, *, seconds: float) -> None:
        """Wait for the end of something that is no server.

        Raises:
            ServerError: it failed, or *seconds* passed.
        """
        if self.process is None:
            raise ServerError(f"{self.command[0]} is not running")
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            code = -1
        self.stop()
        if code:
            raise ServerError(f"{' '.join(self.command)} failed:\n{self.last_words()}")

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process alone, not to its children."""
        os.kill(self.pid, number)

    def stop(self, *, number: signal.Signals = signal.SIGTERM, seconds: float = 15) -> None:
        """End it with *number*; whatever is left of its session after *seconds* is killed."""
        process, self.process = self.process, None
        _running.discard(self)
        if process is None:
            return
        if process.poll() is None:
            os.kill(process.pid, signal.SIGCONT)
            os.kill(process.pid, number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(seconds)
        finally:
            _kill_group(process.pid)

    def last_words(self, lines: int = 40) -> str:
        """The end of its output."""
        if not self.log.exists():
            return "(it said nothing)"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


@atexit.register
def _stop_all() -> None:
    for server in list(_running):
        server.stop()
