"""The news feed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree as Xml

import pytest
from django.test import Client
from django.utils import timezone

from content.models import Article
from tests.content.conftest import LONG_AGO, ArticleMaker, SettingsMaker

pytestmark = pytest.mark.django_db

DC = "{http://purl.org/dc/elements/1.1/}creator"


def channel(client: Client, path: str = "/articles/feed/") -> Xml.Element:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/rss+xml; charset=utf-8"
    found = Xml.fromstring(answer.content).find("channel")
    assert found is not None
    return found


def text(element: Xml.Element, name: str) -> str:
    return element.findtext(name) or ""


def test_it_lists_the_newest_articles(client: Client, new_article: ArticleMaker) -> None:
    for number in range(25):
        new_article(f"Number {number}")
    items = channel(client).findall("item")
    assert len(items) == 20
    assert text(items[0], "title") == "Number 24"


def test_an_entry_tells_what_a_reader_shows(client: Client, new_article: ArticleMaker) -> None:
    new_article("Rain", summary="Wet.", tags=("snow", "weather"), published_at=LONG_AGO)
    [item] = channel(client).findall("item")
    assert text(item, "link") == "http://testserver/articles/rain/"
    assert text(item, "guid") == "http://testserver/articles/rain/"
    assert text(item, "description") == "Wet."
    assert text(item, DC) == "Ada Byron"
    assert [category.text for category in item.findall("category")] == ["snow", "weather"]
    assert parsedate_to_datetime(text(item, "pubDate")) == LONG_AGO


def test_it_speaks_of_the_site(client: Client, site_settings: SettingsMaker) -> None:
    site_settings(name="My & yours", tagline="")
    feed = channel(client)
    assert text(feed, "title") == "My & yours"
    assert text(feed, "description") == "The newest articles of My & yours"
    assert text(feed, "link") == "http://testserver/articles/"
    assert text(feed, "language") == "en"
    site_settings(tagline="Slow news")
    assert text(channel(client), "description") == "Slow news"


def test_each_language_has_a_feed(client: Client, new_article: ArticleMaker) -> None:
    new_article("Rain")
    new_article("Pluie", language="fr")
    french = channel(client, "/fr/articles/feed/")
    [item] = french.findall("item")
    assert (text(item, "title"), text(french, "language")) == ("Pluie", "fr")
    assert text(item, "link") == "http://testserver/fr/articles/pluie/"


def test_titles_are_escaped_for_readers_that_take_them_for_html(
    client: Client, new_article: ArticleMaker
) -> None:
    new_article("1 < 2 & <b>", summary="<i>x</i>")
    [item] = channel(client).findall("item")
    assert text(item, "title") == "1 &lt; 2 &amp; &lt;b&gt;"
    assert text(item, "description") == "&lt;i&gt;x&lt;/i&gt;"


def test_an_imported_control_character_breaks_no_feed(client: Client, new_article: ArticleMaker) -> None:
    article = new_article("Rain")
    Article.objects.filter(pk=article.pk).update(title="Ra\x0bin", summary="We\x01t")
    [item] = channel(client).findall("item")
    assert (text(item, "title"), text(item, "description")) == ("Rain", "Wet")


def test_who_has_read_it_is_told_so(client: Client, new_article: ArticleMaker) -> None:
    new_article("Rain", published_at=timezone.now() - timedelta(days=2))
    first = client.get("/articles/feed/")
    assert client.get("/articles/feed/", headers={"If-None-Match": first["ETag"]}).status_code == 304
    assert (
        client.get("/articles/feed/", headers={"If-Modified-Since": first["Last-Modified"]}).status_code
        == 304
    )


def test_a_corrected_article_makes_the_feed_newer(client: Client, new_article: ArticleMaker) -> None:
    new_article("Rain", published_at=datetime(2021, 1, 1, tzinfo=UTC))
    modified = parsedate_to_datetime(client.get("/articles/feed/")["Last-Modified"])
    assert modified >= timezone.now() - timedelta(minutes=1)


def test_an_empty_feed_is_a_feed(client: Client) -> None:
    assert channel(client).findall("item") == []
