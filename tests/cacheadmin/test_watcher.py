"""Who follows a switch without requests: a thread, or where none may run, the work after an answer."""

from __future__ import annotations

import shutil
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

import pytest
from django.db.utils import ConnectionHandler
from pytest_django import Settings

from cacheadmin import conf, watcher
from cacheadmin.shared import PROBED
from tests.cacheadmin.conftest import WorkerMaker
from tests.cacheadmin.waiting import held_elsewhere, wait_until
from tests.cacheadmin.workers import Worker
from tests.servers.redis import RedisServer

RedisMaker = Callable[..., RedisServer]


ASK = "request_started.send(sender=None, environ={'REQUEST_METHOD': 'GET'}) and cache.get('a')"
ANSWER = "__import__('django.core.signals').core.signals.request_finished.send(sender=None) and None"
FAIL = """
from django.db import InterfaceError
from cacheadmin import upkeep, watcher
calls = []
def fail(*_):
    calls.append(1)
    raise InterfaceError("connection already closed")
upkeep.state.store().raise_revision_if_due = fail
upkeep.space.every = lambda: [fail()] if calls else []
"""


@pytest.fixture
def database(tmp_path: Path, new_worker: WorkerMaker) -> Path:
    path = tmp_path / "db.sqlite3"
    new_worker("auto", database=path)(
        "__import__('django.core.management').core.management.call_command('migrate', verbosity=0)"
    )
    return path


def switch(worker: Worker, engine: str) -> None:
    worker(f"__import__('cacheadmin.state').state.save_choice(engine='{engine}')")


def wait_for(worker: Worker, engine: str, seconds: float = 2.5) -> float:
    begun = time.monotonic()
    while worker("not cache.space.selector.is_behind and cache.space.selector.status().engine") != engine:
        assert time.monotonic() - begun < seconds
        time.sleep(0.05)
    return time.monotonic() - begun


def test_a_process_without_requests_follows_a_switch(new_worker: WorkerMaker, database: Path) -> None:
    one, other = new_worker("file", database=database), new_worker("file", database=database)
    for worker in (one, other):
        worker("cache.set('a', 1)")
    switch(one, "memory")
    assert one.engine == "memory"
    wait_for(other, "memory")
    switch(other, "file")
    wait_for(one, "file")
    one("cache.set('a', 2)")
    assert other("cache.get('a')") == 2


def test_so_does_one_on_another_machine(new_worker: WorkerMaker, database: Path, tmp_path: Path) -> None:
    here = new_worker("file", database=database)
    there = new_worker("file", database=database, directory=tmp_path / "there")
    for worker in (here, there):
        worker("cache.set('a', 1)")
    switch(here, "memory")
    wait_for(there, "memory")


def test_a_forked_process_has_a_watcher_of_its_own(new_worker: WorkerMaker, database: Path) -> None:
    parent = new_worker("file", database=database)
    parent("cache.set('a', 1)")
    assert parent("[t.name for t in threading.enumerate()].count('cacheadmin-watcher')") == 1
    child = """(lambda r, w: (os.fork() or (
        cache.get('a'),
        os.write(w, str([t.name for t in threading.enumerate()].count('cacheadmin-watcher')).encode()),
        os._exit(0))) and (os.wait(), os.read(r, 10)))(*os.pipe())[1]"""
    assert parent(child) == b"1"


def test_a_look_that_fails_is_told_once_and_not_the_last_one(new_worker: WorkerMaker, database: Path) -> None:
    worker, other = (new_worker("file", database=database) for _ in range(2))
    worker("cache.set('a', 1)")
    worker("from cacheadmin import watcher; tick = watcher._tick; watcher._tick = lambda: 1 / 0")
    time.sleep(2.5)
    worker("watcher._tick = tick")
    other("cache.set('a', 1)")
    switch(other, "memory")
    wait_for(worker, "memory")
    assert worker.said().count("ZeroDivisionError") == 1


def test_where_requests_come_they_do_the_work(new_worker: WorkerMaker, database: Path) -> None:
    worker = new_worker("file", database=database)
    worker("request_started.send(sender=None, environ={'PATH_INFO': '/'}) and None")
    worker("cache.set('a', 1)")
    assert "cacheadmin-watcher" not in worker("[t.name for t in threading.enumerate()]")
    assert worker("__import__('cacheadmin.watcher').watcher._thread") is None


