"""What the page reckons: lines of hit rates, how long a refill takes, cards that say what is not known."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import caches
from django.utils import translation
from pytest_django import Settings

from cacheadmin import detect, refill, warmers
from cacheadmin.backend import AdaptiveCache
from cacheadmin.sparkline import Sparkline, sparklines
from cacheadmin.statistics import Counts, Hour, Statistics, statistics
from cacheadmin.templatetags.cacheadmin import grouped
from cacheadmin.views import benchmarking
from cacheadmin.warm_progress import GroupResult, Progress
from tests.cacheadmin.people import PAGE, person, text_of
from tests.cacheadmin.redis_engines import MINIMAL
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]
RedisMaker = Callable[..., RedisServer]
pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


def counted(**groups: Counts) -> Statistics:
    """A day of these groups, all of it in its first and its present hour."""
    begins = NOW - timedelta(hours=23)
    empty = statistics(hours=24)
    hours = [Hour(at, name, counts) for name, counts in groups.items() for at in (begins, NOW)]
    return replace(empty, begins=begins, since=begins, groups=groups, hours=tuple(hours))


# --- Lines ---


def test_a_line_has_a_gap_where_nothing_was_read_and_says_what_it_shows() -> None:
    line = sparklines(counted(content=Counts(hits=3, misses=1), idle=Counts(writes=5)))["content"]
    assert line.rates == (75, *[None] * 22, 75)
    assert len(line.lines) == 2
    assert line.words == "Hit rate: 75 % at first, 75 % at its lowest, 75 % lately."
    with translation.override("fr"):
        assert line.words.startswith("Taux de succès\u00a0: 75\u00a0% au début")


def test_points_go_from_left_to_right_and_stay_inside() -> None:
    line = Sparkline((0.0, 100.0, 50.0))
    points = [tuple(map(float, point.split(","))) for point in line.lines[0].split()]
    assert [x for x, _y in points] == sorted(x for x, _y in points)
    assert all(0 <= x <= line.width and 0 <= y <= line.height for x, y in points)
    assert points[1][1] < points[2][1] < points[0][1]
    assert (Sparkline((None, None)).lines, Sparkline((None,)).words) == ([], "")


def test_a_group_without_reads_has_no_line() -> None:
    assert sparklines(counted(idle=Counts(writes=5))) == {}


# --- Refilling ---


def test_what_has_a_warmer_takes_what_its_last_run_took(only: Callable[..., None]) -> None:
    only(warmers.Warmer(group="content", name="all", items=list, warm=lambda item: None))
    last = Progress({"content": GroupResult(done=30, seconds=33.0)}, is_over=True)
    found = refill.refill_time("default", ["content"], {"content": 30}, counted(), last)
    assert found == 35
    assert refill.in_words(found) == "40 s"


def test_what_has_none_takes_as_long_as_it_takes_to_be_asked_for() -> None:
    use = counted(content=Counts(hits=24 * 3600), users=Counts(hits=1))
    found = refill.refill_time("default", ["content", "users"], {"content": 100}, use, None)
    assert found == pytest.approx(100, rel=0.1)
    # Half an hour of a new site says nothing yet.
    young = replace(use, since=datetime.now(UTC) - timedelta(minutes=30))
    assert refill.refill_time("default", ["content"], {"content": 100}, young, None) is None
    assert refill.refill_time("default", ["users"], {"users": 5000}, use, None) == 3600


@pytest.mark.parametrize("held", [None, {}, {"lists": 5}])
def test_what_was_never_measured_is_not_foretold(held: dict[str, int] | None) -> None:
    assert refill.refill_time("default", ["content", "lists"], held, counted(), None) is None


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, ""), (0.2, "5 s"), (41, "50 s"), (61, "2 minutes"), (3600, "60 minutes")]
)
def test_an_estimate_is_a_round_number(seconds: float | None, words: str) -> None:
    assert refill.in_words(seconds) == words


def test_a_number_is_grouped_as_people_write_it() -> None:
    assert grouped(1245) == "1,245"
    with translation.override("fr"):
        assert grouped(1245) == "1\u00a0245"


# --- Cards and groups ---


def test_entries_and_size_are_on_cards_before_anything_was_counted(
    engine: str, fresh_statistics: None
) -> None:
    caches["default"].set_many({f"content:{number}": number for number in range(7)})
    answer = person("view_cache").get(PAGE)
    row = next(row for row in answer.context["groups"] if row.report.name == "content")
    assert (row.held.entries, row.line) == (7, None)
    assert row.held.size > 0
    shown = text_of(answer)
    assert "<dt>Entries</dt>" in shown
    assert ("Memory of the server" in shown) is (engine == "redis")
    assert ("Entries and size are those of the worker" in shown) is (engine == "memory")


def test_more_than_a_look_can_see_is_estimated_and_marked(
    new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    cache = new_cache("redis", location=redis_server.url())
    cache.set_many({f"content:{number}": 1 for number in range(9000)})
    redis_server.client().mset({f"foreign:{number}": 1 for number in range(1000)})
    answer = person("view_cache").get(PAGE)
    held = answer.context["held"]
    assert not held.is_complete
    assert held.looked_at == 500
    assert held.entries == pytest.approx(9000, rel=0.2)
    shown = text_of(answer)
    assert f"~{grouped(held.entries)}" in shown
    assert f"estimated from the {grouped(held.looked_at)} keys" in shown


def test_a_redis_that_tells_little_leaves_the_rest_of_the_page(
    new_cache: CacheMaker, new_redis: RedisMaker
) -> None:
    server = new_redis(acl=[f"user site on >secret ~* {MINIMAL}"])
    new_cache("redis", location=server.url(username="site", password="secret"))
    answer = person("view_cache").get(PAGE)
    assert answer.context["report"].status.engine == "redis"
    shown = text_of(answer)
    assert "not available: the user lacks +info" in shown
    assert "+scan is missing" in shown


@pytest.mark.django_db(transaction=True)
def test_the_table_says_when_a_group_was_last_cleared() -> None:
    owner = person(is_superuser=True)
    owner.post(f"{PAGE}clear/", {"group": "content", "confirm": "1"})
    rows = {row.report.name: row.cleared_at for row in owner.get(PAGE).context["groups"]}
    assert rows["content"] is not None
    assert rows["lists"] is None


# --- What is offered ---


def test_a_redis_elsewhere_is_offered_with_what_the_form_would_say(
    new_cache: CacheMaker, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = new_cache("file")
    monkeypatch.setattr(detect, "PORTS", (redis_server.port,))
    owner = person("view_cache", "configure_cache", "test_cache")
    assert "Found elsewhere" not in text_of(owner.get(PAGE))
    answer = owner.get(PAGE, {"more": "offers"})
    offered = next(one for one in answer.context["offers"] if str(redis_server.port) in one.candidate.address)
    assert dict(offered.fields) == {"host": "127.0.0.1", "port": redis_server.port}
    shown = text_of(answer)
    assert "Found elsewhere on this host" in shown
    assert f"Save the address redis://127.0.0.1:{redis_server.port}/0" in shown
    owner.post(f"{PAGE}address/", {name: str(value) for name, value in offered.fields})
    assert cache.space.selector.plan.location == redis_server.url()


def test_a_redis_that_asks_for_a_password_is_offered_without_a_button(
    new_cache: CacheMaker, new_redis: RedisMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_cache("file")
    locked = new_redis(password="secret")
    monkeypatch.setattr(detect, "PORTS", (locked.port,))
    shown = text_of(person("view_cache", "test_cache").get(PAGE, {"more": "offers"}))
    assert "It asks for a password" in shown
    assert f"Advanced test of redis://127.0.0.1:{locked.port}/0" not in shown


def test_whoever_may_not_test_looks_nowhere(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> None:
        raise AssertionError("nobody may look")

    monkeypatch.setattr(detect, "everywhere", fail)
    assert person("view_cache").get(PAGE, {"more": "offers"}).context["offers"] is None
    # Nor is anything offered where the environment decides.
    settings.CACHEADMIN = {"ENVIRONMENT": {"LOCATION": "REDIS_URL"}}
    assert person("view_cache", "test_cache").get(PAGE, {"more": "offers"}).context["offers"] == []


def test_looking_too_often_is_refused(new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    new_cache("file")
    monkeypatch.setattr(detect, "everywhere", lambda *args: [])
    owner = person("view_cache", "test_cache")
    for _time in range(20):
        assert owner.get(PAGE, {"more": "offers"}).context["offers"] == []
    answer = owner.get(PAGE, {"more": "offers"})
    assert answer.context["offers"] is None
    assert "That was too often" in text_of(answer)


# --- Help and benchmark ---


def test_the_help_has_a_part_for_each_link_that_leads_there() -> None:
    owner = person(is_superuser=True)
    shown = text_of(owner.get(f"{PAGE}help/"))
    parts = set(re.findall(r'<section id="(\w+)"', shown))
    linked = set(re.findall(r"help/?\?alias=default#(\w+)", text_of(owner.get(PAGE))))
    assert linked
    assert linked <= parts
    french = text_of(owner.get(f"{PAGE}help/", headers={"Accept-Language": "fr"}))
    assert "Fonctionnement du cache" in french


def test_the_benchmark_speaks_the_language_of_the_page(
    new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_cache("file")
    monkeypatch.setattr(benchmarking, "LENGTH", 0.1)
    owner = person("view_cache", "test_cache")
    shown = text_of(owner.post(f"{PAGE}benchmark/", headers={"Accept-Language": "fr"}))
    assert "Lire ce qui existe" in shown
    assert "Fichiers" in shown
    assert ">hit<" not in shown
