"""The map of the site."""

from __future__ import annotations

from datetime import timedelta
from xml.etree import ElementTree as Xml

import pytest
from django.test import Client
from django.utils import timezone

from content import sitemaps
from content.models import Article
from tests.content.conftest import ArticleMaker, MemberMaker, SettingsMaker

pytestmark = pytest.mark.django_db

MAPS = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


def locations(client: Client, path: str = "/sitemap.xml") -> list[str]:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("application/xml")
    found = [element.text or "" for element in Xml.fromstring(answer.content).iter(f"{MAPS}loc")]
    assert all(address.startswith("http://testserver/") for address in found)
    return [address.removeprefix("http://testserver") for address in found]


def test_it_names_every_public_page_once(
    client: Client, new_article: ArticleMaker, new_member: MemberMaker
) -> None:
    new_member("reader")
    new_article("Rain", tags=("weather",))
    new_article("Pluie", language="fr")
    new_article("Привет")
    new_article("Draft", status=Article.Status.DRAFT, tags=("secret",))
    new_article("Later", published_at=timezone.now() + timedelta(days=1))
    assert locations(client) == [
        *("/", "/fr/", "/articles/", "/fr/articles/"),
        *("/authors/ada/", "/fr/authors/ada/", "/tags/weather/"),
        *("/articles/%D0%BF%D1%80%D0%B8%D0%B2%D0%B5%D1%82/", "/fr/articles/pluie/", "/articles/rain/"),
    ]


def test_every_address_in_it_answers(client: Client, new_article: ArticleMaker) -> None:
    new_article("Rain", tags=("weather",))
    new_article("Pluie", language="fr", tags=("météo",))
    for path in locations(client):
        assert client.get(path).status_code == 200, path


def test_it_says_what_a_list_is_called_in_the_other_language(client: Client) -> None:
    html = client.get("/sitemap.xml").content.decode()
    assert '<xhtml:link rel="alternate" hreflang="fr" href="http://testserver/fr/articles/"/>' in html


def test_a_page_in_both_languages_names_each_and_one_for_all_others(
    client: Client, new_article: ArticleMaker, site_settings: SettingsMaker
) -> None:
    site_settings(language="fr")
    new_article("Rain", tags=("weather", "rain"))
    new_article("Pluie", language="fr", tags=("weather",))
    addresses = {
        url.findtext(f"{MAPS}loc"): {
            link.get("hreflang"): link.get("href") for link in url.iter() if link.tag.endswith("}link")
        }
        for url in Xml.fromstring(client.get("/sitemap.xml").content)
    }
    here = "http://testserver"
    for page in ("/", "/articles/", "/authors/ada/", "/tags/weather/"):
        expected = {"en": f"{here}/en{page}", "fr": here + page, "x-default": here + page}
        assert addresses[here + page] == addresses[f"{here}/en{page}"] == expected
    # What is written about rain is in English only.
    assert addresses[f"{here}/en/tags/rain/"] == {}
    assert f"{here}/tags/rain/" not in addresses


@pytest.mark.django_db(transaction=True)
def test_a_map_that_has_not_changed_is_not_sent_again(client: Client, new_article: ArticleMaker) -> None:
    new_article("Rain")
    known = {"If-None-Match": client.get("/sitemap.xml")["ETag"]}
    assert client.get("/sitemap.xml", headers=known).status_code == 304
    new_article("Snow")
    assert client.get("/sitemap.xml", headers=known).status_code == 200


def test_a_large_site_has_a_map_in_parts(
    client: Client, new_article: ArticleMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sitemaps, "ARTICLES_PER_FILE", 2)
    for number in range(5):
        new_article(f"Number {number}")
    parts = locations(client)
    assert parts == [f"/sitemap.xml?part={number}" for number in (1, 2, 3)]
    pages = [path for part in parts for path in locations(client, part)]
    assert len(pages) == len(set(pages))
    assert {f"/articles/number-{number}/" for number in range(5)} <= set(pages)


@pytest.mark.parametrize("part", ["0", "2", "-1", "x", "01", "", "1.0", "²", "9" * 5000])
def test_a_part_that_does_not_exist_is_not_found(part: str, client: Client) -> None:
    answer = client.get("/sitemap.xml", {"part": part})
    assert answer.status_code == 404
    assert "has no such part" in answer.content.decode()
