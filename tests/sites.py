"""Fixtures with the real site in them: the production server, two workers, its own VAR_DIR."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from tests.combinations import Combination
from tests.engines import fresh_name
from tests.servers.postgres import PostgresServer
from tests.servers.redis import RedisServer
from tests.servers.site import CHECKOUT, Site

# What the site consists of, beside manage.py.
RELEASED = ("config", "apps", "templates", "static", "locale", "deploy", "docs")
SHOWN_LINES = 60
# What whoever reads the metrics of the shared site sends.
METRICS_TOKEN = "a token of the tests"

SiteMaker = Callable[..., Site]


@pytest.fixture(scope="session")
def release() -> Path:
    """A copy of the site with its catalogues compiled and its assets built, shared by the workers of a run.

    Nothing that is edited or built in the checkout meanwhile reaches the servers under test.
    """
    copy = Path(os.environ["TESTS_DIRECTORY"], "release")
    with copy.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not copy.exists():
            unfinished = copy.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            for name in RELEASED:
                shutil.copytree(
                    CHECKOUT / name, unfinished / name, ignore=shutil.ignore_patterns("__pycache__")
                )
            for name in ("manage.py", "requirements.txt"):
                shutil.copy2(CHECKOUT / name, unfinished)
            Site(unfinished / "var", release=unfinished).manage("build")
            shutil.rmtree(unfinished / "var", ignore_errors=True)
            unfinished.rename(copy)
    return copy


@pytest.fixture(scope="session")
def new_site(release: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteMaker]:
    """Make a site that is neither installed nor started: ``new_site(workers=2, environment={…})``."""
    made: list[Site] = []

    def make(*, workers: int = 2, **environment: str) -> Site:
        directory: Path = tmp_path_factory.mktemp("site") / "var"
        site = Site(directory, release=release, workers=workers, environment=environment)
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
    made = new_site(REDIS_URL=site_redis.url(), METRICS_TOKEN=METRICS_TOKEN)
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
