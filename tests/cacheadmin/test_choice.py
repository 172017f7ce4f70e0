"""The saved choice: who follows it, how soon, and what happens where it cannot be read."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest
from asgiref.sync import async_to_sync
from django.core.cache import caches
from django.core.signals import request_started
from django.db import DatabaseError, close_old_connections, connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries, Settings

import cacheadmin
from cacheadmin import state
from cacheadmin.backend import AdaptiveCache
from cacheadmin.models import CacheSettings
from tests.cacheadmin.conftest import nobodys_address
from tests.cacheadmin.waiting import wait_until
from tests.cacheadmin.workers import Worker, migrate, settings_of
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]
WorkerMaker = Callable[..., Worker]
ALIASES = ("default", "sessions", "ratelimit")


def engine_of(alias: str = "default") -> str:
    return cast(AdaptiveCache, caches[alias]).space.selector.status().engine


def look_again() -> None:
    """Let a second pass since the last look."""
    state._next_look = float("-inf")


def begin_request() -> None:
    """What the start of a request does; the connection is the test's own, and stays open."""
    request_started.disconnect(close_old_connections)
    try:
        request_started.send(sender=None, environ={})
    finally:
        request_started.connect(close_old_connections)


# --- In this process ---


@pytest.mark.django_db
def test_a_saved_choice_is_in_force_here_at_once(new_cache: CacheMaker, redis_server: RedisServer) -> None:
    cache = new_cache("file", location=redis_server.url())
    cache.set("a", "in files")
    state.save_choice(engine="redis")
    assert engine_of() == "redis"
    assert cache.get("a") is None
    cache.set("a", "in Redis")
    state.save_choice(engine="file")
    # What was there before the switch is gone: nobody knows whether it still is true.
    assert cache.get("a") is None
    state.save_choice(engine="auto")
    assert (engine_of(), cache.get("a")) == ("redis", None)


