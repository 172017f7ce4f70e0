"""How often somebody may do something."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, cast

import pytest
import time_machine
from django.contrib.auth.models import AnonymousUser
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django_ratelimit.core import get_usage
from pytest_django import Settings

from cacheadmin import shared
from cacheadmin.backend import AdaptiveCache
from core.limits import by_field, limited, usage
from tests.cacheadmin.following import be_behind

pytestmark = pytest.mark.django_db


@limited("tests", "3/m")
def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("here you are")


def ask(address: str = "203.0.113.7", **extra: Any) -> HttpResponse:
    answer = page(RequestFactory().get("/", REMOTE_ADDR=address, **extra))
    assert isinstance(answer, HttpResponse)
    return answer


def test_it_lets_pass_exactly_as_many_as_it_says(engine: str) -> None:
    assert [ask().status_code for _ in range(6)] == [200, 200, 200, 429, 429, 429]


def test_a_worker_that_is_behind_follows_before_it_counts(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    while ask().status_code == 200:
        pass
    be_behind(cast(AdaptiveCache, caches["ratelimit"]), monkeypatch)
    assert ask().status_code == 429


def test_what_was_counted_while_another_thread_followed_is_counted_again(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    while ask().status_code == 200:
        pass
    selector = cast(AdaptiveCache, caches["ratelimit"]).space.selector
    counted: list[int] = []

    def count_while_others_move(*args: Any, **more: Any) -> Any:
        newer = selector.follows + 1
        if not counted:
            with selector.words.change():
                selector.words.write(shared.PLAN, newer)
        found = get_usage(*args, **more)
        # Another thread of this worker has read the newer choice meanwhile.
        monkeypatch.setattr(selector, "_fingerprint", selector.words.read(shared.PLAN))
        counted.append(found["count"])
        return found

    monkeypatch.setattr("core.limits.get_usage", count_while_others_move)
    assert ask().status_code == 429
    assert counted[0] < counted[1]


def test_another_address_has_a_count_of_its_own(engine: str) -> None:
    for _ in range(4):
        ask()
    assert ask("203.0.113.8").status_code == 200


def test_who_waits_as_long_as_it_says_is_let_in_and_a_second_earlier_is_not() -> None:
    with time_machine.travel("2026-03-01T12:00:17Z", tick=False) as clock:
        while (answer := ask()).status_code == 200:
            pass
        wait = int(answer.headers["Retry-After"])
        assert 1 <= wait <= 60
        clock.shift(timedelta(seconds=wait - 1))
        assert ask().status_code == 429
        clock.shift(timedelta(seconds=1))
        assert ask().status_code == 200


def test_the_page_says_in_words_how_long_to_wait() -> None:
    for _ in range(3):
        ask()
    answer = ask()
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.headers["Retry-After"] in answer.content.decode()
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "extra",
    [{"path": "/api/v1/articles/"}, {"headers": {"Accept": "application/json"}}],
    ids=["api", "accept"],
)
def test_programs_are_answered_in_json(extra: dict[str, Any]) -> None:
    request = RequestFactory().get(extra.pop("path", "/"), **extra)
    answers = [page(request) for _ in range(4)]
    refused = answers[-1]
    assert isinstance(refused, HttpResponse)
    assert refused.status_code == 429
    assert refused.headers["Retry-After"]
    assert "too often" in json.loads(refused.content)["detail"]


def test_only_the_methods_it_names_are_counted() -> None:
    @limited("tests-post", "1/m", methods=("POST",))
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    requests = RequestFactory()
    assert [view(requests.get("/")).status_code for _ in range(3)] == [200] * 3
    assert [view(requests.post("/")).status_code for _ in range(2)] == [200, 429]


def test_what_was_typed_counts_in_whatever_way_it_was_written() -> None:
    @limited("tests-field", "2/m", by=by_field("username"))
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    typed = ["ann", " ANN ", "\uff21nn", "bob", "", "", ""]
    answers = [view(RequestFactory().post("/", {"username": name})) for name in typed]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 200, 200, 200, 200]


def test_an_address_is_not_mistaken_for_a_name_that_is_written_like_it() -> None:
    by_ip = limited("tests-mixed", "1/m")
    by_name = limited("tests-mixed", "1/m", by=by_field("username"))

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    request = RequestFactory().post("/", {"username": "203.0.113.7"}, REMOTE_ADDR="203.0.113.7")
    assert by_ip(view)(request).status_code == 200
    assert by_name(view)(request).status_code == 200


def test_visitors_without_an_account_are_told_apart_by_address() -> None:
    @limited("tests-user", "1/m", by="user")
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    def visit(address: str) -> int:
        request = RequestFactory().get("/", REMOTE_ADDR=address)
        request.user = AnonymousUser()
        return view(request).status_code

    assert [visit("203.0.113.7"), visit("203.0.113.8"), visit("203.0.113.7")] == [200, 200, 429]


def test_one_ipv6_network_counts_as_one() -> None:
    assert [ask(f"2001:db8:0:1::{n}").status_code for n in range(1, 5)] == [200, 200, 200, 429]
    assert ask("2001:db8:0:2::1").status_code == 200


def test_a_forged_address_gives_no_new_count() -> None:
    answers = [ask(HTTP_X_FORWARDED_FOR=f"198.51.100.{n}") for n in range(4)]
    assert answers[-1].status_code == 429


def test_behind_a_trusted_proxy_clients_are_told_apart(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.1"]
    answers = [ask("10.0.0.1", HTTP_X_FORWARDED_FOR="198.51.100.1").status_code for _ in range(4)]
    assert answers == [200, 200, 200, 429]
    assert ask("10.0.0.1", HTTP_X_FORWARDED_FOR="198.51.100.2").status_code == 200


def test_limits_can_be_switched_off(settings: Settings, rf: RequestFactory) -> None:
    settings.RATELIMIT_ENABLE = False
    assert {ask().status_code for _ in range(5)} == {200}
    assert usage(rf.get("/"), "tests", "1/m", "anybody") is None


def test_usage_tells_where_a_request_stands(rf: RequestFactory) -> None:
    first = usage(rf.get("/"), "tests-usage", "1/h", "key")
    second = usage(rf.get("/"), "tests-usage", "1/h", "key")
    assert first is not None
    assert second is not None
    assert (first.count, first.limit, first.exceeded) == (1, 1, False)
    assert (second.count, second.limit, second.exceeded) == (2, 1, True)
    assert 1 <= second.retry_after <= 3600
