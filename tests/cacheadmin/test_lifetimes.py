"""How long entries live: who says so, who comes first, and how soon everybody knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from django.core.cache import caches
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from cacheadmin import cached, encryption, groups, models, state
from cacheadmin.backend import AdaptiveCache
from cacheadmin.groups import Group
from cacheadmin.models import CacheSettings, GroupLifetime
from cacheadmin.saved_settings import ChangedMeanwhile
from cacheadmin.sessions import SessionStore
from cacheadmin.signals import cache_event
from core.models import AdminHistory
from tests.cacheadmin.waiting import wait_until
from tests.cacheadmin.workers import Worker, migrate, settings_of
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]
THIRTY_DAYS = 30 * 24 * 3600


@pytest.fixture
def lives(new_cache: CacheMaker, redis_server: RedisServer) -> Callable[..., float]:
    """The seconds that a key has left in Redis."""
    new_cache("redis", location=redis_server.url(), TIMEOUT=5000)

    def left(key: str) -> float:
        cache = cast(AdaptiveCache, caches["default"])
        with redis_server.client() as client:
            return float(client.pttl(cache.full_key(key))) / 1000

    return left


@pytest.fixture
def events() -> Iterator[list[dict[str, Any]]]:
    seen: list[dict[str, Any]] = []

    def receive(**event: Any) -> None:
        seen.append(event)

    cache_event.connect(receive)
    yield seen
    cache_event.disconnect(receive)


@cached("content", ttl=1000)
def decorated(number: int) -> int:
    return number


@cached("content")
def undecorated(number: int) -> int:
    return number


# --- Who comes first ---


@pytest.mark.django_db
def test_a_call_comes_before_the_page_before_the_decorator_before_the_group_before_the_alias(
    lives: Callable[..., float],
) -> None:
    cache = cast(AdaptiveCache, caches["default"])

    def store() -> dict[str, float]:
        cache.clear()
        cache.set("content:call", 1, 77)
        cache.set("content:group", 1)
        cache.set("plain", 1)
        decorated(1)
        undecorated(1)
        keys = ("content:call", decorated.key(1), undecorated.key(1), "content:group", "plain")
        return dict(zip(("call", "decorator", "cached", "group", "alias"), map(lives, keys), strict=True))

    def is_about(seconds: float, wanted: float, *, jittered: bool = False) -> bool:
        return wanted * (0.89 if jittered else 0.999) - 1 < seconds <= wanted

    left = store()
    assert is_about(left["call"], 77)
    assert is_about(left["decorator"], 1000)
    assert is_about(left["cached"], 120, jittered=True)
    assert is_about(left["group"], 120, jittered=True)
    assert is_about(left["alias"], 5000)

    state.save_lifetime("content", 600)
    left = store()
    assert is_about(left["call"], 77)
    assert is_about(left["decorator"], 600, jittered=True)
    assert is_about(left["cached"], 600, jittered=True)
    assert is_about(left["group"], 600, jittered=True)
    assert is_about(left["alias"], 5000)

    state.save_lifetime("content", None)
    state.save_lifetime("other", 40)
    left = store()
    assert is_about(left["decorator"], 1000)
    assert is_about(left["group"], 120, jittered=True)
    assert is_about(left["alias"], 40, jittered=True)


@pytest.mark.django_db
def test_a_saved_lifetime_is_only_ever_shortened(lives: Callable[..., float]) -> None:
    state.save_lifetime("content", 1000)
    cache = cast(AdaptiveCache, caches["default"])
    seconds = [cache.life(f"content:{number}") or 0 for number in range(200)]
    assert all(900 <= life <= 1000 for life in seconds)
    assert max(seconds) - min(seconds) > 50
    decorated_lives = {cache.life("content:x", 1000) for _ in range(20)}
    assert decorated_lives == {1000.0}


@pytest.mark.django_db
def test_an_alias_of_one_group_takes_that_groups_lifetime(new_cache: CacheMaker) -> None:
    cache = new_cache("memory", GROUP="sessions")
    state.save_lifetime("sessions", 100)
    assert 90 <= (cache.life("content:1") or 0) <= 100


@pytest.mark.django_db
def test_sessions_live_as_long_as_is_saved(new_cache: CacheMaker, settings: Settings) -> None:
    new_cache("memory", alias=settings.SESSION_CACHE_ALIAS)
    assert SessionStore.get_session_cookie_age() == 3600
    state.save_lifetime("sessions", 7200, alias=settings.SESSION_CACHE_ALIAS)
    assert SessionStore.get_session_cookie_age() == 7200
    assert state.lifetime("sessions", settings.SESSION_CACHE_ALIAS) == 7200


def test_sessions_in_a_project_without_the_group_live_as_django_says(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SESSION_COOKIE_AGE = 55
    monkeypatch.setitem(groups._registry, "sessions", Group("sessions"))
    assert SessionStore.get_session_cookie_age() == 55


# --- For whom ---


@pytest.mark.django_db
def test_a_lifetime_governs_the_aliases_with_the_same_address_and_no_others(new_cache: CacheMaker) -> None:
    location = "redis://127.0.0.1:1/0"
    new_cache("file", location=location)
    new_cache("file", location=location, alias="sessions")
    new_cache("file", alias="ratelimit")
    state.save_lifetime("content", 50)
    assert [state.lifetime("content", alias) for alias in ("default", "sessions", "ratelimit")] == [
        50,
        50,
        120,
    ]
    # The other alias at that address says something else: there is one lifetime for both.
    state.save_lifetime("content", 60, alias="sessions")
    assert [state.lifetime("content", alias) for alias in ("default", "sessions")] == [60, 60]
    assert GroupLifetime.objects.get().alias == "sessions"
    state.save_lifetime("content", None)
    assert state.lifetime("content", "sessions") == 120
    assert not GroupLifetime.objects.exists()


@pytest.mark.django_db
def test_where_two_aliases_came_to_share_an_address_what_was_saved_last_counts(new_cache: CacheMaker) -> None:
    new_cache("file", location="redis://127.0.0.1:1/0")
    new_cache("file", location="redis://127.0.0.1:1/0", alias="sessions")
    GroupLifetime.objects.create(alias="sessions", group="content", seconds=70)
    GroupLifetime.objects.create(alias="default", group="content", seconds=80)
    GroupLifetime.objects.create(alias="gone", group="content", seconds=90)
    state.refresh(now=True)
    assert state.lifetime("content", "sessions") == 80
    GroupLifetime.objects.get(alias="sessions").save()
    state.refresh(now=True)
    assert state.lifetime("content") == 70


@pytest.mark.django_db
def test_two_people_who_save_different_groups_undo_nobody(new_cache: CacheMaker) -> None:
    new_cache("file")
    state.save_choice(engine="memory")
    state.save_lifetime("content", 50)
    state.save_lifetime("users", 60)
    state.save_choice(engine="file")
    assert (state.lifetime("content"), state.lifetime("users")) == (50, 60)
    assert state.snapshot()["default"].engine == "file"
    state.save_lifetime("users", None)
    assert (state.lifetime("content"), state.lifetime("users")) == (50, 300)
    assert {str(row) for row in GroupLifetime.objects.all()} == {"default: content"}


# --- Saving ---


@pytest.mark.django_db
@pytest.mark.parametrize("seconds", [0, -1, THIRTY_DAYS + 1, 1.5, "60", True])
def test_what_is_no_lifetime_is_refused_in_words(new_cache: CacheMaker, seconds: Any) -> None:
    new_cache("file")
    with pytest.raises(ValueError, match=r"whole number of seconds, 1 to 2592000 \(30 days\)"):
        state.save_lifetime("content", seconds)
    assert not GroupLifetime.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("seconds", [1, THIRTY_DAYS])
def test_the_shortest_and_the_longest_lifetime(new_cache: CacheMaker, seconds: int) -> None:
    new_cache("file")
    state.save_lifetime("content", seconds)
    assert state.lifetime("content") == seconds


@pytest.mark.django_db
def test_a_group_that_nobody_declared_has_no_lifetime_to_save(new_cache: CacheMaker) -> None:
    new_cache("file")
    with pytest.raises(KeyError, match="contents"):
        state.save_lifetime("contents", 60)
    assert state.lifetime("contents") is None
    with pytest.raises(ValueError, match="no cache 'elsewhere'"):
        state.save_lifetime("content", 60, alias="elsewhere")
    assert not GroupLifetime.objects.exists()


@pytest.mark.django_db
def test_who_changed_a_lifetime_is_told_and_written_down(
    new_cache: CacheMaker, events: list[dict[str, Any]]
) -> None:
    new_cache("file")
    state.save_lifetime("content", 50, actor="the test")
    state.save_lifetime("content", None, actor="the test")
    told = [event for event in events if event["kind"] == "lifetime"]
    assert [(event["group"], event["before"], event["seconds"]) for event in told] == [
        ("content", None, 50),
        ("content", 50, None),
    ]
    entries = AdminHistory.objects.filter(action="change cache lifetime", actor_name="the test")
    assert {entry.detail for entry in entries} == {
        "alias: default; group: content; seconds: 50",
        "alias: default; group: content; before: 50",
    }


# --- Looking ---


@pytest.mark.django_db
def test_choices_and_lifetimes_are_one_query(new_cache: CacheMaker) -> None:
    new_cache("file")
    state.save_choice(engine="file", location="redis://:swordfish@localhost/1")
    state.save_lifetime("content", 50)
    state.save_lifetime("content", 60)
    with CaptureQueriesContext(connection) as asked:
        found = models.load_saved()
    assert len([query for query in asked if "SELECT" in query["sql"]]) == 1
    assert found.choices["default"].location == "redis://:swordfish@localhost/1"
    assert found.choices["default"].revision == 1
    assert found.lifetimes == {"default": {"content": 60}}


@pytest.mark.django_db
def test_what_is_known_of_lifetimes_costs_no_query_and_cannot_be_changed(new_cache: CacheMaker) -> None:
    new_cache("file")
    state.save_lifetime("content", 50)
    with CaptureQueriesContext(connection) as asked:
        known = state.saved_lifetimes(cast(AdaptiveCache, caches["default"]).space.identity.location)
        assert known == {"content": 50}
    assert len(asked) == 0
    with pytest.raises(TypeError):
        cast(Any, known)["content"] = 5


@pytest.mark.django_db
def test_a_failing_look_keeps_the_lifetimes(new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    new_cache("file")
    state.save_lifetime("content", 50)

    def fail() -> Any:
        raise DatabaseError("gone")

    monkeypatch.setattr("cacheadmin.models.load_saved", fail)
    state.refresh(now=True)
    assert state.lifetime("content") == 50


@pytest.mark.django_db
def test_a_choice_of_an_alias_named_later_does_not_take_the_place_of_the_first(new_cache: CacheMaker) -> None:
    for alias in ("sessions", "default"):
        CacheSettings.objects.create(alias=alias, encrypted_location=encryption.encrypt(""))
    assert list(models.load_choices()) == ["default", "sessions"]


@pytest.fixture
def pair(tmp_path: Path, redis_server: RedisServer) -> Iterator[tuple[Worker, Worker]]:
    """Two processes of a project with its tables."""
    project = settings_of(
        engine="file",
        location=redis_server.url(),
        directory=tmp_path / "cache",
        database=tmp_path / "db.sqlite3",
    )
    migrate(project)
    with Worker(project) as first, Worker(project) as second:
        for worker in (first, second):
            worker("from cacheadmin import state; cache.get('a')")
        yield first, second


def test_another_process_follows_within_two_seconds(pair: tuple[Worker, Worker]) -> None:
    first, second = pair
    assert second("state.lifetime('content')") == 120
    first("state.save_lifetime('content', 50)")
    assert first("state.lifetime('content')") == 50

    def has_followed() -> bool:
        second.request()
        return bool(second("state.lifetime('content')") == 50 and second("cache.life('content:1')") <= 50)

    assert wait_until(has_followed, seconds=5) < 2


def test_two_processes_that_save_at_once_lose_nothing(pair: tuple[Worker, Worker]) -> None:
    save = (
        "[(state.save_lifetime({!r}, 100 + number), state.save_choice(engine='file'))"
        " for number in range(20)] and None"
    )
    for worker, group in zip(pair, ("content", "sessions"), strict=True):
        worker.begin(save.format(group))
    for worker in pair:
        worker.finish()
    for worker in pair:
        worker("state.refresh(now=True)")
        assert worker("(state.lifetime('content'), state.lifetime('sessions'))") == (119, 119)


@pytest.mark.django_db(transaction=True)
def test_whoever_saves_over_what_he_has_not_seen_is_told_and_changes_nothing(new_cache: CacheMaker) -> None:
    new_cache("file")
    state.save_lifetime("content", 50, was=None)
    # Both have seen fifty; the second one comes a moment later.
    state.save_lifetime("content", 60, was=50)
    with pytest.raises(ChangedMeanwhile):
        state.save_lifetime("content", 70, was=50)
    with pytest.raises(ChangedMeanwhile):
        state.save_lifetime("content", None, was=None)
    assert state.lifetime("content") == 60
    state.save_lifetime("users", 80, was=None)
    assert (state.lifetime("content"), state.lifetime("users")) == (60, 80)
    state.save_lifetime("content", 90)
    assert state.lifetime("content") == 90