def test_without_threads_a_lost_redis_is_asked_for_after_answers(
    new_worker: WorkerMaker, database: Path, new_redis: RedisMaker
) -> None:
    server = new_redis()
    worker = new_worker("redis", location=server.url(), database=database, CACHEADMIN={"THREADS": False})
    worker("cache.set('a', 1)")
    server.stop()
    assert worker("cache.get('a')") is None
    assert worker.engine == "file"
    server.start()
    time.sleep(1)
    assert worker.engine == "file"
    assert not [name for name in worker("[t.name for t in threading.enumerate()]") if "cacheadmin" in name]
    worker("__import__('django.core.signals').core.signals.request_finished.send(sender=None) and None")
    assert worker.engine == "redis"


def test_without_threads_one_worker_of_a_machine_asks_for_a_lost_redis_in_each_window(
    new_worker: WorkerMaker, database: Path, new_redis: RedisMaker
) -> None:
    server = new_redis()
    told = {"THREADS": False, "PROBE_INTERVAL": 3600}
    workers = [
        new_worker("redis", location=server.url(), database=database, CACHEADMIN=told) for _ in range(3)
    ]
    for worker in workers:
        worker("cache.set('a', 1)")
    with server.client() as client:
        # It answers, and nobody may write: as long as that lasts, it is lost.
        client.config_set("min-replicas-to-write", 1)
        workers[0]("cache.set('a', 2)")
        assert [worker.engine for worker in workers] == ["file"] * 3

        def refused() -> int:
            return sum(seen["rejected_calls"] for seen in client.info("commandstats").values())

        def probes() -> int:
            before = refused()
            for worker in workers:
                worker.begin(ANSWER)
            for worker in workers:
                worker.finish()
            return refused() - before

        assert (probes(), probes()) == (1, 0)
        end_window = f"cache.space.selector.words.write({PROBED}, 0)"
        workers[1](end_window)
        assert (probes(), probes()) == (1, 0)
        client.config_set("min-replicas-to-write", 0)
        workers[2](end_window)
        probes()
    assert [worker.engine for worker in workers] == ["redis"] * 3


def test_an_error_in_between_ends_neither_the_thread_nor_a_request(
    new_worker: WorkerMaker, database: Path
) -> None:
    worker = new_worker("file", database=database)
    worker("cache.get('a')")
    worker(FAIL)
    worker("time.sleep(2.5)")
    assert worker("watcher._thread.is_alive()")
    assert worker("len(calls)") >= 2
    assert worker.said().count("Traceback") == 1
    worker(ASK)
    worker(ANSWER)


