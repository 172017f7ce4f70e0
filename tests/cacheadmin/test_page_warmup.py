"""Warming up, and measuring, from the page."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client

from cacheadmin import benchmark, signals, warm_lock, warmup, watcher
from cacheadmin.backend import AdaptiveCache
from cacheadmin.views import benchmarking, warming
from cacheadmin.warmers import Warmer
from tests.cacheadmin.people import JSON, PAGE, person, text_of

CacheMaker = Callable[..., AdaptiveCache]
pytestmark = pytest.mark.django_db


@pytest.fixture
def warmer() -> Client:
    return person("view_cache", "warm_cache")


def store(number: int) -> None:
    caches["default"].set(f"content:{number}", number)


@pytest.fixture
def numbers(only: Callable[..., None]) -> None:
    only(Warmer("numbers", "content", warm=store, items=lambda: range(3)))


def test_a_warm_up_fills_and_says_so(cache: AdaptiveCache, warmer: Client, numbers: None) -> None:
    answer = warmer.post(f"{PAGE}warmup/", {"group": "content"}, follow=True)
    assert "3 entries are warm" in text_of(answer)
    assert "The last one: 3 entries" in text_of(answer)
    assert cache.get("content:2") == 2
    said = warmer.get(f"{PAGE}warmup/progress/").json()
    assert (said["known"], said["done"], said["over"]) == (True, 3, True)


@pytest.mark.parametrize("address", ["warmup", "warmup/"])
def test_programs_get_the_result(warmer: Client, numbers: None, address: str) -> None:
    answer = warmer.post(f"{PAGE}{address}", {"all": "1"}, headers=JSON)
    assert answer.status_code == 200
    assert (answer.json()["ok"], answer.json()["done"]) == (True, 3)


def test_before_any_warm_up_there_is_no_progress(warmer: Client) -> None:
    caches["default"].delete(warm_lock.RESULT)
    assert warmer.get(f"{PAGE}warmup/progress").json() == {"known": False, "over": True}


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({}, "Nothing was chosen"),
        ({"group": "nothing"}, "There is no group “nothing”"),
        ({"group": "users"}, "Nothing can be warmed up"),
    ],
    ids=str,
)
def test_what_cannot_be_warmed_is_told(
    warmer: Client, numbers: None, data: dict[str, str], problem: str
) -> None:
    answer = warmer.post(f"{PAGE}warmup/", data, headers=JSON)
    assert answer.status_code == 400
    assert problem in answer.json()["error"]
    assert problem in text_of(warmer.post(f"{PAGE}warmup/", data, follow=True))


def test_a_second_warm_up_waits_for_the_first(warmer: Client, numbers: None) -> None:
    first = warmup.WarmUp()
    first.begin()
    assert warmer.post(f"{PAGE}warmup/", {"all": "1"}, headers=JSON).status_code == 409
    shown = text_of(warmer.get(PAGE))
    assert 'data-running="1"' in shown
    assert "It is running: 0 entries so far" in shown
    while first.go_on():
        pass


def test_failures_are_counted(warmer: Client, only: Callable[..., None]) -> None:
    def fail(item: int) -> None:
        raise RuntimeError

    only(Warmer("numbers", "content", warm=fail, items=lambda: range(2)))
    answer = warmer.post(f"{PAGE}warmup/", {"all": "1"}, follow=True)
    assert "0 entries are warm" in text_of(answer)
    assert "2 failed" in text_of(answer)


def test_a_long_one_goes_on_in_the_background(
    warmer: Client, only: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end, has_ended = threading.Event(), threading.Event()
    # A thread of its own would have its own view of a test's database.
    only(Warmer("one", "content", warm=lambda item: may_end.wait(60), items=lambda: [1]))
    monkeypatch.setattr(watcher, "is_under_test", lambda: False)
    monkeypatch.setattr(warming, "PATIENCE", 0.0)
    monkeypatch.setattr(signals, "send", lambda *args, **kwargs: has_ended.set())
    try:
        answer = warmer.post(f"{PAGE}warmup/", {"all": "1"})
        assert answer.status_code == 302
        assert warmer.get(f"{PAGE}warmup/progress/").json()["over"] is False
        answer = warmer.post(f"{PAGE}warmup/", {"all": "1", "wait": "0"}, headers=JSON)
        assert answer.status_code == 409
    finally:
        may_end.set()
    assert has_ended.wait(60)


# --- Measuring ---


def test_the_engines_are_measured_beside_the_live_cache(
    cache: AdaptiveCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmarking, "LENGTH", 0.05)
    cache.set("content:1", 1)
    tester = person("test_cache")
    shown = text_of(tester.post(f"{PAGE}benchmark/"))
    assert "A usual mix:" in shown
    assert "<td>Memory</td>" in shown
    assert cache.get("content:1") == 1


def test_programs_may_measure_a_few_times_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmarking, "LENGTH", 0.01)
    monkeypatch.setattr(benchmarking, "MOST", 1)
    tester = person("view_cache", "test_cache")
    answers: list[Any] = [tester.post(f"{PAGE}benchmark", headers=JSON) for _ in range(3)]
    assert benchmark.MIX in answers[0].json()["verdicts"]
    assert answers[2].status_code == 429
    assert int(answers[2]["Retry-After"]) > 0
    assert "too often" in text_of(tester.post(f"{PAGE}benchmark", follow=True))
