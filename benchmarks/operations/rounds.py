"""Rounds: in each, everything is measured once, in another order, so that a busy moment meets all alike."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.operations.crew import Crew, crew
from benchmarks.operations.measurements import Case, Measurements, Series
from benchmarks.operations.peers import PEERS, Peer, Places
from benchmarks.operations.scenes import SMALL, Plan, Scene
from tests.servers.redis import RedisServer

# Seconds between the order to begin and the beginning: all processes have to have heard it.
_HEAD_START = 0.02


@dataclass(frozen=True)
class Job:
    """What one process does in each round."""

    peer: Peer
    entries: int
    operation: str

    @property
    def words(self) -> tuple[int, int, str]:
        """How a process is asked for it."""
        return PEERS.index(self.peer), self.entries, self.operation


def measure(
    plan: Plan, peers: Sequence[Peer], seed: int, parent: Path | None = None, *, is_quiet: bool = False
) -> Measurements:
    """Measure everything that *plan* asks for.

    Args:
        plan: what, and how often.
        peers: who.
        seed: of every random order and choice.
        parent: where the temporary directory is made; what is measured may depend on that disk.
        is_quiet: tell nothing of the progress.
    """
    chance = random.Random(seed)
    found: Measurements = {}
    for scene in plan.scenes:
        with _places(parent) as places:
            count = plan.processes if scene.together else 1
            with crew(count, peers, scene.levels, places, scene.size, chance.randrange(2**32)) as members:
                told = _Told(is_quiet, f"{scene.size:,} bytes")
                _alone(plan, scene, peers, members, chance, found, told)
                if scene.together:
                    _together(plan, scene, peers, members, chance, found, told)
    with _places(parent) as places:
        _clears(plan, peers, places, chance, found, _Told(is_quiet, "clears"))
    return found


@contextmanager
def _places(parent: Path | None) -> Iterator[Places]:
    """A Redis and a directory that are gone afterwards, whatever happens."""
    with (
        RedisServer(unix_socket=True) as redis,
        TemporaryDirectory(prefix="bench-", dir=parent) as directory,
    ):
        yield Places(Path(directory), redis.url(), redis.socket_url())


class _Told:
    """The progress, on standard error."""

    def __init__(self, is_quiet: bool, subject: str) -> None:
        self._is_quiet = is_quiet
        self._subject = subject

    def __call__(self, words: str) -> None:
        if not self._is_quiet:
            print(f"… {self._subject}: {words}", file=sys.stderr, flush=True)


def _alone(
    plan: Plan,
    scene: Scene,
    peers: Sequence[Peer],
    members: Crew,
    chance: random.Random,
    found: Measurements,
    told: _Told,
) -> None:
    told("filling")
    _fill(peers, scene.levels, members, [0])
    jobs = [
        job
        for entries, operations in scene.alone.items()
        for peer in peers
        for operation in operations
        if members.ask("warm_up", *(job := Job(peer, entries, operation)).words, plan.seconds)
    ]
    for number in range(plan.rounds):
        told(f"round {number + 1} of {plan.rounds}, {len(jobs)} measurements")
        for job in _in_random_order(jobs, chance):
            calls = members.ask("calls", *job.words)
            for part, (cpu, wall) in members.ask("measure", *job.words).items():
                series = found.setdefault(Case(job.peer.name, part, scene.size, job.entries), Series(calls))
                series.cpu.append(cpu)
                series.wall.append(wall)
    _check(peers, scene.levels, members)


def _together(
    plan: Plan,
    scene: Scene,
    peers: Sequence[Peer],
    members: Crew,
    chance: random.Random,
    found: Measurements,
    told: _Told,
) -> None:
    told(f"filling what each of {len(members)} processes has for itself")
    _fill([peer for peer in peers if peer.is_local], scene.together, members, range(1, len(members)))
    jobs = [
        Job(peer, entries, operation)
        for entries, operations in scene.together.items()
        for peer in peers
        if peer.way != "engine"
        for operation in operations
    ]
    for job in jobs:
        # In small lots, so that all end at nearly the same moment.
        members.ask_all("warm_up", *job.words, plan.seconds_together / 10)
    for number in range(plan.rounds_together):
        told(f"round {number + 1} of {plan.rounds_together} with {len(members)} processes")
        for job in _in_random_order(jobs, chance):
            members.ask_all("draw", *job.words)
            begin = time.monotonic() + _HEAD_START
            answers = members.ask_all("run_until", begin, begin + plan.seconds_together)
            name = "90 % reads" if job.operation == "mix" else job.operation
            case = Case(job.peer.name, name, scene.size, job.entries, len(members))
            series = found.setdefault(case, Series())
            series.cpu.append(sum(cpu for cpu, _, _ in answers) / len(answers))
            series.wall.append(sum(wall for _, wall, _ in answers) / len(answers))
            series.per_second.append(sum(per_second for _, _, per_second in answers))
    _check(peers, scene.together, members)


def _clears(
    plan: Plan,
    peers: Sequence[Peer],
    places: Places,
    chance: random.Random,
    found: Measurements,
    told: _Told,
) -> None:
    cleared = [peer for peer in peers if peer.way == "handle" and not peer.is_unix]
    jobs = [Job(peer, entries, "") for peer in cleared for entries in plan.clears[peer.family]]
    if not jobs:
        return
    levels = sorted({job.entries for job in jobs})
    with crew(1, cleared, levels, places, SMALL, chance.randrange(2**32)) as members:
        for job in jobs:
            told(f"filling {job.entries:,} entries of {job.peer.name}")
            members.ask("fill_group", *job.words[:2], job.entries)
        told(f"{plan.rounds_of_clears} rounds")
        for number in range(plan.rounds_of_clears):
            for job in _in_random_order(jobs, chance):
                if number:
                    # What the first clear orphaned is still stored; some live entries join it again.
                    members.ask("fill_group", *job.words[:2], min(1_000, job.entries))
                cpu, wall = members.ask("clear_group", *job.words[:2])
                series = found.setdefault(Case(job.peer.name, "group clear", 0, job.entries), Series(1))
                series.cpu.append(cpu)
                series.wall.append(wall)


def _in_random_order(jobs: Sequence[Job], chance: random.Random) -> list[Job]:
    """Return the operations in random order and, next to each other, everybody who does the same, in another.

    What is compared is measured within a second or so: what else the machine does meets both.
    """
    by_operation: dict[str, list[Job]] = {}
    for job in chance.sample(jobs, len(jobs)):
        by_operation.setdefault(job.operation, []).append(job)
    operations = list(by_operation.values())
    chance.shuffle(operations)
    return [job for some in operations for job in some]


def _fill(peers: Sequence[Peer], levels: Iterable[int], members: Crew, who: Sequence[int]) -> None:
    for entries in levels:
        filled = set()
        for peer in peers:
            if peer.data in filled:
                continue
            filled.add(peer.data)
            for member in who:
                members.ask("fill", PEERS.index(peer), entries, member=member)
    _check(peers, levels, members)


def _check(peers: Sequence[Peer], levels: Iterable[int], members: Crew) -> None:
    for entries in levels:
        for peer in peers:
            members.ask("check", PEERS.index(peer), entries)
