"""Slugs."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from content.models import Article, Tag
from content.slugs import slug_of, validate_not_reserved
from tests.content.conftest import ArticleMaker


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Bread without kneading", "bread-without-kneading"),
        ("Été à l’œuvre : « Noël »", "ete-a-l-oeuvre-noel"),
        ("Straße 5, Łódź & Ærø", "strasse-5-lodz-aero"),
        ("İstanbul", "istanbul"),
        ("Привет, мир", "привет-мир"),
        ("Привет world", "привет-world"),
        ("日本語のタイトル", "日本語のタイトル"),
        ("!!!", ""),
        ("--a--", "a"),
        ("word " * 60, "-".join(["word"] * 12)),
        ("a" * 300, "a" * 60),
    ],
)
def test_a_title_suggests_its_slug(title: str, slug: str) -> None:
    assert slug_of(title, 60) == slug


@pytest.mark.parametrize("slug", ["feed", "Feed", "FEED"])
def test_the_address_of_the_news_feed_is_refused_by_name(slug: str) -> None:
    with pytest.raises(ValidationError, match=f"“{slug}” is an address of the site itself"):
        validate_not_reserved(slug)


def test_an_article_called_feed_gets_another_slug(new_article: ArticleMaker) -> None:
    assert new_article("Feed").slug == "feed-2"


def test_an_article_cannot_be_saved_as_feed(new_article: ArticleMaker) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        new_article(slug="feed")


def test_equal_titles_get_numbers(new_article: ArticleMaker) -> None:
    assert [new_article("Rain").slug for _ in range(3)] == ["rain", "rain-2", "rain-3"]


def test_a_title_that_only_begins_alike_needs_no_number(new_article: ArticleMaker) -> None:
    new_article("Rain in May")
    assert new_article("Rain").slug == "rain"


def test_a_title_without_letters_still_gets_a_slug(new_article: ArticleMaker) -> None:
    assert [new_article("???").slug, new_article("…").slug] == ["article", "article-2"]


def test_a_slug_stays_when_the_title_changes(new_article: ArticleMaker) -> None:
    article = new_article("Rain")
    article.title = "Snow"
    article.save()
    article.refresh_from_db()
    assert article.slug == "rain"


def test_a_long_title_fits_with_its_number(new_article: ArticleMaker) -> None:
    slugs = {new_article("x" * 200).slug for _ in range(3)}
    assert len(slugs) == 3
    assert max(map(len, slugs)) <= 120


def test_a_slug_taken_between_look_and_write_gets_the_next_number(
    new_article: ArticleMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_article("Rain")
    answers = iter(["rain", "rain-2"])  # the first look was too early
    monkeypatch.setattr("content.slugs.free_slug", lambda *_args, **_options: next(answers))
    assert new_article("Rain").slug == "rain-2"
    assert Article.objects.count() == 2


def test_tags_get_slugs_of_their_own(db: None) -> None:
    assert [Tag.objects.create(name=name).slug for name in ("Forêt", "forêt!", "森")] == [
        "foret",
        "foret-2",
        "森",
    ]
