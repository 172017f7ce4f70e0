"""A change of engine is watched for a minute, and taken back by itself if the engine is lost in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from cacheadmin import history, state, trial
from cacheadmin.backend import AdaptiveCache
from cacheadmin.models import CacheEvent, CacheSettings
from tests.cacheadmin.people import PAGE, person, text_of
from tests.cacheadmin.waiting import wait_until
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def owner() -> Client:
    return person("view_cache", "configure_cache")


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is lost is left at once: what is tested is what comes of it."""
    monkeypatch.setattr(trial, "PATIENCE", timedelta())


def status(cache: AdaptiveCache) -> tuple[str, str]:
    found = cache.space.selector.status()
    return found.choice, found.engine


def choose(owner: Client, engine: str, **more: str) -> str:
    return text_of(owner.post(f"{PAGE}engine/", {"engine": engine, "confirm": "1", **more}, follow=True))


def lose(cache: AdaptiveCache, server: RedisServer) -> None:
    server.kill()
    cache.get("content:1")
    assert cache.space.selector.is_degraded


def test_a_redis_that_breaks_right_after_its_activation_is_left_again_while_nobody_looks(
    owner: Client, new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    cache = new_cache("file", location=redis_server.url())
    state.save_choice(engine="file")
    assert "The change is watched until" in choose(owner, "redis")
    state.save_lifetime("content", 77)
    lose(cache, redis_server)
    # Visitors come by; the page of the owner is closed.
    visitor = Client()

    def is_back() -> bool:
        visitor.get("/health/")
        return status(cache) == ("file", "file")

    assert wait_until(is_back, seconds=30) >= 1
    assert not cache.space.selector.is_degraded
    assert state.lifetime("content") == 77
    event = CacheEvent.objects.get(kind="undone")
    assert (event.who, event.details["detail"]) == ("the cache itself", "refused")
    shown = text_of(owner.get(PAGE))
    assert "The last choice was taken back by itself: Redis was lost" in shown
    assert "(nothing listens at this address); in force again: Files" in shown


def test_what_was_never_saved_is_what_the_settings_file_says_again(
    owner: Client, new_cache: CacheMaker, redis_server: RedisServer, patience: None
) -> None:
    cache = new_cache("file", location=redis_server.url())
    choose(owner, "redis")
    lose(cache, redis_server)
    trial.look()
    assert (status(cache), CacheSettings.objects.count()) == (("file", "file"), 0)
    event = CacheEvent.objects.get(kind="undone")
    with translation.override("fr"):
        assert "ce que dit le fichier de réglages" in event.sentence
    # And that can be undone as any other change.
    history.roll_back(event.pk, force=True)
    assert status(cache)[0] == "redis"
    trial.look()
    assert status(cache)[0] == "redis"


def test_a_short_interruption_is_forgiven_and_a_second_one_is_not(
    owner: Client, new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    cache = new_cache("file", location=redis_server.url())
    choose(owner, "redis")
    event = CacheEvent.objects.get(kind="choice")
    lose(cache, redis_server)
    trial.look()
    assert status(cache) == ("redis", "file")
    for _time in range(2):
        CacheEvent.objects.create(kind="outage", alias="default", at=event.at)
    trial.look()
    assert status(cache) == ("file", "file")


@pytest.mark.parametrize("cause", ["insisted", "later", "anew", "unwatched", "another key", "outdated"])
def test_a_choice_stays_that_is_not_on_trial(
    cause: str, owner: Client, new_cache: CacheMaker, redis_server: RedisServer, patience: None
) -> None:
    cache = new_cache("file", location=redis_server.url())
    if cause == "unwatched":
        state.save_choice(engine="redis")
    else:
        choose(owner, "redis", insist="1" if cause == "insisted" else "")
    if cause == "anew":
        state.save_choice(engine="redis", location=redis_server.url())
    lose(cache, redis_server)
    if cause == "later":
        CacheEvent.objects.update(at=F("at") - timedelta(seconds=61))
    elif cause == "another key":
        CacheEvent.objects.update(encrypted_before="x")
    elif cause == "outdated":
        # Somebody has chosen a moment ago, and this process has not seen it yet.
        CacheSettings.objects.update(revision=F("revision") + 1)
    for _look in range(2):
        trial.look()
    assert status(cache) == ("redis", "file")
    assert not CacheEvent.objects.filter(kind="undone").exists()


def test_a_restored_choice_is_on_trial_too(
    owner: Client, new_cache: CacheMaker, redis_server: RedisServer, patience: None
) -> None:
    cache = new_cache("file", location=redis_server.url())
    state.save_choice(engine="redis")
    state.save_choice(engine="file")
    event = CacheEvent.objects.latest("pk")
    owner.post(f"{PAGE}rollback/", {"event": event.pk, "confirm": "1"})
    assert status(cache) == ("redis", "redis")
    lose(cache, redis_server)
    trial.look()
    assert status(cache) == ("file", "file")


def test_a_database_that_is_away_is_asked_again(
    owner: Client,
    new_cache: CacheMaker,
    redis_server: RedisServer,
    patience: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache = new_cache("file", location=redis_server.url())
    choose(owner, "redis")
    lose(cache, redis_server)

    def fail(alias: str) -> None:
        raise DatabaseError("away")

    with monkeypatch.context() as away:
        away.setattr(trial, "last_choice", fail)
        trial.look()
        assert status(cache) == ("redis", "file")
        assert owner.get(f"{PAGE}following/").json()["taken_back"] == ""
    trial.look()
    assert status(cache) == ("file", "file")


def test_a_look_asks_no_database_while_nothing_is_lost(
    owner: Client, new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    new_cache("file", location=redis_server.url())
    choose(owner, "redis")
    with CaptureQueriesContext(connection) as seen:
        trial.look()
    assert len(seen) == 0


def test_the_page_can_ask_who_follows(owner: Client, new_cache: CacheMaker) -> None:
    new_cache("file")
    choose(owner, "memory")
    told = owner.get(f"{PAGE}following").json()
    assert (told["engine"], told["degraded"], told["over"]) == ("memory", False, False)
    assert told["words"].startswith("The change is watched until ")
    CacheEvent.objects.update(at=F("at") - timedelta(seconds=61))
    assert owner.get(f"{PAGE}following/").json()["over"] is True
