"""Processes that live long and see no request follow a switch, with the libraries that people use.

The story is told once, to all of them together: a number is changed again and again while another
process switches the cache there and back. What each of them saw meanwhile is judged afterwards.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cacheadmin.long_processes.watched import (
    HERE,
    CeleryWorker,
    Consumers,
    LongCommand,
    Seen,
    Watched,
)
from tests.cacheadmin.workers import Worker, migrate, settings_of
from tests.servers.redis import RedisServer
from tests.servers.site import CHECKOUT

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("long processes")]

# There and back, and by a third engine.
ENGINES = ("file", "redis", "memory", "redis")
# Seconds in which every process has followed.
IN_FORCE = 2.0
PROCESSES = ("celery-prefork", "celery-threads", "websocket", "websocket-async", "command", "in-transaction")


@dataclass
class Story:
    """What happened, on the clock of ``time.monotonic()``.

    Args:
        processes: by name, with what they saw.
        switches: when each ``manage.py cache use`` began and ended, and the engine.
        changes: when each change of the number began and was done; the number is its place.
    """

    processes: dict[str, Watched]
    switches: list[tuple[float, float, str]] = field(default_factory=list)
    changes: list[tuple[float, float]] = field(default_factory=list)

    def known_before(self, moment: float) -> int:
        """The oldest number that a look which begins then may see."""
        return max(number for number, (_, done) in enumerate(self.changes) if done <= moment)

    def begun_before(self, moment: float) -> int:
        """The newest number that anybody can have seen by then."""
        return max(number for number, (begun, _) in enumerate(self.changes) if begun <= moment)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The story, told to its end."""
    place = tmp_path_factory.mktemp("long")
    with ExitStack() as stack:
        broker, server = (stack.enter_context(RedisServer()) for _ in range(2))
        config = settings_of(
            engine="redis",
            location=server.url(),
            directory=place / "cache",
            DATABASES={"default": _database(place / "db.sqlite3")},
        )
        migrate(config)
        (place / "number").write_text("0")
        environment = {
            **Worker.environment(config),
            "PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(CHECKOUT / "apps")]),
            "DJANGO_SETTINGS_MODULE": f"{HERE}.settings",
            "BROKER": broker.url(),
            "NUMBER_FILE": str(place / "number"),
        }
        processes = {name: _process(name, environment, place / f"{name}.log") for name in PROCESSES}
        for process in processes.values():
            stack.callback(process.end)
        for process in processes.values():
            process.start()
        for process in processes.values():
            process.wait()
        changer = stack.enter_context(
            Worker(
                config,
                environment={
                    **environment,
                    "PYTHONPATH": os.pathsep.join(
                        [str(CHECKOUT), str(CHECKOUT / "apps"), str(Path(__file__).parent / "workers")]
                    ),
                },
            )
        )
        changer(f"from {HERE} import truth")
        yield _tell(Story(processes), changer, environment)


def _database(path: Path) -> dict[str, object]:
    # As every site on SQLite has it: else one long transaction that reads keeps all others from writing.
    options = {"init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;", "timeout": 20}
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path), "OPTIONS": options}


def _process(name: str, environment: dict[str, str], log: Path) -> Watched:
    kind, _, how = name.partition("-")
    if kind == "celery":
        return CeleryWorker(environment, log, pool=how)
    if kind == "websocket":
        return Consumers(environment, log, path=how or "sync")
    return LongCommand(environment, log, *(["--in-a-transaction"] if kind == "in" else []))


def _tell(story: Story, changer: Worker, environment: dict[str, str]) -> Story:
    story.changes.append((0.0, 0.0))
    for process in story.processes.values():
        process.begin()
    _change_for(0.5, story, changer)
    for engine in ENGINES:
        begun = time.monotonic()
        with subprocess.Popen(
            [sys.executable, "-m", "django", "cache", "use", engine],
            cwd=CHECKOUT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as use:
            while use.poll() is None:
                _change_for(0.1, story, changer)
            assert use.returncode == 0, use.communicate()[0]
        story.switches.append((begun, time.monotonic(), engine))
        _change_for(IN_FORCE + 0.3, story, changer)
    # Nobody is ended while another is still asked: clients of one broker share their connections.
    for process in story.processes.values():
        process.stop_asking()
    for process in story.processes.values():
        process.end()
    return story


def _change_for(seconds: float, story: Story, changer: Worker) -> None:
    """Change the number about five times a second."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        begun, place = time.monotonic(), len(story.changes)
        story.changes.append((begun, float("inf")))
        changer(f"truth.change({place})")
        story.changes[place] = (begun, time.monotonic())
        time.sleep(0.1)


@pytest.fixture(params=PROCESSES)
def process(story: Story, request: pytest.FixtureRequest) -> Watched:
    """One of the processes, after all is over."""
    found = story.processes[request.param]
    said = found.log.read_text() if found.log.exists() else ""
    assert not found.failure, f"{found.failure}\n{said}"
    return found


def test_it_follows_every_switch_within_two_seconds(process: Watched, story: Story) -> None:
    for _begun, done, engine in story.switches:
        seen = _between(process.seen, done + IN_FORCE, done + IN_FORCE + 0.3)
        late = [one for one in seen if one.engine != engine]
        assert not late, late


def test_it_sees_something_all_the_time(process: Watched, story: Story) -> None:
    for begun, done, engine in story.switches:
        seen = _between(process.seen, begun, done + IN_FORCE)
        assert len(seen) > 5
        assert engine in {one.engine for one in seen}


def test_it_never_reads_an_old_number(process: Watched, story: Story) -> None:
    old = [one for one in process.seen if one.number < story.known_before(one.began)]
    assert not old, [(one, story.known_before(one.began)) for one in old[:5]]
    assert all(one.number <= story.begun_before(one.ended) for one in process.seen)
    assert process.seen[-1].number > 0


def test_it_is_the_same_process_in_the_end(process: Watched) -> None:
    assert len({one.pid for one in process.seen}) == 1


def _between(seen: list[Seen], begin: float, end: float) -> list[Seen]:
    return [one for one in seen if begin <= one.began and one.ended <= end]
