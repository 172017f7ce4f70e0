"""Lists: what is in them, in which order, page by page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from content.keyset import Cursor, Direction
from content.models import Article, Tag
from content.queries import Slice
from tests.content.conftest import LONG_AGO, ArticleMaker, MemberMaker

pytestmark = pytest.mark.django_db


def page(cursor: Cursor | None = None, size: int = 3) -> Slice:
    return Article.objects.for_lists().page(cursor, size)


def titles(part: Slice) -> list[str]:
    return [article.title for article in part.articles]


def numbered(new_article: ArticleMaker, number: int) -> None:
    for position in range(1, number + 1):
        new_article(str(position))


def test_the_newest_stands_first(new_article: ArticleMaker) -> None:
    numbered(new_article, 3)
    assert titles(page()) == ["3", "2", "1"]


def test_of_one_moment_the_one_written_later_stands_first(new_article: ArticleMaker) -> None:
    for title in "abcde":
        new_article(title, published_at=LONG_AGO)
    first = page()
    assert titles(first) == ["e", "d", "c"]
    assert titles(page(first.next_cursor)) == ["b", "a"]


def test_there_and_back_again_is_the_same_way(new_article: ArticleMaker) -> None:
    numbered(new_article, 8)
    there = [page()]
    while there[-1].next_cursor:
        there.append(page(there[-1].next_cursor))
    assert [titles(part) for part in there] == [["8", "7", "6"], ["5", "4", "3"], ["2", "1"]]
    back = [there[-1]]
    while back[-1].previous_cursor:
        back.append(page(back[-1].previous_cursor))
    assert [titles(part) for part in back] == [["2", "1"], ["5", "4", "3"], ["8", "7", "6"]]


def test_the_first_page_has_no_page_before_it_and_the_last_none_after(new_article: ArticleMaker) -> None:
    numbered(new_article, 6)
    first = page()
    assert first.previous_cursor is None
    last = page(first.next_cursor)
    assert titles(last) == ["3", "2", "1"]
    assert last.next_cursor is None


def test_nothing_moves_while_articles_are_added(new_article: ArticleMaker) -> None:
    numbered(new_article, 6)
    first = page()
    new_article("new one")
    new_article("new two")
    second = page(first.next_cursor)
    assert titles(second) == ["3", "2", "1"]
    assert titles(page(second.previous_cursor)) == titles(first)


def test_going_back_to_a_short_beginning_shows_the_whole_first_page(new_article: ArticleMaker) -> None:
    numbered(new_article, 6)
    second = page(page().next_cursor)
    Article.objects.filter(title__in=["5", "6"]).delete()
    beginning = page(second.previous_cursor)
    assert titles(beginning) == ["4", "3", "2"]
    assert beginning.previous_cursor is None


def test_a_page_whose_articles_are_gone_still_leads_back(new_article: ArticleMaker) -> None:
    numbered(new_article, 5)
    first = page()
    Article.objects.filter(title__in=["1", "2", "3"]).delete()
    empty = page(first.next_cursor)
    assert titles(empty) == []
    assert empty.next_cursor is None
    assert titles(page(empty.previous_cursor)) == ["5", "4"]


def test_an_empty_list_is_one_empty_page() -> None:
    assert page() == Slice([], None, None)


def test_drafts_and_the_future_are_in_no_page(new_article: ArticleMaker) -> None:
    new_article("out")
    new_article("draft", status=Article.Status.DRAFT)
    new_article("draft with a date", status=Article.Status.DRAFT, published_at=LONG_AGO)
    later = new_article("later", published_at=timezone.now() + timedelta(hours=1))
    assert titles(page()) == ["out"]
    from_the_future = Cursor(Direction.OLDER, timezone.now() + timedelta(days=1), later.pk + 1)
    assert titles(page(from_the_future)) == ["out"]
    assert titles(page(Cursor(Direction.NEWER, LONG_AGO - timedelta(days=1), 1))) == ["out"]


def test_what_was_scheduled_is_listed_from_its_moment_on(new_article: ArticleMaker) -> None:
    moment = timezone.now() + timedelta(hours=1)
    new_article("later", published_at=moment)
    assert Article.objects.published(moment - timedelta(microseconds=1)).count() == 0
    assert Article.objects.published(moment).count() == 1
    assert Article.objects.scheduled(moment).count() == 0


def test_an_article_with_two_of_the_wanted_tags_is_listed_once(new_article: ArticleMaker) -> None:
    new_article("both", tags=("rain", "snow"))
    new_article("one", tags=("snow",))
    new_article("none")
    wanted = [tag.pk for tag in Tag.objects.all()]
    assert [article.title for article in Article.objects.tagged(*wanted)] == ["one", "both"]


@pytest.mark.parametrize("number", [1, 7])
def test_a_page_costs_the_same_queries_however_many_articles_it_has(
    number: int,
    new_article: ArticleMaker,
    new_member: MemberMaker,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for position in range(number):
        new_article(author=new_member(f"author{position}"), tags=(f"tag {position}", "all"))
    with django_assert_num_queries(2):  # articles with their authors, tags
        for article in page(size=10).articles:
            assert article.author.public_name
            assert len(article.tags.all()) == 2
            assert article.reading_minutes == 1


def test_lists_leave_the_texts_where_they_are(new_article: ArticleMaker) -> None:
    new_article()
    assert "body" in page().articles[0].get_deferred_fields()


def test_publishing_many_keeps_the_dates_that_were_set(new_article: ArticleMaker) -> None:
    dated = new_article(status=Article.Status.DRAFT, published_at=LONG_AGO)
    undated = new_article(status=Article.Status.DRAFT, published_at=None)
    out = new_article()
    before = timezone.now()
    assert Article.objects.all().publish() == 2
    for article in (dated, undated, out):
        article.refresh_from_db()
    assert dated.published_at == LONG_AGO
    assert undated.published_at is not None
    assert undated.published_at >= before
    assert Article.objects.published().count() == 3


def test_withdrawing_makes_drafts(new_article: ArticleMaker) -> None:
    new_article()
    new_article(status=Article.Status.DRAFT)
    assert Article.objects.all().withdraw() == 1
    assert Article.objects.published().count() == 0
