"""With two hundred thousand articles the last page of a list costs what the first does."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection, transaction
from django.test import RequestFactory
from pytest_django import DjangoDbBlocker

from content import search, sitemaps
from content.keyset import Cursor, Direction
from content.models import Article, Tag
from content.queries import FEW, NEWEST_FIRST, ArticleQuerySet, beside
from core.models import AdminHistory
from tests.content import large
from users.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.xdist_group("large")]

SIZE = 20


@dataclass(frozen=True)
class Library:
    """What the tests look for in it."""

    author: User
    tag: Tag


@pytest.fixture(scope="module")
def _filled(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The articles, for this module alone: all that it wrote is rolled back."""
    with django_db_blocker.unblock(), transaction.atomic():
        people = [User(username=f"large{n}", email=f"large{n}@example.org") for n in range(large.AUTHORS)]
        first = User.objects.bulk_create(people)[0]
        tag = Tag.objects.create(name="tenth")
        large.fill(first.pk, tag.pk)
        rare = Tag.objects.create(name="bygone")
        oldest = Article.objects.order_by("published_at").values_list("pk", flat=True)[:FEW]
        links = Article.tags.through
        links.objects.bulk_create(links(article_id=key, tag_id=rare.pk) for key in oldest)
        yield
        transaction.set_rollback(True)


@pytest.fixture
def library(_filled: None, db: None) -> Library:
    """Two hundred thousand articles."""
    return Library(User.objects.get(username="large7"), Tag.objects.get(name="tenth"))


LISTS: dict[str, Callable[[Library], ArticleQuerySet]] = {
    "everything": lambda _: Article.objects.all(),
    "a language": lambda _: Article.objects.in_language("fr"),
    "an author": lambda library: Article.objects.filter(author=library.author),
    "a tag": lambda library: Article.objects.in_language("en").tagged(library.tag.pk),
}


def end_of(articles: ArticleQuerySet) -> Cursor:
    """Where the last page begins."""
    oldest = list(articles.published().order_by("published_at", "id")[: SIZE + 1])
    return beside(oldest[-1], Direction.OLDER)


@pytest.mark.parametrize("name", LISTS)
def test_the_last_page_costs_what_the_first_does(name: str, library: Library) -> None:
    articles = LISTS[name](library)
    last = end_of(articles)
    back = Cursor(Direction.NEWER, last.moment, last.id)
    pages: list[Any] = []

    def turn(cursor: Cursor | None) -> int:
        return large.work(lambda: pages.append(articles.for_lists().page(cursor, SIZE)))

    first, forth, back_again = turn(None), turn(last), turn(back)
    assert [len(page.articles) for page in pages] == [SIZE] * 3 * (len(pages) // 3)
    assert pages[0].next_cursor
    assert pages[1].next_cursor is None
    # One more question: whether there is something before it. PostgreSQL counts pages, and on how many the
    # same rows lie varies.
    most = first * (2 if connection.vendor == "postgresql" else 1.5)
    assert forth <= most
    assert back_again <= most


def test_the_work_is_counted_and_a_page_by_number_would_cost_far_more(library: Library) -> None:
    articles = Article.objects.published().order_by(*NEWEST_FIRST)
    first = large.work(lambda: list(articles.only("id")[:SIZE]))
    by_number = large.work(lambda: list(articles.only("id")[large.NUMBER // 2 :][:SIZE]))
    assert by_number > first * 100


def test_a_tag_that_few_have_is_not_looked_for_in_all_articles(library: Library) -> None:
    # They are the oldest: whoever goes through all articles from the newest on comes to them last.
    tag = Tag.objects.get(name="bygone")
    articles = Article.objects.in_language("en").tagged(tag.pk).for_lists()
    said = plan(articles.published().order_by(*NEWEST_FIRST)[: SIZE + 1])
    assert "content_article_pkey" in said or "INTEGER PRIMARY KEY" in said
    assert "article_by_language" not in said
    assert "SCAN content_article" not in said
    assert "Seq Scan on content_article" not in said
    usual = large.work(lambda: Article.objects.in_language("en").tagged(library.tag.pk).page(None, SIZE))
    assert large.work(lambda: Article.objects.in_language("en").tagged(tag.pk).page(None, SIZE)) < 10 * usual


def test_the_last_part_of_the_sitemap_costs_no_more_than_the_first(library: Library) -> None:
    parts = len(sitemaps.beginnings())
    assert parts == -(-Article.objects.published().count() // sitemaps.ARTICLES_PER_FILE)
    read = inspect.unwrap(sitemaps.articles_of)
    first, last = (large.work(partial(read, part)) for part in (1, parts))
    assert last <= first


# --- Indexes ---


def plan(query: Any) -> str:
    return str(query.explain())


def test_the_history_of_a_person_is_read_by_its_index(library: Library) -> None:
    request = RequestFactory().get("/", {"actor__id__exact": str(library.author.pk)})
    request.user = User(is_superuser=True, is_active=True)
    entries = admin.site.get_model_admin(AdminHistory).get_changelist_instance(request)
    newest = entries.get_queryset(request)[: entries.list_per_page]
    assert "core_history_actor_time" in plan(newest)
    # A hundredth of what it would be to read all of theirs.
    assert large.work(lambda: list(newest)) < large.work(lambda: list(entries.get_queryset(request)))


def test_the_history_of_all_is_read_by_its_index(library: Library) -> None:
    said = plan(AdminHistory.objects.all()[:50])
    assert "core_history_time" in said
    assert "Sort" not in said
    assert "TEMP B-TREE" not in said


def test_the_desk_of_an_author_is_read_by_its_index(library: Library) -> None:
    # Of this one every fifth article is a draft.
    author = User.objects.get(username="large10")
    written = Article.objects.filter(author=author, status="draft").order_by("-created_at")[:5]
    if connection.vendor == "postgresql":
        # With so few drafts it may take those of the author and sort them; never all articles.
        assert "Seq Scan" not in plan(written)
        written = Article.objects.filter(author=author).order_by("-created_at")[:5]
    assert "article_by_creation" in plan(written)


# --- Search ---


@pytest.mark.postgres
@pytest.mark.parametrize("query", ["thousandth777", "everywhere thousandth142"])
def test_a_search_for_a_rare_word_uses_the_index(query: str, library: Library) -> None:
    found = search.matching(Article.objects.all(), "en", query).published()
    said = plan(found.for_lists().order_by(*NEWEST_FIRST)[: SIZE + 1])
    assert "article_search" in said
    assert "Seq Scan on content_article" not in said


@pytest.mark.postgres
def test_a_search_for_a_common_word_stops_when_its_page_is_full(library: Library) -> None:
    pages = large.work(lambda: search.found_page("en", "everywhere", "", SIZE))
    assert pages < 2000
