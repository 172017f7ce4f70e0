"""The read API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from content import api
from content.models import Article
from tests.content.conftest import (
    LONG_AGO,
    ArticleMaker,
    ImageMaker,
    MemberMaker,
    SettingsMaker,
    content_queries,
)

pytestmark = pytest.mark.django_db

ARTICLES = "/api/v1/articles/"


def listed(client: Client, **wanted: Any) -> list[str]:
    answer = client.get(ARTICLES, wanted)
    assert answer.status_code == 200, answer.content
    return [article["title"] for article in answer.json()["articles"]]


def assert_is_error(answer: Any, status: int, words: str) -> None:
    assert answer.status_code == status
    assert answer["Content-Type"].split(";")[0] == "application/json"
    assert list(answer.json()) == ["detail"]
    assert words in answer.json()["detail"]


# --- Articles ---


def test_an_article_in_the_list_says_all_that_a_list_shows(
    client: Client, new_article: ArticleMaker, new_image: ImageMaker
) -> None:
    article = new_article("Rain", tags=("weather",), cover=new_image((900, 500)), published_at=LONG_AGO)
    [entry] = client.get(ARTICLES).json()["articles"]
    assert entry.pop("updated_at")
    assert entry == {
        "id": article.pk,
        "title": "Rain",
        "slug": "rain",
        "summary": "Summary 1.",
        "language": "en",
        "url": "http://testserver/articles/rain/",
        "published_at": "2020-01-01T12:00:00Z",
        "author": {"username": "ada", "name": "Ada Byron", "url": "http://testserver/authors/ada/"},
        "tags": [{"name": "weather", "slug": "weather", "url": "http://testserver/tags/weather/"}],
        "cover": {"url": f"http://testserver/media/{article.cover.name}", "width": 900, "height": 500},
        "reading_minutes": 1,
    }


def test_one_article_comes_with_its_text(client: Client, new_article: ArticleMaker) -> None:
    new_article("Pluie", language="fr", body="# Eau\n\nElle *tombe*.")
    article = client.get("/api/v1/articles/pluie/").json()
    assert article["body_html"] == "<h2>Eau</h2>\n<p>Elle <em>tombe</em>.</p>\n"
    assert article["word_count"] == 3
    assert article["url"] == "http://testserver/fr/articles/pluie/"
    assert article["author"]["url"] == "http://testserver/fr/authors/ada/"
    assert article["cover"] is None


def test_following_next_reads_everything_once_and_previous_leads_back(
    client: Client, new_article: ArticleMaker
) -> None:
    for number in range(7):
        new_article(str(number))
    pages = [client.get(ARTICLES, {"limit": 3}).json()]
    while pages[-1]["next"]:
        pages.append(client.get(ARTICLES, {"limit": 3, "cursor": pages[-1]["next"]}).json())
    titles = [[article["title"] for article in page["articles"]] for page in pages]
    assert titles == [["6", "5", "4"], ["3", "2", "1"], ["0"]]
    assert pages[0]["previous"] is None
    back = client.get(ARTICLES, {"limit": 3, "cursor": pages[2]["previous"]}).json()
    assert [article["title"] for article in back["articles"]] == titles[1]


def test_the_list_can_be_narrowed_down(
    client: Client, new_article: ArticleMaker, new_member: MemberMaker
) -> None:
    new_article("one", tags=("rain",))
    new_article("deux", language="fr", tags=("rain",))
    new_article("three", author=new_member("grace"), tags=("snow",))
    assert listed(client) == ["three", "deux", "one"]
    assert listed(client, language="fr") == ["deux"]
    assert listed(client, tag="rain") == ["deux", "one"]
    assert listed(client, author="grace") == ["three"]
    assert listed(client, tag="rain", language="en", author="ada") == ["one"]
    assert listed(client, tag="rain", author="grace") == []


def test_a_page_has_twenty_articles_unless_told_otherwise(client: Client, new_article: ArticleMaker) -> None:
    for number in range(25):
        new_article(str(number))
    assert len(listed(client)) == 20
    assert len(listed(client, limit=1)) == 1
    assert len(listed(client, limit=100)) == 25


def test_drafts_and_the_future_are_not_there(client: Client, new_article: ArticleMaker) -> None:
    new_article("draft", status=Article.Status.DRAFT)
    new_article("later", published_at=timezone.now() + timedelta(days=1))
    assert listed(client) == []
    for slug in ("draft", "later"):
        assert_is_error(client.get(f"{ARTICLES}{slug}/"), 404, "There is no such article.")


@pytest.mark.parametrize("number", [2, 15])
def test_a_page_costs_the_same_queries_however_long(
    number: int, client: Client, new_article: ArticleMaker, new_member: MemberMaker
) -> None:
    for position in range(number):
        new_article(author=new_member(f"author{position}"), tags=("all", f"tag{position}"))
    with content_queries() as queries:
        assert len(listed(client)) == number
    assert len(queries) == 3
    with content_queries() as queries:
        assert len(listed(client)) == number
    assert len(queries) == 0


# --- What cannot be ---


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"limit": "0"}, "“limit”: at least 1."),
        ({"limit": "101"}, "“limit”: at most 100."),
        ({"limit": "-1"}, "“limit”: at least 1."),
        ({"limit": "ten"}, "“limit”: a whole number is expected."),
        ({"limit": "1.5"}, "“limit”: a whole number is expected."),
        ({"limit": ""}, "“limit”: a whole number is expected."),
        ({"limit": "9" * 400}, "“limit”: "),
        ({"language": "de"}, "“language”: one of 'en' or 'fr'."),
        ({"cursor": "x"}, "This cursor is none of ours."),
        ({"cursor": "AAAA"}, "This cursor is none of ours."),
        ({"cursor": "a" * 65}, "“cursor”: at most 64 characters."),
        ({"tag": "a" * 61}, "“tag”: at most 60 characters."),
    ],
)
def test_a_parameter_that_cannot_be_is_told_in_words(
    wanted: dict[str, str], words: str, client: Client
) -> None:
    assert_is_error(client.get(ARTICLES, wanted), 400, words)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/api/v1/articles/made-up/", "There is no such article."),
        ("/api/v1/articles/?tag=made-up", "There is no tag of this name."),
        ("/api/v1/articles/?author=made-up", "There is no author of this name."),
        ("/api/v1/articles/?author=%F0%9F", "There is no author of this name."),
        ("/api/v1/made-up/", ""),
        ("/api/v2/articles/", ""),
    ],
)
def test_what_does_not_exist_is_told_in_words(
    path: str, words: str, client: Client, new_article: ArticleMaker
) -> None:
    new_article()
    assert_is_error(client.get(path), 404, words)


@pytest.mark.parametrize("path", ["rain%00/", "ra%00in/", "?tag=ra%00in", "?author=a%00da", "?cursor=%00"])
def test_a_nul_is_refused_and_not_left_out(path: str, client: Client, new_article: ArticleMaker) -> None:
    new_article("Rain", tags=("rain",))
    assert_is_error(client.get(f"{ARTICLES}{path}"), 400, "could not be understood")


def test_a_tag_that_only_drafts_have_is_none(client: Client, new_article: ArticleMaker) -> None:
    new_article("Secret", tags=("secret",), status=Article.Status.DRAFT)
    assert_is_error(client.get(ARTICLES, {"tag": "secret"}), 404, "There is no tag of this name.")


def test_it_speaks_the_language_of_whoever_asks(client: Client) -> None:
    headers = {"Accept-Language": "fr"}
    answer = client.get("/api/v1/articles/made-up/", headers=headers)
    assert answer["Content-Language"] == "fr"
    assert "Accept-Language" in answer["Vary"]


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_it_can_only_be_read(method: str, client: Client) -> None:
    for path in (ARTICLES, "/api/v1/articles/rain/", "/api/v1/site/"):
        answer = getattr(client, method)(path)
        assert_is_error(answer, 405, "can only be read")
        assert answer["Allow"] == "GET, HEAD"


def test_head_answers_as_get_without_the_body(client: Client) -> None:
    whole, head = client.get(ARTICLES), client.head(ARTICLES)
    assert head.status_code == 200
    assert head.content == b""
    assert head["Content-Type"] == whole["Content-Type"]


def test_an_address_without_its_slash_is_sent_on(client: Client) -> None:
    answer = client.get("/api/v1/articles")
    assert (answer.status_code, answer["Location"]) == (301, ARTICLES)


# --- Limits ---


# One window, whenever the test runs.
@time_machine.travel("2026-03-01T12:00:00Z", tick=False)
def test_who_asks_too_often_is_told_when_to_ask_again(engine: str, client: Client) -> None:
    allowed = int(api.RATE.split("/")[0])
    for _ in range(allowed):
        assert client.get("/api/v1/articles/made-up/").status_code == 404
    for path in (ARTICLES, "/api/v1/site/", "/api/v1/openapi.json"):
        answer = client.get(path)
        assert_is_error(answer, 429, "too often")
        assert 1 <= int(answer["Retry-After"]) <= 61
    assert client.get(ARTICLES, REMOTE_ADDR="192.0.2.7").status_code == 200


# --- Other sites ---


def test_scripts_of_other_sites_read_nothing_unless_the_owner_names_them(client: Client) -> None:
    answer = client.get(ARTICLES, headers={"Origin": "https://app.example.org"})
    assert not [name for name in answer.headers if name.startswith("Access-Control-")]
    assert "Origin" not in answer["Vary"]


@pytest.mark.parametrize(
    ("allowed", "origin", "told"),
    [
        (["https://app.example.org"], "https://app.example.org", "https://app.example.org"),
        (["https://app.example.org"], "https://app.example.org.evil.example", None),
        (["https://app.example.org"], "http://app.example.org", None),
        (["https://app.example.org"], None, None),
        (["*"], "https://anybody.example", "https://anybody.example"),
    ],
)
def test_scripts_of_a_named_site_read_everything(
    allowed: list[str], origin: str | None, told: str | None, client: Client, settings: Settings
) -> None:
    settings.API_ALLOWED_ORIGINS = allowed
    for path in (ARTICLES, f"{ARTICLES}made-up/", "/api/v1/openapi.json"):
        answer = client.get(path, headers={"Origin": origin} if origin else {})
        assert answer.headers.get("Access-Control-Allow-Origin") == told
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "Origin" in answer["Vary"]


@time_machine.travel("2026-03-01T12:00:00Z", tick=False)
def test_a_script_of_a_named_site_is_told_of_the_limit_too(client: Client, settings: Settings) -> None:
    settings.API_ALLOWED_ORIGINS = ["https://app.example.org"]
    origin = {"Origin": "https://app.example.org"}
    for _ in range(int(api.RATE.split("/")[0])):
        client.get("/api/v1/site/", headers=origin)
    answer = client.get("/api/v1/site/", headers=origin)
    assert answer.status_code == 429
    assert answer["Access-Control-Allow-Origin"] == "https://app.example.org"
    assert "Retry-After" in answer["Access-Control-Expose-Headers"]


# --- The site, the description ---


def test_it_tells_about_the_site(
    client: Client, site_settings: SettingsMaker, new_article: ArticleMaker
) -> None:
    site_settings(name="My site", tagline="Slow news", language="fr", registration_open=False)
    new_article(tags=("rain",))
    assert client.get("/api/v1/site/").json() == {
        "name": "My site",
        "tagline": "Slow news",
        "language": "fr",
        "languages": ["en", "fr"],
        "url": "http://testserver/",
        "feed_url": "http://testserver/articles/feed/",
        "registration_open": False,
        "articles": 1,
        "authors": 1,
        "tags": 1,
    }


def test_the_description_names_every_address_and_error(client: Client) -> None:
    description = client.get("/api/v1/openapi.json").json()
    assert set(description["paths"]) == {
        "/api/v1/articles/",
        "/api/v1/articles/{slug}/",
        "/api/v1/site/",
    }
    operation = description["paths"]["/api/v1/articles/"]["get"]
    assert {parameter["name"] for parameter in operation["parameters"]} == {
        *("cursor", "limit", "language", "tag", "author")
    }
    limit = next(parameter for parameter in operation["parameters"] if parameter["name"] == "limit")
    assert (limit["schema"]["minimum"], limit["schema"]["maximum"], limit["schema"]["default"]) == (
        1,
        100,
        20,
    )
    assert {"200", "400", "404", "429"} <= set(operation["responses"])


def test_the_root_leads_to_the_description(client: Client) -> None:
    answer = client.get("/api/v1/")
    assert (answer.status_code, answer["Location"]) == (302, "/api/v1/openapi.json")


def test_what_has_not_changed_is_not_sent_again(client: Client, new_article: ArticleMaker) -> None:
    new_article()
    first = client.get(ARTICLES)
    assert client.get(ARTICLES, headers={"If-None-Match": first["ETag"]}).status_code == 304
