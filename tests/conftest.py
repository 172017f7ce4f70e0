"""What every test may ask for; README.md tells the story of each fixture."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Iterator, Sequence

import pytest
from django.core.cache import caches
from django.utils import translation
from pytest_django import Settings

from core.languages import forget_site_language
from installer import catalogues
from tests import combinations, engines
from tests.servers.postgres import PostgresServer
from tests.servers.redis import RedisServer

pytest_plugins = ["tests.sites", "tests.browser.fixtures"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--everything",
        action="store_true",
        help="run every combination of engine, language and database, not only enough to pair each two",
    )


def pytest_sessionstart() -> None:
    """Allow many open files; compile the catalogues, which are not in version control."""
    # One process that plays hundreds of caches, one after the other, holds more than the 1,024 of a login.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # Begun in the background of a shell: what a test starts and ends by Ctrl-C would inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for source in catalogues.outdated():
        catalogues.compile_catalogue(source)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give `engine`, `language` and `combination` their values."""
    everything = bool(metafunc.config.getoption("everything"))
    if "combination" in metafunc.fixturenames:
        rows = combinations.meetings(everything=everything)
        # One worker for the tests of one combination: they share its site.
        groups = [pytest.param(row, id=str(row), marks=pytest.mark.xdist_group(str(row))) for row in rows]
        metafunc.parametrize("combination", groups, scope="session")
    names = [name for name in ("engine", "language") if name in metafunc.fixturenames]
    if names and not any(_is_parametrised(metafunc, name) for name in names):
        uses_database = _uses_database(metafunc.definition, metafunc.fixturenames)
        database = this_database() if uses_database else ""
        values = combinations.values_for(names, database, everything=everything)
        ids = ["-".join(value) for value in values]
        metafunc.parametrize(names, values, ids=ids, indirect=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Send tests that share something to the same worker; leave out what PostgreSQL has no part in."""
    for item in items:
        shared = _shared_by(item)
        if shared and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(shared))
    if this_database() != "postgres":
        return
    # What touches no database was run before, on SQLite.
    kept = [item for item in items if _uses_database(item, getattr(item, "fixturenames", []))]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


def _shared_by(item: pytest.Item) -> str:
    """What *item* has in common with others that takes long to make: the site, or a fixture of its module."""
    if not isinstance(item, pytest.Function):
        return ""
    known = item._fixtureinfo.name2fixturedefs
    if "site" in known:
        return "site"
    is_shared = any(definitions[-1].scope == "module" for definitions in known.values())
    return item.location[0] if is_shared else ""


def _uses_database(item: pytest.Item, fixtures: Sequence[str]) -> bool:
    asked = {"db", "transactional_db", "django_db_serialized_rollback", "database"} & set(fixtures)
    return bool(asked) or item.get_closest_marker("django_db") is not None


def _is_parametrised(metafunc: pytest.Metafunc, name: str) -> bool:
    marks = metafunc.definition.iter_markers("parametrize")
    return any(name in str(mark.args[0]).replace(" ", "").split(",") for mark in marks)


def this_database() -> str:
    """The kind of database that the Django of this process talks to."""
    return "postgres" if os.environ.get("TESTS_DATABASE_URL") else "sqlite"


# --- Servers ---


@pytest.fixture(scope="session")
def _redis_of_this_run() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture
def redis_server(_redis_of_this_run: RedisServer) -> Iterator[RedisServer]:
    """A real Redis, running and empty; kill, freeze or fill it at will."""
    server = _redis_of_this_run.start()
    server.flush()
    yield server
    # Whatever a test did to it, the next one finds it awake.
    server.start().resume()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The address of that Redis."""
    return redis_server.url()


@pytest.fixture
def new_redis() -> Iterator[Callable[..., RedisServer]]:
    """Start one more Redis: ``new_redis(password="…", tls=True, unix_socket=True, acl=[…])``."""
    started: list[RedisServer] = []

    def start(**options: object) -> RedisServer:
        server = RedisServer(**options)  # type: ignore[arg-type]
        started.append(server)
        return server.start()

    yield start
    for server in started:
        server.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real PostgreSQL of this process's own."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """The address of an empty database in it."""
    return postgres_server.create_database(engines.fresh_name("db"))


# --- Cache, language, database ---


@pytest.fixture
def engine(
    request: pytest.FixtureRequest, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Every alias of the site on one engine: the test runs once on ``redis``, ``file`` and ``memory``."""
    name = str(request.param)
    location = request.getfixturevalue("redis_url") if name == "redis" else ""
    directory = tmp_path_factory.mktemp("cache")
    _drop_handles()
    settings.CACHES = {
        alias: engines.on_engine(options, name, location=location, directory=directory)
        for alias, options in settings.CACHES.items()
    }
    yield name
    _empty_caches()


@pytest.fixture
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    """Active while the test runs; the test runs once in ``en`` and once in ``fr``."""
    with translation.override(request.param):
        yield str(request.param)


@pytest.fixture
def database() -> str:
    """``sqlite`` or ``postgres``: where the tests' own database is."""
    return this_database()


@pytest.fixture(autouse=True)
def _nothing_left_in_the_cache() -> Iterator[None]:
    yield
    _empty_caches()
    # Another language of the site would leave its prefixes in the addresses of the next test.
    forget_site_language()


def _empty_caches() -> None:
    for alias in caches:
        caches[alias].clear()
    _drop_handles()


def _drop_handles() -> None:
    # Changed settings give Django new handles, but the old ones stay in the context of this thread for
    # ever, and with them whatever they hold open.
    for alias in caches:
        caches[alias].close()
        del caches[alias]


@pytest.fixture(autouse=True)
def _postgres_only(request: pytest.FixtureRequest) -> None:
    """Leave tests marked ``postgres`` to the second run, the one on PostgreSQL; none is missed there."""
    if request.node.get_closest_marker("postgres") and this_database() != "postgres":
        pytest.skip("runs in `make test-postgres`, part of `make test`")
