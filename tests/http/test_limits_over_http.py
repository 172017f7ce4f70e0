"""Every limit on every engine, over HTTP: several people with one address, side by side, on two workers."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.combinations import Combination
from tests.servers.site import Site
from tests.servers.visitor import Answer, Visitor

pytestmark = [pytest.mark.server, pytest.mark.slow]

AT_ONCE = 4
BEYOND = 12
# Requests enough to have met both workers.
BOTH_WORKERS = 20


@dataclass(frozen=True)
class Limit:
    """How often something is allowed from one address in *window* seconds, and one attempt at it."""

    allowed: int
    window: int
    ask: Callable[[Visitor], Answer]


def somebody() -> str:
    return f"nobody{secrets.token_hex(6)}"


def register(visitor: Visitor) -> Answer:
    wrong = {"username": somebody(), "email": "no address", "password1": "a", "password2": "b"}
    return visitor.post("/accounts/register/", wrong)


LIMITS = {
    "login": Limit(10, 60, lambda v: v.post("/accounts/login/", {"username": somebody(), "password": "no"})),
    "registration": Limit(10, 3600, register),
    "password reset": Limit(
        5, 3600, lambda v: v.post("/accounts/password-reset/", {"email": f"{somebody()}@example.org"})
    ),
    "search": Limit(30, 60, lambda v: v.get("/search/?q=river")),
    "API": Limit(120, 60, lambda v: v.get("/api/v1/site/")),
}


@pytest.mark.parametrize("name", LIMITS)
def test_exactly_as_many_get_through_as_are_allowed(
    name: str, combined_site: Site, combination: Combination
) -> None:
    limit = LIMITS[name]
    through = within_one_window(combined_site, limit)
    if combination.engine == "memory":
        # Each worker counts for itself; a check of the cache says so.
        assert limit.allowed <= through <= limit.allowed * 2
    else:
        assert through == limit.allowed


def test_clearing_everything_gives_no_new_attempts(combined_site: Site) -> None:
    limit, visitor = LIMITS["password reset"], combined_site.visitor()

    def clear_and_ask() -> list[int]:
        combined_site.manage("cache", "clear")
        return [limit.ask(visitor).status for _ in range(4)]

    assert set(while_refused(limit, visitor, clear_and_ask)) == {429}


def test_a_forged_address_gives_no_new_attempts(combined_site: Site) -> None:
    limit, visitor = LIMITS["search"], combined_site.visitor()

    def forge() -> list[int]:
        claims = [f"198.51.100.{number}, {visitor.address}" for number in range(8)]
        return [
            visitor.get("/search/?q=river", headers={"X-Forwarded-For": claim}).status for claim in claims
        ]

    assert set(while_refused(limit, visitor, forge)) == {429}


@pytest.mark.parametrize(
    ("spoken", "title", "hint"),
    [("en", "Too many attempts", "Try again in"), ("fr", "Trop de tentatives", "Réessayez dans")],
)
def test_who_is_refused_reads_why_and_when_to_come_back(
    spoken: str, title: str, hint: str, combined_site: Site, combination: Combination
) -> None:
    prefix = "" if spoken == combination.language else f"/{spoken}"
    visitor = combined_site.visitor()
    answer = ask_until_refused(Limit(30, 60, lambda v: v.get(f"{prefix}/search/?q=river")), visitor)
    assert f'<html lang="{spoken}"' in answer.text
    assert title in answer.text
    assert hint in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert 1 <= int(answer.headers["Retry-After"]) <= 61


def test_programs_are_refused_in_json(combined_site: Site) -> None:
    answer = ask_until_refused(LIMITS["API"], combined_site.visitor())
    assert answer.headers["Content-Type"].startswith("application/json")
    assert list(answer.json) == ["detail"]
    assert 1 <= int(answer.headers["Retry-After"]) <= 61


def within_one_window(site: Site, limit: Limit) -> int:
    """How many got through who all came from one address within one window."""
    for _ in range(4):
        begun = time.time()
        answers = everybody_at_once(site, limit)
        ended = time.time()
        statuses = Counter(answer.status for _, answer in answers)
        assert set(statuses) <= {200, 302, 429}
        # When the window of each refusal ends, to a second.
        ends = [at + int(answer.headers["Retry-After"]) for at, answer in answers if answer.status == 429]
        # The count begins anew with each window. Where one began meanwhile, try from another address; on a
        # busy machine it may have begun so late that nobody was refused in it.
        if ends and max(ends) - limit.window < begun - 2 and min(ends) > ended + 2:
            return statuses.total() - statuses[429]
    raise AssertionError("Every attempt met the beginning of a window, or nobody was ever refused")


def everybody_at_once(site: Site, limit: Limit) -> list[tuple[float, Answer]]:
    """The answers to people with one address who ask side by side, more often than both workers allow.

    Each with the time when it came.
    """
    first = site.visitor()
    people = [first, *(Visitor(first.origin, address=first.address) for _ in range(AT_ONCE - 1))]
    turns = -(-(limit.allowed * 2 + BEYOND) // AT_ONCE)
    with ThreadPoolExecutor(AT_ONCE) as crew:
        asked = crew.map(lambda visitor: [_timed(limit, visitor) for _ in range(turns)], people)
    return [answer for answers in asked for answer in answers]


def _timed(limit: Limit, visitor: Visitor) -> tuple[float, Answer]:
    answer = limit.ask(visitor)
    return time.time(), answer


def ask_until_refused(limit: Limit, visitor: Visitor) -> Answer:
    """A refusal that follows so many others that both workers, each of which may count for itself, agree."""
    let_in = in_a_row = 0
    # Who was let in is counted, and not who asked: it is chance which worker is asked next.
    while let_in <= limit.allowed * 3:
        answer = limit.ask(visitor)
        if answer.status != 429:
            let_in, in_a_row = let_in + 1, 0
            continue
        in_a_row += 1
        if in_a_row == BOTH_WORKERS:
            return answer
    raise AssertionError("Somebody was let in again and again")


def while_refused(limit: Limit, visitor: Visitor, what: Callable[[], list[int]]) -> list[int]:
    """What comes of *what* as long as the limit that *visitor* has met still stands."""
    for _ in range(3):
        refused = ask_until_refused(limit, visitor)
        ends = time.time() + int(refused.headers["Retry-After"]) - 1
        found = what()
        if time.time() < ends:
            return found
    raise AssertionError("The window ended each time")
