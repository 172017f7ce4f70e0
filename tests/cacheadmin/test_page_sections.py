"""What the page shows, section by section, and what it costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import caches
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from cacheadmin import history, stats
from cacheadmin.backend import AdaptiveCache
from tests.cacheadmin.people import JSON, PAGE, person, text_of
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]
pytestmark = pytest.mark.django_db
BUTTONS = ("engine", "address", "clear", "warmup", "lifetime", "rollback", "benchmark", "test-redis")
SECTIONS = ("engine", "redis", "statistics", "actions", "warmup", "groups", "top", "advice", "history")


def test_the_sections_come_in_the_order_of_an_owners_questions(engine: str) -> None:
    shown = text_of(person(is_superuser=True).get(PAGE))
    places = [shown.index(f'<section id="{name}"') for name in (*SECTIONS, "diagnostics")]
    assert places == sorted(places)


def test_a_viewer_sees_no_button_that_does_anything() -> None:
    shown = text_of(person("view_cache").get(PAGE))
    for name in set(BUTTONS) - {"engine"}:
        assert f'action="/admin/cache/{name}' not in shown, name
    assert "Change the engine" not in shown
    assert '<fieldset class="cacheadmin-choices" disabled>' in shown


@pytest.mark.parametrize(
    ("permission", "sees"),
    [
        ("configure_cache", ("Change the engine", "Save the address", "/admin/cache/lifetime")),
        ("test_cache", ("Test connection", "Advanced test", "/admin/cache/benchmark")),
        ("clear_cache", ("Clear all",)),
        ("warm_cache", ("/admin/cache/warmup",)),
        ("browse_cache", ("Look for keys",)),
    ],
)
def test_a_permission_shows_its_buttons_and_no_others(permission: str, sees: tuple[str, ...]) -> None:
    shown = text_of(person("view_cache", permission).get(PAGE))
    for words in sees:
        assert words in shown
    every = (
        "Change the engine",
        "Test connection",
        "Clear all",
        'action="/admin/cache/warmup',
        "Look for keys",
    )
    mine = sum(words in shown for words in every)
    assert mine == 1


def test_each_cache_has_a_page_of_its_own() -> None:
    viewer = person("view_cache")
    shown = text_of(viewer.get(f"{PAGE}?alias=sessions"))
    assert 'href="?alias=sessions" aria-current="page"' in shown
    assert viewer.get(f"{PAGE}?alias=nobody").status_code == 404


def test_a_page_of_another_cache_acts_on_that_cache() -> None:
    caches["default"].set("content:1", 1)
    caches["ratelimit"].set("content:1", 2)
    clearer = person("view_cache", "clear_cache")
    answer = clearer.post(f"{PAGE}clear/", {"alias": "ratelimit", "group": "content", "confirm": "1"})
    assert answer["Location"] == f"{PAGE}?alias=ratelimit#actions"
    assert caches["default"].get("content:1") == 1


def test_statistics_are_counted_shown_and_put_into_hours(engine: str, fresh_statistics: None) -> None:
    cache = caches["default"]
    viewer = person("view_cache")
    cache.set("content:1", 1)
    for _ in range(3):
        cache.get("content:1")
    cache.get("content:2")
    for period in ("24", "168"):
        answer = viewer.get(PAGE, {"hours": period})
        figures = answer.context["figures"]
        content = viewer.get(PAGE, {"hours": period, "of": "content"}).context["figures"]
        assert (content.total.hits, content.total.misses) == (3, 1)
        assert figures.total.hits >= 3
        assert len(figures.rows) == int(period)
        assert content.rows[-1].counts.hits == 3
        assert content.percent == 75
        assert '<option value="content" >' in text_of(answer)
        shown = text_of(viewer.get(PAGE, {"hours": period, "of": "content"}))
        assert '<data value="75.0">' in shown


def test_an_empty_cache_says_what_will_appear(
    fresh_statistics: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stats, "is_on", lambda: False)
    viewer = person("view_cache")
    answer = viewer.get(f"{PAGE}?alias=ratelimit")
    assert "Nothing was counted in this period yet" in text_of(answer)
    assert "Statistics are switched off" in text_of(answer)
    assert "No key was read yet" in text_of(answer)


@pytest.mark.django_db(transaction=True)
def test_a_clear_is_a_mark_in_its_hour() -> None:
    owner = person(is_superuser=True)
    owner.post(f"{PAGE}clear/", {"group": "content"}, headers=JSON)
    figures = owner.get(PAGE).context["figures"]
    assert figures.rows[-1].events == ("Cleared",)
    assert text_of(owner.get(PAGE)).count("Cleared") >= 2


def test_without_its_tables_the_page_shows_the_rest_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> None:
        raise DatabaseError("no such table")

    monkeypatch.setattr(history, "events", fail)
    answer = person("view_cache").get(PAGE)
    assert answer.status_code == 200
    assert "The history cannot be read" in text_of(answer)


def test_the_page_costs_the_same_with_many_keys(engine: str) -> None:
    owner = person(is_superuser=True)
    owner.get(PAGE)

    def cost() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert owner.get(PAGE).status_code == 200
        # The site has queries of its own, for who looks; the saved settings are read once a second.
        said = [query["sql"] for query in seen.captured_queries if "UNION" not in query["sql"]]
        return sum("cacheadmin_" in sql for sql in said)

    few = cost()
    caches["default"].set_many({f"content:{number}": number for number in range(3000)})
    assert cost() == few
    assert few <= 10


def test_the_page_sends_redis_the_same_few_commands_whatever_it_holds(
    new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    cache = new_cache("redis", location=redis_server.url())
    owner = person(is_superuser=True)
    owner.get(PAGE)

    def commands() -> tuple[int, int]:
        before = Counter(redis_server.commands_seen())
        assert owner.get(PAGE).status_code == 200
        sent = Counter(redis_server.commands_seen()) - before
        # Of some entries the size is asked for, all in one go.
        sizes = sent.pop("memory|usage", 0)
        return sent.total(), sizes

    few, sizes = commands()
    cache.set_many({f"content:{number}": number for number in range(5000)})
    many, more_sizes = commands()
    # The watcher of a lost engine, or an exchange of generations that is due, may come in between.
    assert abs(many - few) <= 10
    assert few <= 80
    assert sizes <= more_sizes <= 500


def test_diagnostics_hold_no_secret(new_cache: CacheMaker, settings: Settings) -> None:
    host = "127.0.0.1:1"
    new_cache("redis", location=f"redis://ann:swordfish@{host}/0")
    viewer = person("view_cache")
    for query in ("", "?format=json"):
        answer = viewer.get(f"{PAGE}diagnostics/{query}")
        assert answer.status_code == 200
        assert "swordfish" not in text_of(answer)
        assert settings.SECRET_KEY not in text_of(answer)
        assert host in text_of(answer)
    assert viewer.get(f"{PAGE}diagnostics", headers=JSON).json()["cache"]["choice"] == "redis"
    assert "swordfish" not in text_of(viewer.get(PAGE))


def test_the_first_page_of_the_administration_has_a_card() -> None:
    assert 'id="cacheadmin-card-title"' in text_of(person("view_cache").get("/admin/"))
    assert 'id="cacheadmin-card-title"' not in text_of(person().get("/admin/"))


def test_the_page_speaks_french() -> None:
    user: Any = get_user_model()
    viewer = person("view_cache")
    assert user.objects.exists()
    shown = text_of(viewer.get(PAGE, headers={"Accept-Language": "fr"}))
    assert "Groupes et durées de vie" in shown
    assert "Groups and lifetimes" not in shown


def test_pages_as_files_are_explained_and_counted(
    settings: Settings, tmp_path: Path, new_cache: CacheMaker
) -> None:
    new_cache("file")
    owner = person(is_superuser=True)
    assert "Off. The site answers its visitors itself." in text_of(owner.get(PAGE))
    settings.CACHEADMIN = {"PAGES_DIRECTORY": str(tmp_path / "direct")}
    assert f"Pages in {tmp_path / 'direct'}: 0, 0\xa0bytes" in text_of(owner.get(PAGE))
    place_of_index = tmp_path / "direct" / "index.sqlite3"
    place_of_index.parent.mkdir(exist_ok=True)
    place_of_index.mkdir()
    assert "cannot be looked at" in text_of(owner.get(PAGE))
    assert "Pages as files" not in text_of(owner.get(f"{PAGE}?alias=sessions"))
