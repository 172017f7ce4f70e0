"""What stands around an article: its neighbours in time, and what is about the same subjects."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection

from cacheadmin import clear_group
from content import lookups
from content.cards import Surroundings
from content.models import Article
from tests.content.conftest import LONG_AGO, ArticleMaker

# Real commits: what is invalidated on commit is invalidated here too.
pytestmark = pytest.mark.django_db(transaction=True)


def test_neighbours_are_the_next_in_time_and_language(new_article: ArticleMaker) -> None:
    new_article("older")
    new_article("autre", language="fr")
    new_article("draft", status=Article.Status.DRAFT)
    new_article("this")
    new_article("autre encore", language="fr")
    new_article("newer")
    around = lookups.surroundings(lookups.article_by_slug("this"))
    assert around.newer is not None
    assert around.older is not None
    assert (around.newer.title, around.older.title) == ("newer", "older")


def test_related_articles_share_most_tags_and_are_new(new_article: ArticleMaker) -> None:
    new_article("two shared", tags=("rain", "snow"))
    new_article("one shared, old", tags=("rain",))
    new_article("nothing shared", tags=("sun",))
    new_article("one shared, new", tags=("snow", "sun"))
    new_article("one shared, newest", tags=("snow",))
    new_article("autre", language="fr", tags=("rain", "snow"))
    new_article("this", tags=("rain", "snow"), published_at=LONG_AGO)
    related = lookups.surroundings(lookups.article_by_slug("this")).related
    assert [card.title for card in related] == ["two shared", "one shared, newest", "one shared, new"]


def test_an_article_without_tags_has_no_relatives(new_article: ArticleMaker) -> None:
    new_article("other")
    new_article("this")
    assert lookups.surroundings(lookups.article_by_slug("this")).related == ()


def queries_with(change: Callable[[], object], *, after: int) -> AbstractContextManager[None]:
    """Make *change* when so many queries have been answered, as somebody else may between two of them."""
    answered = 0

    def execute(ask: Callable[..., Any], *args: Any) -> Any:
        nonlocal answered
        answered += 1
        if answered == after + 1:
            change()
        return ask(*args)

    return connection.execute_wrapper(execute)


def shown(around: Surroundings) -> list[tuple[int, str]]:
    """The articles around one, each with its title, as often as it stands there."""
    links = [link for link in (around.newer, around.older, *around.related) if link]
    return [(Article.objects.get(slug=link.slug).pk, link.title) for link in links]


@pytest.mark.parametrize("moved", ["this", "other"])
@pytest.mark.parametrize("by", [timedelta(seconds=30), timedelta(seconds=-30)])
def test_nothing_around_an_article_is_of_two_versions_where_one_is_moved_meanwhile(
    moved: str, by: timedelta, new_article: ArticleMaker
) -> None:
    new_article("before", tags=("rain",))
    new_article("other", tags=("rain",))
    new_article("this", tags=("rain",))
    found = lookups.article_by_slug("this")
    article = Article.objects.filter(slug=moved)
    as_before = article.values("title", "published_at").get()
    # The article, its tags, the newer one, the older one, the related ones, their tags.
    for after in range(1, 7):
        article.update(**as_before)
        clear_group("lists")
        # Past save(), which would invalidate what is being made, and so hide what it was made of.
        change = partial(article.update, title="moved", published_at=found.published_at + by)
        with queries_with(change, after=after):
            around = shown(lookups.surroundings(found))
        assert article.get().title == "moved"
        assert len(set(around)) == len({key for key, _title in around})
        assert found.id not in [key for key, _title in around]