@pytest.mark.django_db
def test_a_saved_address_replaces_the_configured_one(
    new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    cache = new_cache("redis")
    cache.set("a", 1)
    assert cache.space.selector.is_degraded
    state.save_choice(engine="redis", location=redis_server.url())
    cache.set("a", 2)
    assert (engine_of(), cache.get("a")) == ("redis", 2)
    with redis_server.client() as client:
        assert list(client.scan_iter("*:a@*"))


@pytest.mark.django_db
def test_an_address_from_the_environment_is_not_replaced(
    new_cache: CacheMaker, redis_server: RedisServer, settings: Settings
) -> None:
    settings.CACHEADMIN = {"ENVIRONMENT": {"LOCATION": "REDIS_URL"}}
    new_cache("redis", location=redis_server.url())
    state.save_choice(engine="redis", location=nobodys_address())
    assert engine_of() == "redis"


@pytest.mark.django_db
def test_the_choice_governs_the_aliases_with_the_same_address_and_no_others(
    new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    location = redis_server.url()
    new_cache("file", location=location)
    new_cache("file", location=location, alias="sessions")
    new_cache("file", alias="ratelimit")
    state.save_choice(engine="memory")
    assert [engine_of(alias) for alias in ALIASES] == [
        "memory",
        "memory",
        "file",
    ]
    state.save_choice("ratelimit", engine="off")
    assert [engine_of(alias) for alias in ALIASES] == ["memory", "memory", "off"]


@pytest.mark.django_db
def test_an_engine_that_does_not_exist_is_not_saved() -> None:
    with pytest.raises(ValueError, match="no engine 'memcached'"):
        state.save_choice(engine="memcached")
    assert not CacheSettings.objects.exists()


@pytest.mark.django_db
def test_every_save_raises_the_revision(new_cache: CacheMaker) -> None:
    new_cache("file")
    revisions = []
    for engine in ("memory", "memory", "file"):
        state.save_choice(engine=engine)
        revisions.append(state.snapshot()["default"].revision)
    assert revisions == [1, 2, 3]
    assert str(CacheSettings.objects.get()) == "default"


def test_without_the_app_there_is_no_place_to_save_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "_store", None)
    with pytest.raises(RuntimeError, match="INSTALLED_APPS"):
        state.save_choice(engine="file")
    with pytest.raises(RuntimeError, match="INSTALLED_APPS"):
        state.save_lifetime("content", 5)
    state.refresh(now=True)


# --- How often the database is asked ---


@pytest.mark.django_db
def test_a_thousand_requests_in_a_second_are_one_query(
    new_cache: CacheMaker,
) -> None:
    cache = new_cache("file")
    cache.get("a")
    look_again()
    with CaptureQueriesContext(connection) as asked:
        for _ in range(1000):
            begin_request()
            cache.get("a")
    # Beside it, only the savepoint that keeps the test's own transaction whole.
    assert len([query for query in asked if query["sql"].lstrip("(").startswith("SELECT")]) == 1


@pytest.mark.django_db
def test_no_operation_asks_the_database(
    new_cache: CacheMaker, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    cache = new_cache("file")
    cache.get("a")
    look_again()
    with django_assert_num_queries(0):
        cache.set("a", 1)
        cache.get("a")
        cache.clear()


# --- Where it cannot be read ---


def test_a_test_that_forbids_queries_is_not_disturbed(
    new_cache: CacheMaker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "cacheadmin")
    cache = new_cache("file")
    for _ in range(3):
        look_again()
        cacheadmin.refresh()
        cache.set("a", 1)
        assert cache.get("a") == 1
    told = [record for record in caplog.records if "cannot be read" in record.getMessage()]
    assert len(told) == 1


@pytest.mark.django_db
def test_a_failing_look_keeps_what_was_known(new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    new_cache("file")
    state.save_choice(engine="memory")

    def fail() -> Any:
        raise DatabaseError("gone")

    monkeypatch.setattr("cacheadmin.models.load_saved", fail)
    state.refresh(now=True)
    assert engine_of() == "memory"


@pytest.mark.django_db
def test_a_broken_transaction_stays_as_it_is(new_cache: CacheMaker) -> None:
    cache = new_cache("file")
    with transaction.atomic():
        transaction.set_rollback(True)
        look_again()
        begin_request()
        cache.set("a", 1)
        assert cache.get("a") == 1
        assert transaction.get_rollback() is True
    assert not connection.needs_rollback


@pytest.mark.django_db
def test_a_look_that_fails_inside_a_transaction_does_not_spoil_it(new_cache: CacheMaker) -> None:
    cache = new_cache("file")
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE cacheadmin_cachesettings RENAME TO elsewhere")
        look_again()
        cacheadmin.refresh()
        cache.set("a", 1)
        # The transaction goes on as if nobody had looked.
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO cacheadmin_cachesettings")
        CacheSettings.objects.create(alias="default", engine="file")
    assert CacheSettings.objects.count() == 1


@pytest.mark.django_db
def test_first_use_in_another_thread_of_a_test_opens_no_connection_there(
    new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = new_cache("file")
    look_again()
    asked: list[str] = []
    with monkeypatch.context() as patch, ThreadPoolExecutor(1) as pool:
        patch.setattr("cacheadmin.models.load_saved", lambda: asked.append("look"))
        pool.submit(cache.set, "a", 1).result()
        assert pool.submit(cache.get, "a").result() == 1
    assert asked == []


@pytest.mark.django_db
def test_first_use_in_async_code_asks_no_database(new_cache: CacheMaker) -> None:
    cache = new_cache("file")
    look_again()

    async def story() -> Any:
        # The handle's plain methods, called where no query may run.
        cache.set("a", 1)
        return cache.get("a"), await cache.aget("a")

    assert asyncio.run(story()) == (1, 1)


@pytest.mark.django_db
def test_an_async_request_follows_the_choice(new_cache: CacheMaker) -> None:
    new_cache("file")
    CacheSettings.objects.create(alias="default", engine="memory")
    look_again()
    request_started.disconnect(close_old_connections)
    try:
        async_to_sync(request_started.asend)(sender=None, scope={})
    finally:
        request_started.connect(close_old_connections)
    assert engine_of() == "memory"


# --- Other processes ---


@pytest.fixture
def project(tmp_path: Path, redis_server: RedisServer) -> dict[str, Any]:
    """A project with its tables, on files."""
    settings = settings_of(
        engine="file",
        location=redis_server.url(),
        directory=tmp_path / "cache",
        database=tmp_path / "db.sqlite3",
    )
    migrate(settings)
    return settings


@pytest.fixture
def pair(project: dict[str, Any]) -> Iterator[tuple[Worker, Worker]]:
    with Worker(project) as first, Worker(project) as second:
        for worker in (first, second):
            worker("cache.set('a', 'before')")
        yield first, second


SAVE = "from cacheadmin import state; state.save_choice(engine={!r}, location={!r})"


@pytest.mark.parametrize("engine_after", ["redis", "memory", "off"])
def test_another_process_follows_within_two_seconds(pair: tuple[Worker, Worker], engine_after: str) -> None:
    first, second = pair
    first(SAVE.format(engine_after, ""))

    def has_followed() -> bool:
        second.request()
        return second.engine == engine_after and second("cache.space.selector.plan.choice") == engine_after

    assert wait_until(has_followed, seconds=5) < 2
    assert second("cache.get('a')") is None


def test_both_use_the_saved_address(
    pair: tuple[Worker, Worker], new_redis: Callable[..., RedisServer]
) -> None:
    first, second = pair
    server = new_redis(password="swordfish")
    first(SAVE.format("redis", server.url()))
    wait_until(lambda: first.engine == "redis", seconds=3)

    def agree() -> bool:
        second.request()
        first("cache.set('a', 'over there')")
        return bool(second("cache.get('a')") == "over there")

    wait_until(agree, seconds=3)
    with server.client() as client:
        assert list(client.scan_iter("*:a@*"))
    assert "swordfish" not in first.said() + second.said()


def test_a_process_without_requests_follows_when_it_asks(pair: tuple[Worker, Worker]) -> None:
    first, second = pair
    first(SAVE.format("memory", ""))
    assert second("time.sleep(1.1); cacheadmin.refresh()") is None
    assert second.engine == "memory"


def test_a_process_that_starts_later_knows_the_choice(
    pair: tuple[Worker, Worker], project: dict[str, Any]
) -> None:
    pair[0](SAVE.format("memory", ""))
    with Worker(project) as third:
        assert third.engine == "memory"


@pytest.mark.parametrize("database", ["no tables", "no such directory", "none at all"])
def test_before_migrate_and_without_a_database_the_cache_works(
    new_worker: WorkerMaker, tmp_path: Path, database: str
) -> None:
    files = {
        "no tables": tmp_path / "empty.sqlite3",
        "no such directory": tmp_path / "nowhere" / "db",
    }
    if database == "none at all":
        worker = new_worker("file", DATABASES={})
    else:
        worker = new_worker("file", database=files[database])
    worker.request()
    worker("cache.set('a', 1)")
    worker.request()
    assert (worker("cache.get('a')"), worker.engine) == (1, "file")
    assert "Traceback" not in worker.said()


def test_a_project_that_did_not_install_the_app_has_the_backend_all_the_same(
    new_worker: WorkerMaker, redis_server: RedisServer
) -> None:
    worker = new_worker("redis", location=redis_server.url(), INSTALLED_APPS=[], DATABASES={})
    worker("cache.set('a', {1})")
    worker.request()
    assert (worker("cache.get('a')"), worker.engine) == ({1}, "redis")


def test_importing_and_setting_up_touches_neither_network_nor_disk(
    new_worker: WorkerMaker, tmp_path: Path
) -> None:
    directory = tmp_path / "cache"
    worker = new_worker("auto", directory=directory)
    worker("import cacheadmin.backend, cacheadmin.decorators, cacheadmin.sessions, cacheadmin.report")
    assert not directory.exists()
    worker("_ = caches['default']")
    worker("from cacheadmin import detect; seen = []; detect.detect = lambda known: seen.append(1)")
    assert worker("(caches['default'].key_prefix, seen)") == ("workers", [])
