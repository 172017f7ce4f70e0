"""Engine, address, lifetimes and the way back, changed on the page."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.core.cache import caches
from django.db import DatabaseError
from django.test import Client
from pytest_django import Settings

from cacheadmin import history, state
from cacheadmin.backend import AdaptiveCache
from cacheadmin.models import CacheSettings
from tests.cacheadmin.conftest import nobodys_address
from tests.cacheadmin.people import PAGE, person, text_of
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]
pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> Client:
    return person("view_cache", "configure_cache")


def status(cache: AdaptiveCache) -> tuple[str, str]:
    found = cache.space.selector.status()
    return found.choice, found.engine


# --- The engine ---


def test_a_change_is_asked_first_and_says_what_it_costs(owner: Client, new_cache: CacheMaker) -> None:
    cache = new_cache("file")
    cache.set("content:1", 1)
    shown = text_of(owner.post(f"{PAGE}engine/", {"engine": "memory"}))
    assert "Use Memory?" in shown
    assert re.search(r"\d+ entr(y is|ies are) emptied", shown)
    assert "Nobody is logged out." in shown
    assert status(cache) == ("file", "file")
    done = owner.post(f"{PAGE}engine", {"engine": "memory", "confirm": "1"}, follow=True)
    assert "Saved. Live now: Memory." in text_of(done)
    assert status(cache) == ("memory", "memory")


@pytest.mark.parametrize("target", ["auto", "redis", "file", "memory", "off"])
def test_every_engine_can_be_chosen(
    target: str, owner: Client, new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    cache = new_cache("file" if target != "file" else "memory", location=redis_server.url())
    assert owner.post(f"{PAGE}engine/", {"engine": target}).status_code == 200
    assert owner.post(f"{PAGE}engine/", {"engine": target, "confirm": "1"}).status_code == 302
    assert status(cache) == (target, "redis" if target == "auto" else target)


def test_a_redis_that_fails_its_test_is_not_activated_unless_the_owner_insists(
    owner: Client, new_cache: CacheMaker
) -> None:
    cache = new_cache("file")
    cache.set("content:1", 1)
    answer = owner.post(f"{PAGE}engine/", {"engine": "redis", "confirm": "1"})
    shown = text_of(answer)
    assert "Redis cannot be used" in shown
    assert "In use is still: Files." in shown
    assert "Nothing listens at this address" in shown
    assert (status(cache), cache.get("content:1")) == (("file", "file"), 1)
    data = {"engine": "redis", "confirm": "1", "insist": "1"}
    assert "cannot be used yet" in text_of(owner.post(f"{PAGE}engine/", data, follow=True))
    assert status(cache) == ("redis", "file")


def test_a_saved_address_outlives_a_change_of_engine(
    owner: Client, new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    cache = new_cache("file")
    state.save_choice(engine="file", location=redis_server.url())
    owner.post(f"{PAGE}engine/", {"engine": "redis", "confirm": "1"})
    assert status(cache) == ("redis", "redis")


def test_a_project_whose_sessions_are_in_the_cache_alone_is_warned(
    owner: Client, new_cache: CacheMaker, settings: Settings
) -> None:
    new_cache("file")
    settings.SESSION_CACHE_ALIAS = "default"
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    # Logged in anew: the owner's session is in the database.
    owner = person("view_cache", "configure_cache")
    assert "Everybody is logged out" in text_of(owner.post(f"{PAGE}engine/", {"engine": "memory"}))


def test_an_engine_that_nobody_knows_changes_nothing(owner: Client) -> None:
    answer = owner.post(f"{PAGE}engine/", {"engine": "punchcards", "confirm": "1"}, follow=True)
    assert "There is no such engine" in text_of(answer)
    assert not CacheSettings.objects.exists()


def test_a_database_that_takes_nothing_is_told(owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise DatabaseError("read only")

    for name in ("save_choice", "save_lifetime", "restore"):
        monkeypatch.setattr(state, name, fail)
    for address, data in (
        ("engine/", {"engine": "memory", "confirm": "1"}),
        ("address/", {"host": "127.0.0.1", "insist": "1"}),
        ("lifetime/", {"group": "content", "seconds": "5"}),
    ):
        shown = text_of(owner.post(f"{PAGE}{address}", data, follow=True))
        assert "Nothing was saved: the database is out of reach" in shown, address


# --- The address ---


def fields(server: RedisServer) -> dict[str, str]:
    return {"host": "127.0.0.1", "port": str(server.port), "database": "0"}


def test_an_address_is_tested_saved_and_live(
    owner: Client, new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    cache = new_cache("redis")
    assert status(cache) == ("redis", "file")
    owner.post(f"{PAGE}address/", fields(redis_server))
    assert status(cache) == ("redis", "redis")
    assert f"127.0.0.1:{redis_server.port}" in text_of(owner.get(PAGE))


def test_an_address_that_fails_is_not_saved_unless_the_owner_insists(
    owner: Client, new_cache: CacheMaker
) -> None:
    new_cache("file")
    port = nobodys_address().split(":")[2].split("/")[0]
    data = {"host": "127.0.0.1", "port": port, "password": "swordfish"}
    answer = owner.post(f"{PAGE}address/", data)
    shown = text_of(answer)
    assert "Nothing was changed; what was in use is in use." in shown
    assert "swordfish" not in shown
    assert f'value="{port}"' in shown
    assert not CacheSettings.objects.exists()
    owner.post(f"{PAGE}address/", {**data, "insist": "1"})
    row = CacheSettings.objects.get()
    assert "swordfish" not in row.encrypted_location
    assert "swordfish" in state.snapshot()["default"].location


def test_a_blank_password_keeps_the_saved_one_and_no_page_shows_it(
    owner: Client, new_cache: CacheMaker
) -> None:
    new_cache("file")
    port = nobodys_address().split(":")[2].split("/")[0]
    place = {"host": "127.0.0.1", "port": port, "insist": "1"}
    owner.post(f"{PAGE}address/", {**place, "password": "swordfish"})
    owner.post(f"{PAGE}address/", {**place, "database": "3"})
    assert state.snapshot()["default"].location.startswith("redis://:swordfish@")
    assert state.snapshot()["default"].location.endswith("/3")
    assert "swordfish" not in text_of(owner.get(PAGE))


def test_a_bad_field_is_marked_and_nothing_is_changed(owner: Client) -> None:
    answer = owner.post(f"{PAGE}address/", {"host": "not a host!"})
    assert answer.status_code == 400
    assert "Write a host name or an IP address" in text_of(answer)
    assert not CacheSettings.objects.exists()


def test_what_the_environment_fixes_is_read_only(owner: Client, settings: Settings) -> None:
    settings.CACHEADMIN = {"ENVIRONMENT": {"LOCATION": "REDIS_URL"}}
    shown = text_of(owner.get(PAGE))
    assert "The address comes from the environment variable REDIS_URL" in shown
    assert "Save the address" not in shown
    answer = owner.post(f"{PAGE}address/", {"host": "127.0.0.1", "insist": "1"}, follow=True)
    assert "The environment says where Redis is" in text_of(answer)
    assert not CacheSettings.objects.exists()


def test_an_address_that_the_fields_cannot_say_is_shown(owner: Client, new_cache: CacheMaker) -> None:
    new_cache("file", location="redis+cluster://127.0.0.1:1")
    assert "The address in use says more than these fields can" in text_of(owner.get(PAGE))


def test_nobody_scans_ports_by_changing_addresses(owner: Client, new_cache: CacheMaker) -> None:
    new_cache("file")
    data = {"host": "127.0.0.1", "port": nobodys_address().split(":")[2].split("/")[0]}
    answers = [owner.post(f"{PAGE}address/", data) for _ in range(21)]
    assert [answer.status_code for answer in answers].count(200) == 20
    assert "too often" in text_of(owner.get(PAGE))


# --- Lifetimes ---


def lifetime(owner: Client, seconds: str, was: str = "", group: str = "content") -> str:
    data = {"group": group, "seconds": seconds, "was": was}
    return text_of(owner.post(f"{PAGE}lifetime/", data, follow=True))


def test_a_lifetime_is_saved_and_taken_back(owner: Client) -> None:
    assert "is saved" in lifetime(owner, "77")
    assert state.lifetime("content") == 77
    assert 'value="77"' in text_of(owner.get(PAGE))
    lifetime(owner, "", was="77")
    assert state.lifetime("content") == 120


@pytest.mark.parametrize("seconds", ["0", "-1", "1.5", "much", "2592001", "9" * 400])
def test_what_is_no_lifetime_is_refused(owner: Client, seconds: str) -> None:
    assert "A lifetime is a whole number of seconds" in lifetime(owner, seconds)
    assert state.lifetime("content") == 120


def test_two_people_never_undo_each_other(owner: Client) -> None:
    lifetime(owner, "77")
    lifetime(owner, "88", group="users")
    assert (state.lifetime("content"), state.lifetime("users")) == (77, 88)
    # Somebody whose page is older changes the same one.
    shown = lifetime(owner, "99", was="")
    assert "Somebody else has changed the lifetime of Articles meanwhile" in shown
    assert state.lifetime("content") == 77
    assert "There is no group" in lifetime(owner, "5", group="nothing")


# --- The way back: events are written once nothing can undo them ---


@pytest.mark.django_db(transaction=True)
def test_a_rollback_is_asked_and_leads_back(owner: Client, new_cache: CacheMaker) -> None:
    cache = new_cache("file")
    lifetime(owner, "77")
    owner.post(f"{PAGE}engine/", {"engine": "memory", "confirm": "1"})
    assert status(cache) == ("memory", "memory")
    event = str(history.events()[-1].pk)
    asked = text_of(owner.post(f"{PAGE}rollback/", {"event": event}))
    assert f"Restore the settings from before event {event}?" in asked
    assert status(cache) == ("memory", "memory")
    owner.post(f"{PAGE}rollback/", {"event": event, "confirm": "1"})
    assert (status(cache), state.lifetime("content")) == (("file", "file"), 120)
    assert text_of(owner.get(PAGE)).count("Settings restored") >= 1


@pytest.mark.django_db(transaction=True)
def test_a_rollback_to_a_dead_redis_asks_again(owner: Client, new_cache: CacheMaker) -> None:
    cache = new_cache("file")
    state.save_choice(engine="redis")
    state.save_choice(engine="file")
    event = str(history.events()[0].pk)
    shown = text_of(owner.post(f"{PAGE}rollback/", {"event": event, "confirm": "1"}))
    assert "does not work, so nothing was changed" in shown
    assert status(cache) == ("file", "file")
    owner.post(f"{PAGE}rollback/", {"event": event, "confirm": "1", "insist": "1"})
    assert cache.space.selector.status().choice == "redis"


@pytest.mark.parametrize("event", ["", "0", "x", "9" * 40, "123456"])
def test_an_event_that_is_none_restores_nothing(owner: Client, event: str) -> None:
    answer = owner.post(f"{PAGE}rollback/", {"event": event, "confirm": "1"}, follow=True)
    assert "There is no such event" in text_of(answer)


@pytest.mark.django_db(transaction=True)
def test_what_was_not_changed_since_is_not_restored(owner: Client) -> None:
    person("clear_cache").post(f"{PAGE}clear/", {"all": "1", "confirm": "1"})
    event = str(history.events()[0].pk)
    answer = owner.post(f"{PAGE}rollback/", {"event": event, "confirm": "1"}, follow=True)
    assert "There is nothing to restore" in text_of(answer)
    assert caches["default"].get("nothing") is None
