"""Which workers there are, over all machines, and whether they run what is saved."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from cacheadmin import shared, state, watcher, workers
from cacheadmin.backend import AdaptiveCache
from cacheadmin.models import MachineReport
from tests.cacheadmin.conftest import WorkerMaker
from tests.cacheadmin.waiting import wait_until
from tests.cacheadmin.workers import Worker, migrate, settings_of

CacheMaker = Callable[..., AdaptiveCache]
ASK = "request_started.send(sender=None, environ={'REQUEST_METHOD': 'GET'}) and cache.get('a')"
ANSWER = """
from cacheadmin import processes, state, upkeep, workers
from django.core.signals import request_finished
upkeep._kept_house_at = float("-inf")
request_finished.send(sender=None)
"""
ELSEWHERE = """
from cacheadmin import processes
processes._machine = lambda: "another machine"
processes._holder.cache_clear()
"""
REPORT_AT_ONCE = "from cacheadmin import workers; workers.REPORTED_EVERY = 0"
FORK = """
read, write = os.pipe()
child = os.fork()
if not child:
    os.close(write)
    serve()
    os.read(read, 1)
    os._exit(0)
os.close(read)
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "db.sqlite3"
    migrate(settings_of(engine="file", location="", directory=tmp_path / "cache", database=path))
    return path


@pytest.fixture
def start(new_worker: WorkerMaker, database: Path) -> Callable[..., Worker]:
    """Start a worker of one project."""

    def make(**more: Any) -> Worker:
        return new_worker("file", database=database, **more)

    return make


def serve(worker: Worker) -> None:
    """A request, and what is done after its answer."""
    worker("state = __import__('cacheadmin.state').state; state.look_again_soon()")
    worker(ASK)
    worker(ANSWER)


def seen_by(worker: Worker) -> list[dict[str, Any]]:
    """What ``cache status --json`` says in it."""
    worker("import io, json; from django.core.management import call_command; said = io.StringIO()")
    worker("__import__('cacheadmin.state').state.look_again_soon()")
    worker("call_command('cache', 'status', '--json', stdout=said)")
    return list(worker("json.loads(said.getvalue())['workers']"))


def pids(found: list[dict[str, Any]]) -> set[int]:
    return {one["pid"] for one in found}


def test_who_has_answered_a_request_is_there_and_a_command_is_not(start: Callable[..., Worker]) -> None:
    first, second, command = start(), start(), start()
    assert seen_by(command) == []
    for worker in (first, second):
        serve(worker)
    command("cache.get('a'); from cacheadmin import upkeep; upkeep.housekeeping()")
    found = seen_by(command)
    assert pids(found) == {first.process.pid, second.process.pid}
    assert [one["current"] for one in found] == [True, True]
    assert len({one["machine"] for one in found}) == 1
    for one in found:
        started, seen = (datetime.fromisoformat(one[word]) for word in ("started", "seen"))
        assert timezone.now() - timedelta(minutes=5) < started <= seen <= timezone.now()


def test_who_has_not_heard_of_a_change_yet_follows_before_its_next_answer(
    start: Callable[..., Worker],
) -> None:
    first, second, command = start(), start(), start()
    for worker in (first, second):
        serve(worker)
    command("__import__('cacheadmin.state').state.save_choice(engine='memory')")
    assert [(one["current"], one["idle"]) for one in seen_by(command)] == [(False, True)] * 2
    serve(first)
    now = {one["pid"]: (one["current"], one["idle"]) for one in seen_by(command)}
    assert now == {first.process.pid: (True, False), second.process.pid: (False, True)}
    serve(second)
    assert all(one["current"] for one in seen_by(command))
    command("__import__('cacheadmin.state').state.save_lifetime('content', 7)")
    assert not any(one["current"] for one in seen_by(command))


def test_who_is_dead_is_there_no_more(start: Callable[..., Worker]) -> None:
    first, second = start(), start()
    for worker in (first, second):
        serve(worker)
    first.kill()
    assert pids(seen_by(second)) == {second.process.pid}


def test_a_forked_worker_is_one_of_its_own(start: Callable[..., Worker]) -> None:
    parent = start()
    serve(parent)
    parent("def serve():\n    " + "\n    ".join([ASK, *ANSWER.strip().splitlines()]))
    parent(FORK)
    child = parent("child")
    wait_until(lambda: pids(seen_by(parent)) == {parent.process.pid, child}, seconds=10)
    parent("os.close(write); os.waitpid(child, 0)")
    assert pids(seen_by(parent)) == {parent.process.pid}


def test_the_machines_know_of_each_other(start: Callable[..., Worker], tmp_path: Path) -> None:
    here, there = start(), start(directory=tmp_path / "there")
    there(ELSEWHERE)
    for worker in (here, there):
        worker(REPORT_AT_ONCE)
        serve(worker)
    for worker in (here, there):
        found = seen_by(worker)
        assert pids(found) == {here.process.pid, there.process.pid}
        assert len({one["machine"] for one in found}) == 2
        # Its own come first.
        assert found[0]["pid"] == worker.process.pid
        assert all(one["current"] for one in found)
    there("__import__('cacheadmin.state').state.save_choice(engine='memory')")
    serve(there)
    assert {one["pid"]: one["current"] for one in seen_by(here)} == {
        # Commands look before they print.
        here.process.pid: False,
        there.process.pid: True,
    }


