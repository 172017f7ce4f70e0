"""The key browser: what is found, what is shown, and what is not."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import caches
from django.test import Client

from cacheadmin import browse, history
from cacheadmin.backend import AdaptiveCache
from cacheadmin.plain_values import LONGEST, in_words
from tests.cacheadmin.people import PAGE, person, text_of
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]
pytestmark = pytest.mark.django_db


@pytest.fixture
def browser() -> Client:
    return person("browse_cache")


def test_keys_are_found_by_their_beginning(cache: AdaptiveCache, browser: Client) -> None:
    cache.set_many({"content:1": 1, "content:2": 2, "lists:1": 3})
    cache.set("content:3", 3)
    cache.clear_groups(["lists"])
    found = browser.get(f"{PAGE}keys/", {"q": "content:"}).context["found"]
    assert found.keys == (("content:1", "content"), ("content:2", "content"), ("content:3", "content"))
    assert found.is_complete
    # What a clear has left behind leads nowhere.
    assert browser.get(f"{PAGE}keys/", {"q": "lists:"}).context["found"].keys == ()
    assert "No key begins like that." in text_of(browser.get(f"{PAGE}keys/", {"q": "nothing"}))


def test_nothing_is_searched_before_somebody_asks(browser: Client) -> None:
    answer = browser.get(f"{PAGE}keys")
    assert answer.context["found"] is None
    assert "What you look at is written into the history." in text_of(answer)


def test_keys_of_sessions_and_limits_are_not_listed(cache: AdaptiveCache, browser: Client) -> None:
    cache.set_many({"sessions:secret": 1, "ratelimit:198.51.100.7": 2, "content:1": 3})
    answer = browser.get(f"{PAGE}keys/", {"q": ""})
    assert "Keys of sessions and rate limits are not listed." in text_of(answer)
    assert "198.51.100.7" not in text_of(answer)
    assert "secret" not in text_of(answer)
    assert answer.context["found"].hidden >= 2


@pytest.mark.parametrize("limit", ["MOST_FOUND", "MOST_LOOKED", "LONGEST"])
def test_a_search_has_a_budget_and_says_how_far_it_came(
    cache: AdaptiveCache, browser: Client, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.set_many({f"content:{number}": number for number in range(30)})
    monkeypatch.setattr(browse, limit, 0 if limit == "LONGEST" else 10)
    answer = browser.get(f"{PAGE}keys/", {"q": "content:"})
    found = answer.context["found"]
    assert not found.is_complete
    assert len(found.keys) <= 10
    assert f"{found.looked} key" in text_of(answer)
    assert "There are more" in text_of(answer)


def test_a_redis_user_without_scan_looks_up_whole_keys(
    new_cache: CacheMaker, new_redis: Callable[..., RedisServer], browser: Client
) -> None:
    allowed = "+ping +select +get +set +mget +del +expire +incrby +watch +multi +exec"
    server = new_redis(acl=[f"user small on >pw ~* {allowed}"])
    cache = new_cache("redis", location=server.url().replace("redis://", "redis://small:pw@"))
    cache.set("content:1", "here")
    assert cache.space.selector.status().engine == "redis"
    answer = browser.get(f"{PAGE}keys/", {"q": "content:"})
    assert "+scan is missing" in text_of(answer)
    entry = browser.post(f"{PAGE}keys/look/", {"key": "content:1"}).context["entry"]
    assert (entry.text, entry.knows_left) == ("'here'", False)


# --- One entry ---


def look(client: Client, key: str) -> Any:
    return client.post(f"{PAGE}keys/look/", {"key": key, "q": ""}).context["entry"]


def test_an_entry_shows_group_type_size_life_and_value(cache: AdaptiveCache, browser: Client) -> None:
    cache.set("content:1", {"title": "<b>Hello</b>"}, 100)
    answer = browser.post(f"{PAGE}keys/look", {"key": "content:1"})
    entry = answer.context["entry"]
    assert (entry.group, entry.kind) == ("content", "dict")
    assert entry.size == len(pickle.dumps({"title": "<b>Hello</b>"}, pickle.HIGHEST_PROTOCOL))
    assert 0 < entry.left <= 100
    assert "&lt;b&gt;Hello&lt;/b&gt;" in text_of(answer)
    assert "<b>Hello</b>" not in text_of(answer)
    cache.set("content:2", None, None)
    assert (look(browser, "content:2").text, look(browser, "content:2").left) == ("None", None)
    assert look(browser, "content:nothing") is None
    assert look(browser, "") is None


@pytest.mark.parametrize("key", ["sessions:1", "ratelimit:1"])
def test_values_of_protected_groups_are_hidden(cache: AdaptiveCache, browser: Client, key: str) -> None:
    cache.set(key, "swordfish")
    answer = browser.post(f"{PAGE}keys/look/", {"key": key})
    assert answer.context["entry"].is_hidden
    assert "swordfish" not in text_of(answer)
    browser.post(f"{PAGE}keys/delete/", {"key": key, "confirm": "1"})
    assert cache.get(key) == "swordfish"


def test_people_are_shown_to_those_who_may_see_people(cache: AdaptiveCache, browser: Client) -> None:
    user: Any = get_user_model()(username="carol", email="carol@example.org", password="hash")
    cache.set("users:1", {"user": user})
    assert look(browser, "users:1").is_hidden
    shown = look(person(is_superuser=True), "users:1").text
    assert "carol@example.org" in shown
    assert "hash" not in shown


def test_an_entry_is_deleted(cache: AdaptiveCache, browser: Client) -> None:
    cache.set_many({"content:1": 1, "content:2": 2})
    data = {"key": "content:1", "q": "content:"}
    asked = text_of(browser.post(f"{PAGE}keys/delete/", data))
    assert "Delete this entry?" in asked
    assert "Group: content" in asked
    assert cache.get("content:1") == 1
    answer = browser.post(f"{PAGE}keys/delete/", {**data, "confirm": "1"})
    assert "The entry is deleted" in text_of(answer)
    assert cache.get_many(["content:1", "content:2"]) == {"content:2": 2}
    assert "There is no entry under this key" in text_of(
        browser.post(f"{PAGE}keys/delete/", {"key": "content:1", "confirm": "1"})
    )


@pytest.mark.django_db(transaction=True)
def test_each_look_is_written_down() -> None:
    browser = person("browse_cache")
    caches["default"].set("content:1", 1)
    browser.post(f"{PAGE}keys/look/", {"key": "content:1"})
    browser.post(f"{PAGE}keys/delete/", {"key": "content:1", "confirm": "1"})
    seen = [(event.kind, event.label, event.sentence) for event in history.events()][:2]
    assert seen == [("delete", "Entry deleted", "content:1"), ("look", "Entry looked at", "content:1")]


@pytest.mark.parametrize("permission", ["view_cache", "configure_cache", "clear_cache"])
def test_nobody_else_browses(permission: str) -> None:
    client = person(permission)
    assert client.get(f"{PAGE}keys/").status_code == 403
    for action in ("look", "delete"):
        assert client.post(f"{PAGE}keys/{action}/", {"key": "content:1"}).status_code == 403


# --- Values in words ---


class Odd:
    """Something that must not be asked for its own words."""

    def __init__(self) -> None:
        self.name = "odd"
        self.api_key = "swordfish"
        self._private = 1

    def __repr__(self) -> str:
        raise AssertionError


class Deaf(dict[str, int]):
    def items(self) -> Any:
        raise AssertionError


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1.5, "1.5"),
        (date(2026, 1, 2), "datetime.date(2026, 1, 2)"),
        (b"\x00", r"b'\x00'"),
        ([1, (2, 3)], "[1, (2, 3)]"),
        (frozenset({1}), "{1}"),
        ({"password": "swordfish", "a": 1}, "{password: ••••, a: 1}"),
        ([[[[[1]]]]], "[[[[…]]]]"),
        (Deaf(a=1), "{a: 1}"),
        (list(range(60)), "[" + ", ".join(map(str, range(50))) + ", …]"),
    ],
    ids=str,
)
def test_a_value_in_words(value: Any, words: str) -> None:
    assert in_words(value, shows_people=False) == words


def test_a_value_is_never_asked_for_its_own_words() -> None:
    assert in_words(Odd(), shows_people=False) == f"{__name__}.Odd(name='odd', api_key=••••)"


def test_words_are_bounded() -> None:
    assert in_words("x" * 10_000, shows_people=False) == f"'{'x' * 500}'… (10000)"
    assert len(in_words([["x" * 400] * 50] * 50, shows_people=False) or "") == LONGEST
