"""The page shows the true state, and its buttons do what they say for those who may."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client
from pytest_django import Settings

from cacheadmin.backend import AdaptiveCache
from tests.cacheadmin.conftest import nobodys_address
from tests.cacheadmin.people import JSON, PAGE, person, text_of
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]
pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer() -> Client:
    return person("view_cache")


@pytest.fixture
def clearer() -> Client:
    return person("view_cache", "clear_cache")


# --- Who may ---


@pytest.mark.parametrize(
    ("permissions", "may_look", "may_clear"),
    [
        ([], 403, 403),
        (["view_cache"], 200, 403),
        (["clear_cache"], 403, 200),
        (["view_cache", "clear_cache"], 200, 200),
        (["configure_cache", "test_cache", "warm_cache", "browse_cache"], 403, 403),
    ],
    ids=str,
)
def test_each_permission_allows_what_it_names(permissions: list[str], may_look: int, may_clear: int) -> None:
    client = person(*permissions)
    assert client.get(PAGE).status_code == may_look
    assert client.post(f"{PAGE}clear/", {"all": "1"}, headers=JSON).status_code == may_clear


def test_permissions_are_worth_nothing_outside_the_staff() -> None:
    client = person("view_cache", "clear_cache", is_staff=False)
    assert client.get(PAGE).status_code == 403
    assert client.post(f"{PAGE}clear/", {"all": "1"}).status_code == 403


def test_strangers_are_led_to_the_login_and_back(client: Client) -> None:
    answer = client.get(PAGE)
    assert answer.status_code == 302
    assert answer["Location"] == "/admin/login/?next=/admin/cache/"
    caches["default"].set("content:1", 1)
    assert client.post(f"{PAGE}clear/", {"all": "1", "confirm": "1"}).status_code == 302
    assert caches["default"].get("content:1") == 1


def test_a_superuser_may_do_everything() -> None:
    client = person(is_superuser=True)
    assert client.get(PAGE).status_code == 200
    assert client.post(f"{PAGE}clear", {"all": "1"}, headers=JSON).json()["ok"] is True


def test_without_its_token_no_post_is_taken(clearer: Client) -> None:
    caches["default"].set("content:1", 1)
    careful = Client(enforce_csrf_checks=True)
    careful.cookies = clearer.cookies
    for headers in ({}, JSON):
        assert careful.post(f"{PAGE}clear/", {"all": "1", "confirm": "1"}, headers=headers).status_code == 403
    assert caches["default"].get("content:1") == 1
    token = careful.get(PAGE).context["csrf_token"]
    data = {"all": "1", "confirm": "1", "csrfmiddlewaretoken": str(token)}
    assert careful.post(f"{PAGE}clear/", data).status_code == 302
    assert caches["default"].get("content:1") is None


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch"])
def test_nothing_but_a_post_clears(clearer: Client, method: str) -> None:
    caches["default"].set("content:1", 1)
    assert getattr(clearer, method)(f"{PAGE}clear/?all=1&confirm=1").status_code == 405
    assert caches["default"].get("content:1") == 1


def test_the_page_is_only_read(viewer: Client) -> None:
    assert viewer.post(PAGE, {"all": "1"}).status_code == 405
    assert viewer.head(PAGE).status_code == 200


# --- What it shows ---


def test_the_page_shows_the_engine_and_why(
    viewer: Client, new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    new_cache("auto", location=redis_server.url())
    shown = text_of(viewer.get(PAGE))
    assert "Working" in shown
    assert f"redis://127.0.0.1:{redis_server.port}/0" in shown
    assert "Found and working" in shown
    assert "Degraded" not in shown


def test_the_page_shows_a_loss(viewer: Client, new_cache: CacheMaker) -> None:
    cache = new_cache("redis")
    cache.set("a", "x" * 2000)
    shown = text_of(viewer.get(PAGE))
    assert "Degraded" in shown
    assert "Nothing listens at this address" in shown
    # What it counts is what is there, in the files that serve meanwhile.
    report = viewer.get(PAGE).context["report"]
    assert report.status.engine == "file"
    assert report.contents.entries >= 1
    assert report.contents.size > 2000


def test_the_page_shows_that_the_cache_is_off(viewer: Client, new_cache: CacheMaker) -> None:
    new_cache("off")
    shown = text_of(viewer.get(PAGE))
    assert "Off" in shown
    assert "Working" not in shown


def test_the_page_says_what_the_environment_fixes(viewer: Client, settings: Settings) -> None:
    settings.CACHEADMIN = {"ENVIRONMENT": {"LOCATION": "REDIS_URL"}}
    shown = text_of(viewer.get(PAGE))
    assert "LOCATION is set by the environment variable REDIS_URL, which wins over what is saved." in shown


def test_the_page_lists_every_group_with_its_life(viewer: Client) -> None:
    shown = text_of(viewer.get(PAGE))
    for name, life in (
        ("settings", "600 s"),
        ("users", "300 s"),
        ("content", "120 s"),
        ("sessions", "3600 s"),
    ):
        assert f"<code>{name}</code>" in shown
        assert life in shown


def test_who_may_not_clear_sees_no_button(viewer: Client, clearer: Client) -> None:
    assert 'name="group"' not in text_of(viewer.get(PAGE))
    assert 'name="all"' not in text_of(viewer.get(PAGE))
    shown = text_of(clearer.get(PAGE))
    assert 'name="all"' in shown
    assert 'value="content"' in shown
    # Sessions and limits have none, for anybody.
    assert 'value="sessions"' not in shown


def test_the_page_is_never_kept_by_a_browser_or_a_proxy(viewer: Client) -> None:
    assert "no-store" in viewer.get(PAGE)["Cache-Control"]


def test_the_admin_leads_to_the_page(viewer: Client) -> None:
    assert "/admin/cacheadmin/cachesettings/" in text_of(viewer.get("/admin/"))
    answer = viewer.get("/admin/cacheadmin/cachesettings/")
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    assert "cachesettings" not in text_of(person().get("/admin/"))


@pytest.mark.parametrize("address", ["add/", "default/change/", "default/delete/"])
def test_nobody_edits_the_row_by_hand(address: str) -> None:
    client = person(is_superuser=True)
    assert client.get(f"/admin/cacheadmin/cachesettings/{address}").status_code in (302, 403)


# --- Clearing ---


def test_html_asks_first_and_then_does_it(cache: AdaptiveCache, clearer: Client) -> None:
    cache.set_many({"content:1": 1, "users:1": 2})
    asked = clearer.post(f"{PAGE}clear/", {"group": ["content"]})
    assert asked.status_code == 200
    shown = text_of(asked)
    assert "Clear these groups?" in shown
    assert "Articles: 1 entry" in shown
    assert "1 entry is emptied." in shown
    assert "The site may be slower for" in shown
    assert "These stay:" in shown
    assert 'name="confirm" value="1"' in shown
    assert cache.get("content:1") == 1
    done = clearer.post(f"{PAGE}clear/", {"group": ["content"], "confirm": "1"}, follow=True)
    assert "Cleared: Articles. It fills again by itself." in text_of(done)
    assert cache.get_many(["content:1", "users:1"]) == {"users:1": 2}


def test_the_confirmation_can_be_sent_as_it_is_shown(cache: AdaptiveCache, clearer: Client) -> None:
    cache.set_many({"content:1": 1, "sessions:1": 2})
    asked = clearer.post(f"{PAGE}clear/", {"all": "1"})
    names = re.findall(r'name="group" value="(\w+)"', text_of(asked))
    clearer.post(f"{PAGE}clear/", {"group": names, "confirm": "1"})
    assert cache.get_many(["content:1", "sessions:1"]) == {"sessions:1": 2}


@pytest.mark.parametrize("address", ["clear", "clear/"])
def test_json_acts_at_once_with_and_without_a_slash(
    cache: AdaptiveCache, clearer: Client, address: str
) -> None:
    cache.set_many({"content:1": 1, "lists:1": 2, "users:1": 3})
    answer = clearer.post(f"{PAGE}{address}", {"group": ["content", "lists"]}, headers=JSON)
    assert answer.status_code == 200
    result = answer.json()
    assert (result["ok"], result["cleared"]) == (True, ["content", "lists"])
    assert {"users", "sessions"} <= set(result["spared"])
    assert result["ms"] >= 0
    assert cache.get_many(["content:1", "lists:1", "users:1"]) == {"users:1": 3}


def test_clearing_all_spares_sessions_and_limits(engine: str, clearer: Client) -> None:
    caches["default"].set("plain", 1)
    caches["ratelimit"].set("plain", 2)
    result = clearer.post(f"{PAGE}clear/", {"all": "1"}, headers=JSON).json()
    assert set(result["spared"]) == {"sessions", "ratelimit"}
    assert (caches["default"].get("plain"), caches["ratelimit"].get("plain")) == (None, 2)
    assert clearer.get(PAGE).status_code == 200


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({}, "Nothing was chosen"),
        ({"group": ""}, "There is no group “”"),
        ({"group": "nothing"}, "There is no group “nothing”"),
        ({"group": ["content", "<script>"]}, "There is no group “<script>”"),
        ({"group": "x" * 5000}, f"There is no group “{'x' * 100}”"),
        ({"group": "sessions"}, "protected"),
        ({"group": ["content", "ratelimit"]}, "protected"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bad_input_clears_nothing_and_says_why(clearer: Client, data: dict[str, Any], problem: str) -> None:
    caches["default"].set("content:1", 1)
    answer = clearer.post(f"{PAGE}clear/", {**data, "confirm": "1"}, headers=JSON)
    assert answer.status_code == 400
    assert answer.json()["ok"] is False
    assert problem in answer.json()["error"]
    shown = text_of(clearer.post(f"{PAGE}clear/", {**data, "confirm": "1"}, follow=True))
    assert problem.replace("<", "&lt;").replace(">", "&gt;") in shown
    assert caches["default"].get("content:1") == 1


def test_the_page_and_its_buttons_work_while_redis_is_away(
    clearer: Client, new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    cache = new_cache("redis", location=redis_server.url())
    cache.set("content:1", 1)
    redis_server.kill()
    assert clearer.post(f"{PAGE}clear/", {"all": "1"}, headers=JSON).json()["ok"] is True
    assert "Degraded" in text_of(clearer.get(PAGE))


def test_a_password_in_the_address_is_not_shown(viewer: Client, new_cache: CacheMaker) -> None:
    host = nobodys_address().split("//")[1]
    new_cache("redis", location=f"redis://ann:swordfish@{host}?password=swordfish")
    shown = text_of(viewer.get(PAGE))
    assert f"ann@{host.split('/')[0]}" in shown
    assert "swordfish" not in shown