def test_a_machine_tells_the_database_every_few_seconds_and_no_request_waits_for_it(
    start: Callable[..., Worker],
) -> None:
    worker = start()
    worker("from django.db import connection; from django.test.utils import CaptureQueriesContext as Capture")
    worker("from django.db import reset_queries; from django.conf import settings; settings.DEBUG = True")
    serve(worker)
    worker("state.look_again_soon(); reset_queries()")
    worker("with Capture(connection) as asked: " + ASK)
    assert worker("len(asked.captured_queries)") == 1
    worker("with Capture(connection) as told: " + "; ".join(ANSWER.strip().splitlines()))
    assert not worker("[one for one in told.captured_queries if 'machinereport' in one['sql']]")
    worker(REPORT_AT_ONCE)
    worker("with Capture(connection) as told: " + "; ".join(ANSWER.strip().splitlines()))
    assert worker("len([one for one in told.captured_queries if 'machinereport' in one['sql']])") == 1


def test_a_machine_that_is_silent_is_forgotten(start: Callable[..., Worker], tmp_path: Path) -> None:
    here, there = start(), start(directory=tmp_path / "there")
    there(ELSEWHERE)
    for worker in (here, there):
        serve(worker)
    assert len(seen_by(here)) == 2
    here("from cacheadmin.models import MachineReport; from datetime import timedelta")
    here("from django.db.models import F")
    here("MachineReport.objects.update(updated_at=F('updated_at') - timedelta(seconds=601))")
    assert pids(seen_by(here)) == {here.process.pid}


def test_without_a_table_a_machine_knows_its_own(new_worker: WorkerMaker) -> None:
    worker = new_worker("file")
    serve(worker)
    assert pids(seen_by(worker)) == {worker.process.pid}
    assert "Traceback" not in worker.said()


def test_the_command_counts_them(start: Callable[..., Worker]) -> None:
    worker = start()
    serve(worker)
    worker("import io; from django.core.management import call_command; said = io.StringIO()")
    worker("call_command('cache', 'status', stdout=said)")
    assert "Workers: 1 of 1 run the current settings\n" in worker("said.getvalue()")
    other = start()
    other("__import__('cacheadmin.state').state.save_choice(engine='memory')")
    other("import io; from django.core.management import call_command; said = io.StringIO()")
    other("call_command('cache', 'status', stdout=said)")
    assert "Workers: 0 of 1 run the current settings, 1 will before the next answer\n" in other(
        "said.getvalue()"
    )


# --- In this process ---


@pytest.fixture
def serving(new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch) -> shared.SharedState:
    """The words of a cache, in a process that serves."""
    cache = new_cache("file")
    cache.set("a", 1)
    monkeypatch.setattr(watcher, "_has_answered", True)
    monkeypatch.setattr(watcher, "is_under_test", lambda: False)
    monkeypatch.setattr(state, "_store", None)
    return cache.space.selector.words


def test_where_all_rows_are_taken_nobody_is_harmed(serving: shared.SharedState) -> None:
    workers.sign_in()
    (own,) = workers.here(serving)
    for row in workers._rows():
        # Of another container that shares this directory: nobody here sees its processes.
        for cell in (workers._PID, workers._BEGAN, workers._MACHINE):
            serving.cells[row + cell] = 7
        serving.cells[row + workers._SEEN] = time.time_ns()
    workers.sign_in()
    assert workers.here(serving) == []
    # Silent for long, it makes room.
    serving.cells[workers._rows()[0] + workers._SEEN] = 0
    workers.sign_in()
    assert [one.pid for one in workers.here(serving)] == [own.pid]


def test_numbers_that_are_no_processes_are_none(serving: shared.SharedState) -> None:
    workers.sign_in()
    mark = serving.cells[workers._rows()[0] + workers._MACHINE]
    for row, pid in zip(workers._rows()[1:], (2**63, 2**22 + 1), strict=False):
        serving.cells[row], serving.cells[row + workers._MACHINE] = pid, mark
    assert len(workers.here(serving)) == 1


def test_a_process_that_tests_run_in_signs_in_nowhere(
    serving: shared.SharedState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "is_under_test", lambda: True)
    workers.sign_in()
    assert workers.here(serving) == []


@pytest.mark.parametrize(
    ("words", "serves"),
    [
        (["manage.py", "shell"], False),
        (["/srv/bin/celery", "-A", "site", "worker"], True),
        (["manage.py", "rqworker"], True),
        (["manage.py", "migrate"], False),
    ],
)
def test_who_works_tasks_off_is_a_worker(
    words: list[str], serves: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "_has_answered", False)
    monkeypatch.setattr("sys.argv", words)
    assert watcher.is_worker() is serves


@pytest.mark.django_db
def test_old_reports_are_removed_by_the_next_machine() -> None:
    long_ago = timezone.now() - timedelta(days=2)
    MachineReport.objects.create(machine="old", state="s", updated_at=long_ago)
    state.store().save_workers("new", "s", [])
    assert [str(one) for one in MachineReport.objects.all()] == ["new"]
    state.store().save_workers("new", "s", [{"pid": 1}])
    assert state.store().load_workers("s", 10) == {"new": [{"pid": 1}]}