def test_after_an_answer_nothing_is_locked_and_no_connection_stays_open(
    new_worker: WorkerMaker, database: Path
) -> None:
    worker = new_worker("file", database=database)
    worker("from django.db import connection; from cacheadmin import state, upkeep")
    for _ in range(2):
        worker(ASK)
        # The first time there is something to write: when it was that this database was seen.
        worker("upkeep._kept_house_at = float('-inf')")
        worker(ANSWER)
        assert worker("connection.connection is None")
        worker("state.look_again_soon()")
    worker(ASK)
    with closing(sqlite3.connect(database, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        worker("upkeep._kept_house_at = float('-inf')")
        worker(ANSWER)
    assert worker.seconds < 2


def test_a_restored_database_empties_the_cache_even_if_nothing_was_ever_saved(
    new_worker: WorkerMaker, database: Path, tmp_path: Path
) -> None:
    backup = Path(shutil.copy(database, tmp_path / "backup"))
    worker = new_worker("file", database=database)
    worker("from cacheadmin import state, upkeep")
    worker(ASK)
    worker(ANSWER)
    worker("state.look_again_soon()")
    worker(ASK)
    worker("cache.set('a', 'of a later state', None)")
    worker(ASK)
    assert worker("cache.get('a')") == "of a later state"
    worker(ANSWER)
    shutil.copy(backup, database)
    for _ in range(2):
        worker("state.look_again_soon()")
        worker(ASK)
    assert worker("cache.get('a')") is None


# --- The thread, in this process ---


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The watcher of a process that has served nothing yet, and looks often."""
    for name, value in {"_thread": None, "_serves_wsgi": False, "_lock": threading.Lock()}.items():
        monkeypatch.setattr(watcher, name, value)
    monkeypatch.setattr(watcher, "is_under_test", lambda: False)
    told = {"REFRESH_INTERVAL": 0.01, "THREADS": True, "PAGES_DIRECTORY": ""}
    monkeypatch.setattr(conf, "get", told.__getitem__)
    return monkeypatch


def test_threads_that_come_at_once_start_one(alone: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    alone.setattr(watcher, "_look_after", lambda: started.append("one"))
    with ThreadPoolExecutor(2) as threads:
        with held_elsewhere(watcher._lock):
            both = [threads.submit(watcher.start) for _ in range(2)]
        for one in both:
            one.result(30)
    wait_until(lambda: bool(started), seconds=5)
    watcher.start()
    assert started == ["one"]


def test_a_child_starts_one_of_its_own(alone: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    alone.setattr(watcher, "_look_after", lambda: started.append("one"))
    watcher.start()
    with held_elsewhere(watcher._lock):
        # What a fork does in the child, where neither that thread nor the holder of the lock exists.
        watcher._after_fork()
        watcher.start()
    wait_until(lambda: len(started) == 2, seconds=5)


@pytest.mark.parametrize("keeps_house", [True, False])
def test_the_thread_ends_once_requests_do_its_work(alone: pytest.MonkeyPatch, keeps_house: bool) -> None:
    done: list[str] = []

    def look() -> None:
        done.append("looked")
        if done.count("looked") == 2:
            watcher.request_begins(environ={"PATH_INFO": "/"})

    alone.setattr(watcher, "_has_answered", False)
    alone.setattr(watcher, "_tick", look)
    alone.setattr(watcher, "_after_answer", (lambda: done.append("kept house")) if keeps_house else None)
    with ThreadPoolExecutor(1) as threads:
        threads.submit(watcher._look_after).result(30)
    # The request looks too.
    assert done.count("looked") == 3
    assert done.count("kept house") == (2 if keeps_house else 0)


def test_where_nothing_is_due_yet_a_request_passes(alone: pytest.MonkeyPatch) -> None:
    for name, value in {"_tick": None, "_after_answer": None, "_has_answered": False}.items():
        alone.setattr(watcher, name, value)
    watcher.request_begins(environ={"PATH_INFO": "/"})
    watcher.request_ends()
    assert watcher.is_worker()
    watcher.start()
    assert watcher._thread is None


@pytest.mark.django_db
def test_a_thread_keeps_no_file_open_and_nothing_that_has_failed(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = urlsplit(postgres_url)
    server = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path[1:],
        "HOST": parts.hostname,
        "PORT": str(parts.port),
        "USER": parts.username,
        "PASSWORD": parts.password,
    }
    file = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "db")}
    handler = ConnectionHandler({"default": file, "kept": server, "failed": {**server}})
    monkeypatch.setattr(watcher, "connections", handler)
    for alias in handler:
        handler[alias].ensure_connection()
    handler["failed"].errors_occurred = True
    watcher.give_back_connections()
    try:
        assert [alias for alias in handler if handler[alias].connection is not None] == ["kept"]
    finally:
        handler.close_all()


# --- Hosts ---


@pytest.mark.parametrize(
    ("variables", "host"),
    [({}, ""), ({"PASSENGER_APP_ENV": "production"}, "Passenger"), ({"LSAPI_CHILDREN": "5"}, "LSAPI")],
)
def test_hosts_that_stop_threads_are_known(
    variables: dict[str, str], host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert watcher.named_host() == host
    assert watcher.threads_run() is (host == "")


@pytest.mark.parametrize(
    ("options", "runs"), [({}, False), ({"enable-threads": True}, True), ({b"threads": b"4"}, True)]
)
def test_uwsgi_runs_threads_only_if_told(
    options: dict[object, object], runs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    uwsgi = ModuleType("uwsgi")
    uwsgi.opt = options  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "uwsgi", uwsgi)
    assert watcher.threads_run() is runs


def test_the_setting_knows_better(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSENGER_APP_ENV", "production")
    settings.CACHEADMIN = {"THREADS": True}
    assert watcher.threads_run()


def test_after_the_tests_of_a_project_nothing_of_them_reaches_the_real_database(
    new_worker: WorkerMaker, database: Path
) -> None:
    worker = new_worker("auto", database=database)
    # A worker of this suite is no test itself, until it says so; then it stays one when that is over.
    assert worker("__import__('cacheadmin.watcher').watcher.is_under_test()") is False
    worker("from django.test.utils import setup_test_environment, teardown_test_environment")
    worker("setup_test_environment()")
    assert worker("__import__('cacheadmin.watcher').watcher.is_under_test()") is True
    worker("teardown_test_environment()")
    assert worker("__import__('cacheadmin.watcher').watcher.is_under_test()") is True
