"""What the API answers, held against its own description by schemathesis; cursors nobody gave out."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from pytest_django import Settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from content import keyset
from content.keyset import MalformedCursor
from tests.content.conftest import ArticleMaker, ImageMaker, MemberMaker

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

# The same cases on each run: what it finds can be found again.
thorough = effort(
    max_examples=80,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(autouse=True)
def _one_connection() -> Iterator[None]:
    """As Django's test client does: the end of a request does not close the test's own connection."""
    for moment in (request_started, request_finished):
        moment.disconnect(close_old_connections)
    yield
    for moment in (request_started, request_finished):
        moment.connect(close_old_connections)


@pytest.fixture(autouse=True)
def _library(
    new_article: ArticleMaker, new_member: MemberMaker, new_image: ImageMaker, settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    settings.RATELIMIT_ENABLE = False
    new_article("Rain", tags=("weather",), cover=new_image())
    new_article("Pluie", language="fr", author=new_member("grace"))
    for _ in range(4):
        new_article()


def operations() -> dict[str, Any]:
    """What the description describes, by path."""
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application())
    return {path: schema[path]["GET"] for path in schema}


@pytest.mark.parametrize(
    ("path", "mode", "seen"),
    [
        ("/api/v1/articles/", GenerationMode.POSITIVE, {200}),
        ("/api/v1/articles/", GenerationMode.NEGATIVE, {400}),
        ("/api/v1/articles/{slug}/", GenerationMode.POSITIVE, {404}),
        ("/api/v1/articles/{slug}/", GenerationMode.NEGATIVE, {400}),
        # It takes nothing that could be wrong.
        ("/api/v1/site/", GenerationMode.POSITIVE, {200}),
    ],
    ids=lambda value: value.value if isinstance(value, GenerationMode) else str(value),
)
def test_every_answer_is_one_that_the_description_promises(
    path: str, mode: GenerationMode, seen: set[int]
) -> None:
    operation, statuses = operations()[path], set()

    @thorough
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        # No description of a text tells which cursors were given out: the others are a 400, as it says.
        forgiven = [positive_data_acceptance] if "cursor" in (case.query or {}) else []
        # The client of schemathesis unpacks nothing.
        plain = {"Accept-Encoding": "identity"}
        statuses.add(case.call_and_validate(headers=plain, excluded_checks=forgiven).status_code)

    ask()
    assert seen <= statuses <= {200, 400, 404, 405}


@pytest.mark.parametrize("slug", ["rain", "pluie"])
def test_an_article_is_as_it_is_described(slug: str) -> None:
    case = operations()["/api/v1/articles/{slug}/"].Case(path_parameters={"slug": slug})
    assert case.call_and_validate(headers={"Accept-Encoding": "identity"}).status_code == 200


def test_the_operations_are_those_that_are_tested_here() -> None:
    assert set(operations()) == {"/api/v1/articles/", "/api/v1/articles/{slug}/", "/api/v1/site/"}


# --- Cursors ---

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


near_misses = st.builds(
    lambda direction, moment, number: encoded(f"{direction}{moment}.{number}"),
    st.sampled_from("noNOx"),
    st.integers(-(10**20), 10**20),
    st.integers(-10, 2**70),
)
words = st.one_of(st.text(max_size=90), st.text(ALPHABET, max_size=70), near_misses)


@thorough
@given(word=words)
def test_a_cursor_is_read_back_as_it_was_written_or_refused(word: str) -> None:
    try:
        cursor = keyset.parse(word)
    except MalformedCursor:
        return
    assert str(cursor) == word


def test_any_cursor_is_a_page_or_a_refusal_in_words(client: Client) -> None:
    statuses = set()

    @thorough
    @given(word=words)
    def ask(word: str) -> None:
        answer = client.get("/api/v1/articles/", {"cursor": word})
        page = client.get("/articles/", {"cursor": word})
        statuses.add((answer.status_code, page.status_code))
        assert set(answer.json()) in ({"detail"}, {"articles", "next", "previous"})

    ask()
    # An empty cursor is the beginning; a NUL is refused before anybody looks; 302 leads to the beginning.
    assert {(200, 200), (400, 404)} <= statuses <= {(200, 200), (200, 302), (400, 404), (400, 400)}


@thorough
@given(data=st.data())
def test_a_cursor_that_was_changed_by_a_letter_is_another_place_or_none(data: st.DataObject) -> None:
    moment, number = data.draw(st.integers(0, 10**16)), data.draw(st.integers(1, 10**9))
    word = encoded(f"o{moment}.{number}")
    at = data.draw(st.integers(0, len(word) - 1))
    changed = word[:at] + data.draw(st.sampled_from(ALPHABET)) + word[at + 1 :]
    try:
        cursor = keyset.parse(changed)
    except MalformedCursor:
        return
    assert (cursor == keyset.parse(word)) is (changed == word)
