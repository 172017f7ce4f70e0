"""The absolute addresses that the site gives of itself: as it was asked, behind a proxy, under SITE_URL."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.test.utils import override_script_prefix
from pytest_django import Settings

from content.models import Article
from tests.content.conftest import ArticleMaker, MemberMaker, SettingsMaker, new_article, writer
from tests.core.conftest import new_member, site_settings

__all__ = [
    "ArticleMaker",
    "MemberMaker",
    "SettingsMaker",
    "new_article",
    "new_member",
    "site_settings",
    "writer",
]

pytestmark = pytest.mark.django_db

HTTPS_AT_PROXY: dict[str, Any] = {
    "REMOTE_ADDR": "10.0.0.1",
    "HTTP_HOST": "news.example.org",
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_X_FORWARDED_FOR": "198.51.100.1",
}
# Where absolute addresses stand, and how many there are at least.
TELLERS = {
    "/": 4,
    "/articles/": 4,
    "/articles/rain/": 2,
    "/articles/feed/": 4,
    "/sitemap.xml": 10,
    "/robots.txt": 1,
    "/api/v1/site/": 2,
    "/api/v1/articles/": 3,
    "/api/v1/articles/rain/": 3,
}


@pytest.fixture(autouse=True)
def _library(new_article: ArticleMaker) -> None:
    new_article("Rain", tags=("weather",))


def origins(answer: Any) -> list[str]:
    """What stands before each absolute address of ours in an answer; namespaces of XML are none."""
    assert answer.status_code == 200
    found: list[str] = re.findall(
        r'(?:(?<=["\s>])|(?<=Sitemap: ))(https?://[^/"<\s]+)', answer.content.decode()
    )
    foreign = {"http://www.w3.org", "http://purl.org", "http://www.sitemaps.org"}
    return [origin for origin in found if origin not in foreign]


@pytest.mark.parametrize(("path", "number"), TELLERS.items())
def test_a_trusted_proxy_says_how_the_visitor_came(
    path: str, number: int, client: Client, settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["news.example.org"]
    settings.TRUSTED_PROXIES = ["10.0.0.1"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    found = origins(client.get(path, **HTTPS_AT_PROXY))
    assert len(found) >= number
    assert set(found) == {"https://news.example.org"}


@pytest.mark.parametrize("path", TELLERS)
def test_a_stranger_cannot_claim_https(path: str, client: Client, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["news.example.org"]
    settings.TRUSTED_PROXIES = ["10.0.0.2"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert set(origins(client.get(path, **HTTPS_AT_PROXY))) == {"http://news.example.org"}


@pytest.mark.parametrize(("path", "number"), TELLERS.items())
def test_the_address_that_the_owner_said_counts_whatever_the_host(
    path: str, number: int, client: Client, settings: Settings
) -> None:
    settings.SITE_URL = "https://www.example.org"
    found = origins(client.get(path))
    assert len(found) >= number
    assert set(found) == {"https://www.example.org"}


def test_a_site_in_a_folder_names_it_once(client: Client, settings: Settings) -> None:
    settings.SITE_URL = "https://www.example.org/news"
    with override_script_prefix("/news/"):
        answer = client.get("/articles/feed/", SCRIPT_NAME="/news")
    assert "https://www.example.org/news/articles/rain/" in answer.content.decode()
    assert "/news/news/" not in answer.content.decode()


# --- Languages ---


def alternates(answer: Any) -> dict[str, str]:
    html = answer.content.decode()
    return dict(re.findall(r'<link rel="alternate" hreflang="([^"]+)" href="http://testserver([^"]+)"', html))


@pytest.mark.parametrize("path", ["/", "/articles/", "/authors/ada/", "/tags/weather/"])
def test_each_language_of_a_page_names_all_of_them(path: str, client: Client) -> None:
    expected = {"en": path, "fr": f"/fr{path}", "x-default": path}
    assert alternates(client.get(path)) == expected
    assert alternates(client.get(f"/fr{path}")) == expected


def test_the_default_is_the_site_s_own_language(client: Client, site_settings: SettingsMaker) -> None:
    site_settings(language="fr")
    expected = {"fr": "/articles/", "en": "/en/articles/", "x-default": "/articles/"}
    assert alternates(client.get("/articles/")) == expected


def test_an_article_is_in_one_language(client: Client) -> None:
    assert alternates(client.get("/articles/rain/")) == {}


def test_an_address_in_other_letters_is_canonical_as_it_is_sent(
    client: Client, new_article: ArticleMaker
) -> None:
    new_article("Привет")
    path = Article.objects.get(title="Привет").get_absolute_url()
    assert path.isascii()
    assert f'<link rel="canonical" href="http://testserver{path}">' in client.get(path).content.decode()
