"""Search, on whichever database the tests run."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from django.test import Client

from content import views
from content.models import Article
from content.search import tidy
from tests.content.conftest import ArticleMaker

pytestmark = pytest.mark.django_db


def found(client: Client, query: str, prefix: str = "") -> list[str]:
    answer = client.get(f"{prefix}/search/", {"q": query})
    assert answer.status_code == 200
    return [article.title for article in answer.context["page"].articles]


@pytest.fixture(autouse=True)
def _library(new_article: ArticleMaker) -> None:
    new_article("The river in winter", summary="On ice.", body="The ferry does not run.")
    new_article("A garden", summary="Beside the river.", body="Beans and *patience*.")
    new_article("Bread", summary="With rye.", body="Flour, water, salt. <b>Bold</b> C++ 100% a_b")
    new_article("Un été à l’œuvre", language="fr", summary="Été.", body="La rivière coule. Élan, forêt.")
    new_article("Draft about a river", status=Article.Status.DRAFT)


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("river", ["A garden", "The river in winter"]),
        ("RIVER", ["A garden", "The river in winter"]),
        ("river ferry", ["The river in winter"]),
        ("ferry river", ["The river in winter"]),
        ("patience", ["A garden"]),
        ("rye", ["Bread"]),
        ("“river winter”", ["The river in winter"]),
        ("river bread", []),
        ("rivière", []),
        ("xyzzy", []),
    ],
)
def test_every_word_has_to_be_somewhere_in_the_article(query: str, titles: list[str], client: Client) -> None:
    assert found(client, query) == titles


@pytest.mark.parametrize(
    "query", ["été", "Été", "rivière", "forêt", "élan", "l’œuvre", "l'œuvre", "oeuvre rivière"]
)
def test_accents_are_found_in_french(query: str, client: Client, database: str) -> None:
    expected = ["Un été à l’œuvre"]
    if query == "oeuvre rivière" and database == "sqlite":
        expected = []  # SQLite compares letters; only PostgreSQL knows that œ is oe
    assert found(client, query, "/fr") == expected


@pytest.mark.postgres
@pytest.mark.parametrize(
    "query", ["riviere", "ete", "RIVIÈRES", "forêts", "œuvres", '"la riviere coule"', "-pluie été"]
)
def test_postgresql_knows_grammar_and_forgives_accents(query: str, client: Client) -> None:
    assert found(client, query, "/fr") == ["Un été à l’œuvre"]


@pytest.mark.postgres
def test_postgresql_keeps_its_words_up_to_date(client: Client) -> None:
    Article.objects.filter(title="Bread").update(body="Now about telescopes.")
    assert found(client, "telescope") == ["Bread"]
    assert found(client, "flour") == []


@pytest.mark.parametrize(
    "query",
    [
        "%",
        "_",
        "100%",
        "\\",
        "'",
        '"',
        "''; DROP TABLE",
        "a & | ! ( ) : *",
        "<script>alert(1)</script>",
        "-",
        "«»",
        '"" ""',
    ],
)
def test_signs_do_no_harm(query: str, client: Client) -> None:
    found(client, query)
    assert Article.objects.count() == 5


def test_a_per_cent_sign_is_no_joker(client: Client, database: str) -> None:
    assert found(client, "%%") == []
    assert found(client, "__") == []


@pytest.mark.parametrize("query", ["", "   ", "\n"])
def test_without_a_query_there_is_only_the_form(query: str, client: Client) -> None:
    answer = client.get("/search/", {"q": query})
    assert answer.status_code == 200
    assert (answer.context["query"], answer.context["notice"]) == ("", "")
    assert answer.context["page"].articles == ()


def test_a_query_no_browser_sends_is_refused(client: Client) -> None:
    assert client.get("/search/", {"q": "river\0"}).status_code == 400


@pytest.mark.parametrize(
    ("query", "notice"),
    [
        ("a", "Search for at least 2 characters."),
        ("river " * 20, "Search for at most 100 characters."),
        ("x" * 5000, "Search for at most 100 characters."),
    ],
)
def test_too_short_and_too_long_is_said(query: str, notice: str, client: Client) -> None:
    answer = client.get("/search/", {"q": query})
    assert answer.status_code == 200
    assert answer.context["notice"] == notice
    assert notice in answer.content.decode()
    assert answer.context["page"].articles == ()
    assert len(answer.context["query"]) <= 100


def test_the_query_comes_back_as_text(client: Client) -> None:
    html = client.get("/search/", {"q": '"><script>alert(1)</script>'}).content.decode()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html


def test_results_turn_their_pages_and_keep_the_query(client: Client, new_article: ArticleMaker) -> None:
    for number in range(25):
        new_article(f"Telescope {number}")
    first = client.get("/search/", {"q": "telescope"})
    cursor: Any = first.context["page"].next_cursor
    second = client.get("/search/", {"q": "telescope", "cursor": cursor})
    assert [article.title for article in second.context["page"].articles][-1] == "Telescope 0"
    assert f"?q=telescope&amp;cursor={cursor}" in first.content.decode()
    back = client.get("/search/", {"q": "telescope", "cursor": second.context["page"].previous_cursor})
    assert (back.status_code, back["Location"]) == (302, "/search/?q=telescope")


def test_who_searches_too_often_is_told_when_to_search_again(engine: str, client: Client) -> None:
    allowed = int(views.SEARCH_RATE.split("/")[0])
    # One window, whenever the test runs.
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False):
        statuses = [client.get("/search/", {"q": "river"}).status_code for _ in range(allowed + 1)]
        assert statuses == [200] * allowed + [429]
        refused = client.get("/fr/search/", {"q": "rivière"})
        assert refused.status_code == 429
        assert 1 <= int(refused["Retry-After"]) <= 61
        assert "C’était trop de fois" in refused.content.decode()
        # A search guesses no password.
        assert "mots de passe" not in refused.content.decode()
        assert client.get("/search/").status_code == 200, "the form alone is not counted"
        assert client.get("/search/", {"q": "river"}, REMOTE_ADDR="192.0.2.7").status_code == 200


def test_a_page_of_results_cannot_be_made_longer(client: Client, new_article: ArticleMaker) -> None:
    for number in range(views.PAGE_SIZE + 5):
        new_article(f"Telescope {number}")
    for wanted in ({"limit": "1000"}, {"size": "1000"}, {"page": "2"}):
        answer = client.get("/search/", {"q": "telescope", **wanted})
        assert len(answer.context["page"].articles) == views.PAGE_SIZE


@pytest.mark.parametrize(
    ("typed", "searched"), [("  a \t b\n", "a b"), ("a\0b", "a b"), ("a\u200bb", "a b"), ("l’été", "l’été")]
)
def test_what_is_typed_is_tidied(typed: str, searched: str) -> None:
    assert tidy(typed) == searched
