"""Fixtures with the real site in them: the production server, two workers, its own VAR_DIR."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from tests.combinations import Combination
from tests.engines import fresh_name
from tests.servers.postgres import PostgresServer
from tests.servers.redis import RedisServer
from tests.servers.site import CHECKOUT, Site

SHOWN_LINES = 60

SiteMaker = Callable[..., Site]


@pytest.fixture(scope="session")
def built() -> None:
    """Catalogues compiled, assets collected and compressed; quick when nothing changed."""
    lock = Path(os.environ["TESTS_DIRECTORY"], "build.lock")
    with lock.open("w") as held:
        # The workers of one run build once; the others find it done.
        fcntl.flock(held, fcntl.LOCK_EX)
        done = subprocess.run(
            [sys.executable, "manage.py", "build"],
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    if done.returncode:
        pytest.fail(f"manage.py build failed:\n{done.stdout}\n{done.stderr}", pytrace=False)


@pytest.fixture(scope="session")
def new_site(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteMaker]:
    """Make a site that is neither installed nor started: ``new_site(workers=2, environment={…})``."""
    made: list[Site] = []

    def make(*, workers: int = 2, **environment: str) -> Site:
        directory: Path = tmp_path_factory.mktemp("site") / "var"
        site = Site(directory, workers=workers, environment=environment)
        made.append(site)
        return site

    yield make
    for site in made:
        site.stop()


@pytest.fixture(scope="session")
def site_redis() -> Iterator[RedisServer]:
    """The Redis behind the shared sites; tests that hurt a Redis start their own."""
    with RedisServer() as server:
        yield server


@pytest.fixture(scope="session")
def site(new_site: SiteMaker, site_redis: RedisServer) -> Site:
    """The site that most tests visit: English, SQLite, on Redis, sixty articles. Leave it as you found it."""
    made = new_site(REDIS_URL=site_redis.url())
    made.install(cache="auto")
    return made.start()


@pytest.fixture(scope="session")
def combined_site(
    combination: Combination, new_site: SiteMaker, site_redis: RedisServer, request: pytest.FixtureRequest
) -> Iterator[Site]:
    """A site for each ``combination`` of engine, language and database; its Redis is ``site_redis``."""
    environment = {"REDIS_URL": site_redis.url()}
    if combination.database == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        environment["DATABASE_URL"] = server.create_database(fresh_name("site"))
    made = new_site(**environment)
    made.install(cache=combination.engine, language=combination.language)
    yield made.start()
    made.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the servers of a failed test said last."""
    report = yield
    if report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, Site):
                last = "\n".join(value.said().splitlines()[-SHOWN_LINES:])
                report.sections.append((f"the server of {name}", last))
    return report
