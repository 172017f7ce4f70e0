"""Sessions live in the cache and in the database behind it: no loss of the cache logs anybody out."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.core.cache import caches
from django.test import AsyncClient, Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from cacheadmin import clear, groups, state
from cacheadmin.backend import AdaptiveCache
from cacheadmin.sessions import SessionStore
from tests.cacheadmin.waiting import wait_until
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]
pytestmark = pytest.mark.django_db


@pytest.fixture
def cache(engine: str) -> AdaptiveCache:
    """The cache of the sessions; the test runs once on each engine."""
    return cast(AdaptiveCache, caches["sessions"])


@pytest.fixture
def stored(cache: AdaptiveCache) -> str:
    """The key of a session that somebody has left behind."""
    session = SessionStore()
    session["colour"] = "blue"
    session.save()
    return cast(str, session.session_key)


def found(key: str) -> dict[str, Any]:
    """What a later request reads."""
    return dict(SessionStore(key).items())


# --- What is kept ---


def test_a_session_is_read_back(stored: str) -> None:
    assert found(stored) == {"colour": "blue"}
    assert SessionStore().exists(stored)


def test_a_shared_cache_spares_the_database_and_memory_does_not_try(
    stored: str, engine: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    # What one worker has in its memory, another one's logout would not reach.
    with django_assert_num_queries(1 if engine == "memory" else 0):
        assert found(stored) == {"colour": "blue"}


def test_a_session_is_in_the_database_too(stored: str, cache: AdaptiveCache) -> None:
    row = Session.objects.get(pk=stored)
    assert row.get_decoded() == {"colour": "blue"}
    cache.clear()
    assert found(stored) == {"colour": "blue"}


def test_what_the_database_cannot_keep_looks_the_same_from_the_cache(cache: AdaptiveCache) -> None:
    session = SessionStore()
    session["pair"] = (1, 2)
    session[cast(str, 3)] = "number"
    session.save()
    from_cache = found(cast(str, session.session_key))
    cache.clear()
    assert found(cast(str, session.session_key)) == from_cache == {"pair": [1, 2], "3": "number"}


def test_changes_are_seen_by_the_next_request(stored: str) -> None:
    session = SessionStore(stored)
    del session["colour"]
    session["size"] = 3
    session.save()
    assert found(stored) == {"size": 3}


def test_an_unknown_key_is_an_empty_session_without_a_key(cache: AdaptiveCache) -> None:
    session = SessionStore("x" * 32)
    assert dict(session.items()) == {}
    assert session.session_key is None


def test_an_expired_session_is_gone(stored: str, cache: AdaptiveCache) -> None:
    Session.objects.update(expire_date=timezone.now() - datetime.timedelta(seconds=1))
    cache.clear()
    assert found(stored) == {}


# --- The end ---


def test_a_deleted_session_is_gone_from_both(stored: str) -> None:
    SessionStore(stored).delete()
    assert found(stored) == {}
    assert not Session.objects.filter(pk=stored).exists()
    SessionStore().delete()


def test_deleting_another_ones_session_deletes_that_one(stored: str) -> None:
    SessionStore().delete(stored)
    assert found(stored) == {}


def test_a_request_that_read_before_the_logout_does_not_bring_the_session_back(
    stored: str, cache: AdaptiveCache
) -> None:
    cache.clear()
    late = SessionStore(stored)
    row = late._get_session_from_db()
    assert row is not None
    SessionStore(stored).delete()
    late._keep(stored, row)
    assert found(stored) == {}


def test_a_request_that_saved_before_the_logout_does_not_bring_the_session_back(stored: str) -> None:
    late = SessionStore(stored)
    late["late"] = True
    SessionStore(stored).delete()
    # Its row was written before the end, its entry comes after it.
    late._write()
    assert found(stored) == {}


def test_a_request_that_read_before_a_change_does_not_undo_it(stored: str, cache: AdaptiveCache) -> None:
    cache.clear()
    late = SessionStore(stored)
    row = late._get_session_from_db()
    assert row is not None
    session = SessionStore(stored)
    session["colour"] = "red"
    session.save()
    late._keep(stored, row)
    assert found(stored) == {"colour": "red"}


def test_flush_and_a_new_key_leave_nothing_under_the_old_one(stored: str) -> None:
    session = SessionStore(stored)
    session.cycle_key()
    renewed = cast(str, session.session_key)
    assert renewed != stored
    assert (found(stored), found(renewed)) == ({}, {"colour": "blue"})
    session.flush()
    assert found(renewed) == {}


# --- Life ---


@pytest.fixture
def _short_life() -> Iterator[None]:
    before = groups.get("sessions")
    groups.register(groups.Group("sessions", ttl=100, protected=True))
    yield
    assert before is not None
    groups.register(before)


def age(key: str, cache: AdaptiveCache, *, seconds: float) -> None:
    """Let *seconds* have passed for a session."""
    row = Session.objects.get(pk=key)
    row.expire_date -= datetime.timedelta(seconds=seconds)
    row.save()
    cache.clear()


@pytest.mark.usefixtures("_short_life")
def test_activity_renews_a_session_but_not_on_every_request(stored: str, cache: AdaptiveCache) -> None:
    session = SessionStore(stored)
    assert session.get_session_cookie_age() == 100
    assert session["colour"] == "blue"
    assert session.modified is False
    age(stored, cache, seconds=10)
    session = SessionStore(stored)
    assert session["colour"] == "blue"
    assert session.modified is True
    session.save()
    left = Session.objects.get(pk=stored).expire_date - timezone.now()
    assert left > datetime.timedelta(seconds=95)


@pytest.mark.usefixtures("_short_life")
@pytest.mark.parametrize(
    ("expiry", "renewed_after"),
    [(20, 2), (0, 10), (datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC), None)],
)
def test_a_session_with_a_life_of_its_own_keeps_it(
    cache: AdaptiveCache, expiry: Any, renewed_after: int | None
) -> None:
    session = SessionStore()
    session["a"] = 1
    session.set_expiry(expiry)
    session.save()
    key = cast(str, session.session_key)
    again = SessionStore(key)
    assert again["a"] == 1
    assert again.modified is False
    if renewed_after is not None:
        age(key, cache, seconds=renewed_after)
    again = SessionStore(key)
    assert again["a"] == 1
    assert again.modified is (renewed_after is not None)


# --- Async ---


def test_everything_has_an_async_form(stored: str, cache: AdaptiveCache) -> None:
    async def story() -> str:
        session = SessionStore(stored)
        assert await session.aget("colour") == "blue"
        await session.aset("colour", "red")
        await session.asave()
        await cache.aclear()
        assert await SessionStore(stored).aget("colour") == "red"
        assert await SessionStore(stored).aget("colour") == "red"
        other = SessionStore()
        await other.aset("a", 1)
        await other.asave()
        key = cast(str, other.session_key)
        assert await SessionStore(key).aget("a") == 1
        await other.adelete()
        assert await SessionStore(key).aget("a") is None
        await SessionStore().adelete(stored)
        return key

    key = async_to_sync(story)()
    assert (found(key), found(stored)) == ({}, {})


# --- Over HTTP ---


@pytest.fixture
def member() -> Any:
    return get_user_model().objects.create_user("ann", "ann@example.org", "long enough 1", is_staff=True)


def is_logged_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def test_a_visitor_without_an_account_gets_no_session(engine: str, client: Client) -> None:
    for address in ("/", "/articles/", "/accounts/login/", "/health/"):
        answer = client.get(address)
        assert "sessionid" not in answer.cookies, address
    assert not Session.objects.exists()


def test_clearing_and_losing_the_cache_logs_nobody_out(
    cache: AdaptiveCache, client: Client, member: Any
) -> None:
    client.force_login(member)
    for loss in (clear.clear, cache.clear, caches["default"].clear):
        loss()
        assert is_logged_in(client)


def test_a_switch_of_the_engine_logs_nobody_out(engine: str, client: Client, member: Any) -> None:
    client.force_login(member)
    for choice in ("file", "memory", "off", "file"):
        state.save_choice(engine=choice)
        assert caches["sessions"].space.selector.status().engine == choice  # type: ignore[attr-defined]
        assert is_logged_in(client)
    client.logout()
    state.save_choice(engine="memory")
    assert not is_logged_in(client)


def test_who_is_active_gets_a_new_cookie_in_time(cache: AdaptiveCache, client: Client, member: Any) -> None:
    client.force_login(member)
    key = client.cookies["sessionid"].value
    age(key, cache, seconds=1000)
    answer = client.get("/admin/")
    assert answer.cookies["sessionid"]["max-age"] == 3600
    assert "sessionid" not in client.get("/admin/").cookies


def test_an_async_request_reads_the_same_session(engine: str, member: Any) -> None:
    async def story() -> int:
        client = AsyncClient()
        await client.aforce_login(member)
        return (await client.get("/admin/")).status_code

    assert async_to_sync(story)() == 200


@pytest.fixture
def on_redis(settings: Settings, redis_server: RedisServer, new_cache: CacheMaker) -> AdaptiveCache:
    """The sessions in a Redis that will be lost."""
    return new_cache("redis", location=redis_server.url(), alias="sessions", GROUP="sessions")


@pytest.mark.parametrize("harm", ["kill", "pause"])
def test_an_outage_logs_nobody_out_and_who_logged_out_stays_out(
    on_redis: AdaptiveCache, redis_server: RedisServer, member: Any, harm: str
) -> None:
    stays, leaves = Client(), Client()
    for client in (stays, leaves):
        client.force_login(member)
        assert is_logged_in(client)
    getattr(redis_server, harm)()
    assert is_logged_in(stays)
    kept = leaves.cookies["sessionid"].value
    leaves.post("/admin/logout/")
    newcomer = Client()
    newcomer.force_login(member)
    redis_server.start().resume()
    wait_until(lambda: on_redis.space.selector.status().engine == "redis", seconds=5)
    assert is_logged_in(stays)
    assert is_logged_in(newcomer)
    # Even with the old cookie, and although Redis still holds the old entry.
    leaves.cookies["sessionid"] = kept
    assert not is_logged_in(leaves)


def test_an_eviction_logs_nobody_out(
    on_redis: AdaptiveCache, redis_server: RedisServer, client: Client, member: Any
) -> None:
    client.force_login(member)
    redis_server.flush()
    assert is_logged_in(client)


def test_the_sessions_of_djangos_own_engines_survive_clear_all(
    on_redis: AdaptiveCache, settings: Settings, client: Client, member: Any
) -> None:
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    settings.SESSION_CACHE_ALIAS = "default"
    client.force_login(member)
    clear.clear()
    assert is_logged_in(client)
