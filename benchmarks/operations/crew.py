"""The processes that measure, seen from the one that asks them."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from benchmarks.operations.peers import Peer, Places, settings
from benchmarks.operations.station import serve

# Seconds until a process that has nobody to answer is gone.
_PATIENCE = 5.0


class Crew:
    """Several processes with the same settings; each answers one question at a time."""

    def __init__(self) -> None:
        self._members: list[tuple[BaseProcess, Connection]] = []

    def __len__(self) -> int:
        return len(self._members)

    def start(self, settings: dict[str, Any], directory: str, size: int, seed: int) -> None:
        """Add one process."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs, settings, directory, size, seed), daemon=True)
        # The first process brings this one along, and starting it lets signals through again.
        resource_tracker.ensure_running()
        # A Ctrl-C is for the one who asks: it ends the others itself, and then removes what they wrote.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        self._members.append((process, ours))

    def ask(self, question: str, *arguments: object, member: int = 0) -> Any:
        """Ask one process and wait for the answer.

        Raises:
            RuntimeError: it failed, or is gone.
        """
        self._send(member, question, arguments)
        return self._answer(member)

    def ask_all(self, question: str, *arguments: object) -> list[Any]:
        """Ask all of them at once and wait for all answers.

        Raises:
            RuntimeError: one of them failed, or is gone.
        """
        for member in range(len(self)):
            self._send(member, question, arguments)
        return [self._answer(member) for member in range(len(self))]

    def end(self) -> None:
        """Stop all processes, whatever they are doing."""
        for process, pipe in self._members:
            process.terminate()
            pipe.close()
        for process, _ in self._members:
            process.join(_PATIENCE)
            if process.is_alive():
                process.kill()
                process.join()
        self._members.clear()

    def _send(self, member: int, question: str, arguments: Sequence[object]) -> None:
        try:
            self._members[member][1].send((question, arguments))
        except OSError as error:
            raise RuntimeError(f"Measuring process {member} is gone.") from error

    def _answer(self, member: int) -> Any:
        try:
            said, answer = self._members[member][1].recv()
        except (EOFError, OSError) as error:
            raise RuntimeError(f"Measuring process {member} is gone.") from error
        if said == "failed":
            raise RuntimeError(f"Measuring process {member} failed:\n{answer}")
        return answer


@contextmanager
def crew(
    count: int, peers: Sequence[Peer], levels: Sequence[int], places: Places, size: int, seed: int
) -> Iterator[Crew]:
    """So many processes, configured alike; they end with the block."""
    members = Crew()
    try:
        for number in range(count):
            members.start(settings(peers, levels, places), str(places.directory), size, seed + number)
        members.ask("prepare_tables", list(levels))
        yield members
    finally:
        members.end()
