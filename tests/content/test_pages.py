"""Whole pages from the cache: a change refreshes exactly those that show it, and what is kept is right."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.wsgi import get_wsgi_application
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from cacheadmin.pagecache import PageCache
from content import shown
from content.models import Article, Tag
from core.models import SiteSettings
from tests.cacheadmin.pages import asking
from tests.cacheadmin.pages.asking import Asker
from tests.content.conftest import ArticleMaker
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)

OVERVIEWS = ["/", "/articles/", "/articles/feed/", "/sitemap.xml", "/authors/ada/"]


@pytest.fixture(autouse=True)
def _known_host(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = [asking.HOST]


@pytest.fixture
def ask() -> Asker:
    """Ask the site, with the page cache in front of it."""
    return asking.wsgi(PageCache(get_wsgi_application()))


@pytest.fixture
def plain() -> Asker:
    """Ask the site as it is without one."""
    return asking.wsgi(get_wsgi_application())


class Readers:
    """Remembers pages, and says which of them were made anew."""

    def __init__(self, ask: Asker, plain: Asker, paths: list[str]) -> None:
        self._ask, self._plain, self._paths = ask, plain, paths
        for path in paths:
            ask(path)
            assert ask(path).cache == "hit", path

    def refreshed(self) -> set[str]:
        """The pages that were made anew; all of them are as the site itself has them."""
        anew = set()
        for path in self._paths:
            answer = self._ask(path)
            if answer.cache != "hit":
                anew.add(path)
            assert answer.text == self._plain(path).text, path
        return anew


@pytest.fixture
def articles(new_article: ArticleMaker) -> list[Article]:
    """Nine articles; the third and the seventh are about boats, the fourth about the sea."""
    tags = {2: ("boats",), 6: ("boats",), 3: ("sea",)}
    return [new_article(f"Number {number}", tags=tags.get(number, ())) for number in range(9)]


@pytest.fixture
def readers(ask: Asker, plain: Asker, articles: list[Article]) -> Readers:
    """Readers of all pages there are."""
    own = [article.get_absolute_url() for article in articles]
    return Readers(ask, plain, [*OVERVIEWS, "/tags/boats/", "/tags/sea/", "/fr/articles/", *own])


def address(number: int) -> str:
    return f"/articles/number-{number}/"


def test_a_changed_text_refreshes_the_pages_that_show_the_article(
    engine: str, readers: Readers, articles: list[Article]
) -> None:
    articles[2].title = "Another title"
    articles[2].save()
    # Its neighbours, and the other one about boats, have a link to it.
    own = {address(number) for number in (1, 2, 3, 6)}
    assert readers.refreshed() == {*OVERVIEWS, "/tags/boats/", *own}
    assert readers.refreshed() == set()


def test_a_draft_refreshes_nothing(readers: Readers, new_article: ArticleMaker) -> None:
    draft = new_article("A draft", status=Article.Status.DRAFT, published_at=None, tags=("boats",))
    draft.body = "More of it."
    draft.save()
    assert readers.refreshed() == set()


def test_a_published_article_refreshes_where_it_now_stands(
    readers: Readers, articles: list[Article], new_article: ArticleMaker
) -> None:
    moment = articles[4].published_at
    assert moment
    new_article("Between", tags=("sea",), published_at=moment + timedelta(seconds=30))
    own = {address(number) for number in (3, 4, 5)}
    assert readers.refreshed() == {*OVERVIEWS, "/tags/sea/", *own}


def test_a_withdrawn_article_is_gone_from_where_it_stood(
    readers: Readers, articles: list[Article], ask: Asker
) -> None:
    article = Article.objects.get(pk=articles[6].pk)
    article.status = Article.Status.DRAFT
    article.save()
    assert ask(address(6)).status == 404
    own = {address(number) for number in (2, 5, 6, 7)}
    assert readers.refreshed() == {*OVERVIEWS, "/tags/boats/", *own}


def test_a_deleted_article_is_gone_too(readers: Readers, articles: list[Article], ask: Asker) -> None:
    articles[6].delete()
    assert ask(address(6)).status == 404
    own = {address(number) for number in (2, 5, 6, 7)}
    assert readers.refreshed() == {*OVERVIEWS, "/tags/boats/", *own}


def test_a_new_address_leaves_the_old_one(readers: Readers, articles: list[Article], ask: Asker) -> None:
    articles[0].slug = "moved"
    articles[0].save()
    assert ask(address(0)).status == 404
    assert ask("/articles/moved/").status == 200
    assert readers.refreshed() == {*OVERVIEWS, address(0), address(1)}


def test_a_moved_article_leaves_one_place_for_another(readers: Readers, articles: list[Article]) -> None:
    moment = articles[7].published_at
    assert moment
    articles[0].published_at = moment + timedelta(seconds=30)
    articles[0].save()
    assert readers.refreshed() == {*OVERVIEWS, *(address(number) for number in (0, 1, 7, 8))}


def test_an_article_in_another_language_is_in_the_lists_of_that(
    readers: Readers, articles: list[Article], ask: Asker
) -> None:
    articles[0].language = "fr"
    articles[0].save()
    assert ask(address(0)).status == 302
    assert readers.refreshed() == {*OVERVIEWS, "/fr/articles/", address(0), address(1)}


def test_a_tag_more_or_less_refreshes_both_sides(readers: Readers, articles: list[Article]) -> None:
    boats = Tag.objects.get(name="boats")
    articles[0].tags.add(boats)
    assert {address(0), address(2), address(6), "/tags/boats/"} <= readers.refreshed()
    assert readers.refreshed() == set()
    articles[0].tags.remove(boats)
    assert {address(0), address(2), address(6), "/tags/boats/"} <= readers.refreshed()
    articles[2].tags.clear()
    assert address(2) in readers.refreshed()


@pytest.mark.parametrize("change", ["site", "tag", "author", "loaded"])
def test_what_all_pages_show_refreshes_all_of_them(
    readers: Readers, articles: list[Article], change: str, writer: User
) -> None:
    if change == "site":
        SiteSettings(name="Another name").save()
    elif change == "tag":
        Tag.objects.get(name="boats").save()
    elif change == "author":
        writer.first_name = "Augusta"
        writer.save()
    else:
        articles[0].save_base(raw=True)
    assert len(readers.refreshed()) == len(OVERVIEWS) + 3 + len(articles)


def test_actions_on_many_articles_are_seen_at_once(
    readers: Readers, articles: list[Article], editor: Client, ask: Asker
) -> None:
    editor.post(
        reverse("admin:content_article_changelist"),
        {"action": "withdraw", "_selected_action": [str(articles[3].pk), str(articles[4].pk)]},
        headers={"host": asking.HOST},
    )
    assert ask(address(3)).status == ask(address(4)).status == 404
    assert "Number 3" not in ask("/articles/").text


def test_what_was_not_committed_refreshes_nothing(readers: Readers, articles: list[Article]) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        articles[2].title = "Never"
        articles[2].save()
        raise RuntimeError("on purpose")
    assert readers.refreshed() == set()


def test_an_article_appears_at_its_moment_on_kept_pages(
    engine: str,
    ask: Asker,
    articles: list[Article],
    new_article: ArticleMaker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    new_article("Scheduled", published_at=timezone.now() + timedelta(seconds=1))
    assert "Scheduled" not in ask("/articles/").text
    assert ask("/articles/").cache == "hit"

    def appears() -> bool:
        return all(
            "Scheduled" in ask(path).text for path in ("/", "/articles/", "/articles/feed/", address(8))
        )

    deadline = timezone.now() + timedelta(seconds=20)
    while not appears():
        assert timezone.now() < deadline


def test_previews_and_members_pages_are_nobody_elses(
    ask: Asker, new_article: ArticleMaker, editor: Client
) -> None:
    draft = new_article("Secret", status=Article.Status.DRAFT, published_at=None)
    session = editor.cookies["sessionid"].value
    mine: dict[str, Any] = {"Cookie": f"sessionid={session}"}
    assert "Secret" in ask(draft.get_absolute_url(), **mine).text
    for _ in range(2):
        assert ask(draft.get_absolute_url()).status == 404
    assert "editor" in ask("/dashboard/", **mine).text
    for path in ("/dashboard/", "/dashboard/x.css", "/dashboard/..%2farticles%2f"):
        assert "editor" not in ask(path).text


@pytest.mark.parametrize("path", ["/search/", "/accounts/login/", "/robots.txt", "/nothing/"])
def test_other_pages_are_made_each_time(ask: Asker, articles: list[Article], path: str) -> None:
    assert [ask(path).cache for _ in range(2)] == ["fwd=miss"] * 2


def test_a_page_of_a_list_is_kept_and_a_made_up_one_is_not(ask: Asker, new_article: ArticleMaker) -> None:
    for _ in range(22):
        new_article()
    first = ask("/articles/").text
    cursor = first.split("?cursor=")[1].split('"')[0]
    assert [ask("/articles/", query=f"cursor={cursor}").cache for _ in range(2)] == ["fwd=miss", "hit"]
    for _ in range(2):
        assert ask("/articles/", query="cursor=made-up").status == 404


def test_marks_tell_kinds_apart() -> None:
    marks = [
        shown.lists("en"),
        shown.author(1),
        shown.tag(1),
        shown.article("en"),
        shown.subject(1),
        shown.place("en"),
    ]
    assert len(set(marks)) == len(marks)
