"""The databases read lists by index, in order, without sorting: what each says of its plan."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from content.keyset import Cursor, Direction
from content.models import Article, Tag
from content.queries import NEWEST_FIRST, OLDEST_FIRST, ArticleQuerySet
from tests.content.conftest import LONG_AGO
from users.models import User

pytestmark = pytest.mark.django_db

NUMBER = 4000
Query = Callable[[User, Tag], ArticleQuerySet]


@pytest.fixture
def library(writer: User) -> tuple[User, Tag]:
    """Thousands of articles by forty people, half of them in French.

    Every fifth has the tag: too many to be read by their keys, as those of a rare tag are.
    """
    people = [writer, *(User.objects.create_user(f"p{n}", f"p{n}@example.org") for n in range(39))]
    articles = Article.objects.bulk_create(
        Article(
            author=people[number % 40],
            language=("en", "fr")[number // 40 % 2],
            title=f"Article {number}",
            slug=f"article-{number}",
            status=Article.Status.DRAFT if number % 50 == 0 else Article.Status.PUBLISHED,
            published_at=LONG_AGO + timedelta(minutes=number),
            created_at=LONG_AGO + timedelta(minutes=number),
        )
        for number in range(NUMBER)
    )
    tag = Tag.objects.create(name="rain")
    link = Article.tags.through
    link.objects.bulk_create(link(article_id=article.pk, tag_id=tag.pk) for article in articles[::5])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return writer, tag


def plan(query: ArticleQuerySet) -> str:
    if connection.vendor == "postgresql":
        return json.dumps(json.loads(query.explain(format="json")))
    return query.explain()


def middle(direction: Direction) -> Cursor:
    return Cursor(direction, LONG_AGO + timedelta(minutes=NUMBER // 2), NUMBER // 2)


LISTS: dict[str, tuple[str, Query]] = {
    "home": ("article_by_language", lambda _, __: Article.objects.published().in_language("fr")),
    "every language": ("article_by_date", lambda _, __: Article.objects.published()),
    "deep in a list": (
        "article_by_language",
        lambda _, __: Article.objects.in_language("en").older_than(middle(Direction.OLDER)),
    ),
    "author": ("article_by_author", lambda writer, _: Article.objects.published().filter(author=writer)),
    "author in a language": (
        "article_by_",
        lambda writer, _: Article.objects.published().in_language("en").filter(author=writer),
    ),
    "tag": (
        "article_by_language",
        lambda _, tag: Article.objects.published().in_language("en").tagged(tag.pk),
    ),
    "deep in a tag": (
        "article_by_language",
        lambda _, tag: Article.objects.in_language("en").tagged(tag.pk).older_than(middle(Direction.OLDER)),
    ),
}


@pytest.mark.parametrize(("index", "query"), LISTS.values(), ids=LISTS)
def test_a_list_is_read_from_its_index_without_sorting(
    index: str, query: Query, library: tuple[User, Tag]
) -> None:
    said = plan(query(*library).for_lists().order_by(*NEWEST_FIRST)[:21])
    assert index in said
    assert_is_not_sorted(said)


def test_going_back_reads_the_index_the_other_way(library: tuple[User, Tag]) -> None:
    newer = Article.objects.in_language("en").newer_than(middle(Direction.NEWER))
    said = plan(newer.for_lists().order_by(*OLDEST_FIRST)[:21])
    assert "article_by_language" in said
    assert_is_not_sorted(said)


def test_the_next_scheduled_article_is_found_by_index(library: tuple[User, Tag]) -> None:
    scheduled = Article.objects.scheduled(timezone.now()).in_language("en").order_by("published_at")
    said = plan(scheduled.only("published_at")[:1])
    assert "article_by_" in said
    assert_is_not_sorted(said)


def test_the_desk_of_an_author_is_read_by_creation(library: tuple[User, Tag]) -> None:
    writer, _tag = library
    said = plan(Article.objects.filter(author=writer).order_by("-created_at")[:5])
    assert "article_by_creation" in said
    assert_is_not_sorted(said)


def assert_is_not_sorted(said: str) -> None:
    # SQLite's words and PostgreSQL's.
    assert "USE TEMP B-TREE" not in said
    assert "Sort" not in said
    assert "SCAN content_article" not in said
    assert "Seq Scan" not in said or "content_article" not in said.split("Seq Scan")[1][:120]
