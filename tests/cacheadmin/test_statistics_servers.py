"""Whatever serves a project, or does its tasks: what it counted is there when it has ended."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.cacheadmin.long_processes.watched import HERE as LONG
from tests.cacheadmin.long_processes.watched import CeleryWorker
from tests.cacheadmin.waiting import wait_until
from tests.cacheadmin.workers import Worker, migrate, settings_of
from tests.servers.process import ServerProcess, free_port
from tests.servers.redis import RedisServer
from tests.servers.site import CHECKOUT

pytestmark = [pytest.mark.server, pytest.mark.slow]

HERE = "tests.cacheadmin.served"
REQUESTS, TASKS = 120, 40
SERVERS = {
    "granian": "granian --interface wsgi --host 127.0.0.1 --port {port} --workers 2 --blocking-threads 2 "
    f"{HERE}.wsgi:application",
    "granian asgi": "granian --interface asgi --host 127.0.0.1 --port {port} --workers 2 "
    f"{HERE}.asgi:application",
    "gunicorn sync": f"gunicorn --workers 2 --bind 127.0.0.1:{{port}} {HERE}.wsgi",
    "gunicorn gthread": f"gunicorn --workers 2 --threads 3 --preload --bind 127.0.0.1:{{port}} {HERE}.wsgi",
    "uvicorn": f"uvicorn --port {{port}} {HERE}.asgi:application",
    "uvicorn workers": f"uvicorn --workers 2 --port {{port}} {HERE}.asgi:application",
    "runserver": "django runserver 127.0.0.1:{port}",
    "runserver alone": "django runserver --noreload 127.0.0.1:{port}",
}


@pytest.mark.parametrize("name", SERVERS)
def test_nothing_is_lost_when_a_server_is_told_to_end(name: str, tmp_path: Path) -> None:
    database = tmp_path / "db.sqlite3"
    settings = migrated(
        database,
        # Only the end hands over; but the reloader of runserver kills its child.
        0.5 if name == "runserver" else 3600,
        ROOT_URLCONF=f"{HERE}.urls",
        ALLOWED_HOSTS=["127.0.0.1"],
        DEBUG=name.startswith("runserver"),
    )
    environment = Worker.environment(settings)
    environment["PYTHONPATH"] = os.pathsep.join([str(CHECKOUT), environment["PYTHONPATH"]])
    port = free_port()
    words = SERVERS[name].format(port=port).split()
    server = ServerProcess(
        [sys.executable, "-m", *words], log=tmp_path / "log", directory=CHECKOUT, environment=environment
    )
    server.start()
    url = f"http://127.0.0.1:{port}/"
    tries = [0]

    def answers(_: object = None) -> bool:
        tries[0] += 1
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return bool(answer.read() == b"read")
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            tries[0] -= 1
            return False

    server.wait_until(answers, seconds=60)
    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(answers, range(REQUESTS)))
    if name == "runserver":
        wait_until(lambda: sums(database) == tries[0], seconds=20)
    else:
        assert sums(database) == 0
    server.stop(number=signal.SIGTERM)
    assert sums(database) == tries[0] == REQUESTS + 1, server.last_words()


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_nothing_is_lost_when_a_celery_worker_is_told_to_end(
    pool: str, tmp_path: Path, new_redis: Callable[..., RedisServer]
) -> None:
    database = tmp_path / "db.sqlite3"
    settings = migrated(database, 3600)
    (tmp_path / "number").write_text("0")
    environment = {
        **Worker.environment(settings),
        "PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(CHECKOUT / "apps")]),
        "DJANGO_SETTINGS_MODULE": f"{LONG}.settings",
        "BROKER": new_redis().url(),
        "NUMBER_FILE": str(tmp_path / "number"),
    }
    worker = CeleryWorker(environment, tmp_path / "log", pool=pool)
    worker.start()
    for _ in range(TASKS):
        worker.ask()
    assert sums(database) == 0
    worker.end()
    # And the one read of the module of tasks, in the process that has begun the others.
    assert sums(database) == TASKS + 1, (tmp_path / "log").read_text()


def migrated(database: Path, interval: float, **more: object) -> dict[str, Any]:
    """The settings of a project on files, whose tables are there; it hands over every *interval* seconds."""
    settings = settings_of(
        engine="file",
        location="redis://127.0.0.1:1/0",
        directory=database.with_name("cache"),
        database=database,
        CACHEADMIN={"STATISTICS_INTERVAL": interval},
        **more,
    )
    migrate(settings)
    return settings


def sums(database: Path) -> int:
    """How many reads that file says were counted."""
    with closing(sqlite3.connect(database)) as reader:
        row = reader.execute("SELECT coalesce(sum(hits + misses), 0) FROM cacheadmin_hourlycount")
        return int(row.fetchone()[0])
