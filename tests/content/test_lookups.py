"""What is kept in the cache: a hit equals a miss, and nothing outlives a change."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from content import keyset, lookups, sitemaps
from content.models import Article, Tag
from tests.content.conftest import ArticleMaker, ImageMaker, MemberMaker, content_queries
from users.models import User

# Real commits: what is invalidated on commit is invalidated here too.
pytestmark = pytest.mark.django_db(transaction=True)

Read = Callable[[], Any]


def titles(**wanted: Any) -> list[str]:
    page = lookups.articles_page(**{"language": "en", "size": 20, **wanted})
    return [article.title for article in page.articles]


def plain(value: Any) -> Iterator[type]:
    """The types of everything inside *value*."""
    yield type(value)
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from plain(getattr(value, field.name))
    elif isinstance(value, tuple | list):
        for part in value:
            yield from plain(part)


@pytest.fixture
def library(new_article: ArticleMaker, new_image: ImageMaker) -> Article:
    """An article with everything, among others."""
    for _ in range(3):
        new_article(tags=("rain",))
    article = new_article("Rain", tags=("rain", "weather"), body="# Head\n\nText.", cover=new_image())
    new_article(tags=("weather",))
    return article


def every_lookup() -> list[Read]:
    tag_id = Tag.objects.get(name="rain").pk
    return [
        lambda: lookups.article_by_slug("rain"),
        lambda: lookups.articles_page(language="en", size=2),
        lambda: lookups.articles_page(tag_id=tag_id, size=2),
        lambda: lookups.surroundings(lookups.article_by_slug("rain")),
        lambda: lookups.tag_by_slug("rain"),
        lambda: lookups.author_by_username("ada"),
        lookups.site_numbers,
        sitemaps._overview,
        lambda: sitemaps.articles_of(1),
    ]


def test_a_hit_equals_a_miss_and_asks_no_database(engine: str, library: Article) -> None:
    for read in every_lookup():
        miss = read()
        with content_queries() as queries:
            hit = read()
        assert len(queries) == 0
        assert hit == miss
        assert type(hit) is type(miss)
        assert list(plain(hit)) == list(plain(miss))


def test_only_plain_values_are_kept(library: Article) -> None:
    for read in every_lookup():
        modules = {kind.__module__ for kind in plain(read())}
        assert modules <= {"builtins", "datetime", "content.cards", "content.lookups", "content.sitemaps"}


# --- Changes ---


def test_a_new_article_is_listed_at_once(engine: str, new_article: ArticleMaker) -> None:
    new_article("One")
    assert titles() == ["One"]
    new_article("Two")
    assert titles() == ["Two", "One"]


def test_a_changed_article_is_read_as_it_is(engine: str, library: Article) -> None:
    assert lookups.article_by_slug("rain").title == "Rain"
    library.title = "More rain"
    library.body = "New."
    library.save()
    article = lookups.article_by_slug("rain")
    assert (article.title, article.body_html) == ("More rain", "<p>New.</p>\n")
    assert "More rain" in titles()


def test_a_withdrawn_article_is_gone(engine: str, library: Article) -> None:
    lookups.article_by_slug("rain")
    assert "Rain" in titles()
    library.status = Article.Status.DRAFT
    library.save()
    with pytest.raises(Article.DoesNotExist):
        lookups.article_by_slug("rain")
    assert "Rain" not in titles()


def test_a_deleted_article_is_gone(engine: str, library: Article) -> None:
    lookups.article_by_slug("rain")
    assert "Rain" in titles()
    library.delete()
    with pytest.raises(Article.DoesNotExist):
        lookups.article_by_slug("rain")
    assert "Rain" not in titles()


def test_a_new_slug_ends_the_old_one_at_once(engine: str, library: Article) -> None:
    lookups.article_by_slug("rain")
    library.slug = "downpour"
    library.save()
    assert lookups.article_by_slug("downpour").id == library.pk
    with pytest.raises(Article.DoesNotExist):
        lookups.article_by_slug("rain")


def test_a_slug_may_pass_to_another_article(engine: str, library: Article, new_article: ArticleMaker) -> None:
    lookups.article_by_slug("rain")
    library.slug = "downpour"
    library.save()
    heir = new_article(slug="rain")
    assert lookups.article_by_slug("rain").id == heir.pk


def test_what_is_rolled_back_has_not_happened(library: Article) -> None:
    lookups.article_by_slug("rain")
    with transaction.atomic():
        library.title = "Never"
        library.save()
        transaction.set_rollback(True)
    assert lookups.article_by_slug("rain").title == "Rain"


def change_tags_of_an_article(article: Article) -> None:
    article.tags.remove(Tag.objects.get(name="rain"))


def change_articles_of_a_tag(article: Article) -> None:
    Tag.objects.get(name="rain").articles.remove(article)


def delete_a_tag(article: Article) -> None:
    Tag.objects.get(name="rain").delete()


def clear_articles_of_a_tag(article: Article) -> None:
    Tag.objects.get(name="rain").articles.clear()


@pytest.mark.parametrize(
    "change",
    [change_tags_of_an_article, change_articles_of_a_tag, delete_a_tag, clear_articles_of_a_tag],
)
def test_changed_tags_show_on_the_article(change: Callable[[Article], None], library: Article) -> None:
    assert [tag.name for tag in lookups.article_by_slug("rain").tags] == ["rain", "weather"]
    change(library)
    assert [tag.name for tag in lookups.article_by_slug("rain").tags] == ["weather"]


def test_an_article_enters_and_leaves_the_list_of_a_tag(engine: str, library: Article) -> None:
    tag = Tag.objects.get(name="rain")
    assert "Rain" in titles(tag_id=tag.pk)
    library.tags.remove(tag)
    assert "Rain" not in titles(tag_id=tag.pk)
    tag.articles.add(library)
    assert "Rain" in titles(tag_id=tag.pk)


def test_a_renamed_tag_is_renamed_everywhere(engine: str, library: Article) -> None:
    lookups.article_by_slug("rain")
    lookups.tag_by_slug("rain")
    tag = Tag.objects.get(name="rain")
    tag.name, tag.slug = "drizzle", "drizzle"
    tag.save()
    assert [card.name for card in lookups.article_by_slug("rain").tags] == ["drizzle", "weather"]
    assert lookups.tag_by_slug("drizzle").name == "drizzle"
    with pytest.raises(Tag.DoesNotExist):
        lookups.tag_by_slug("rain")


def test_a_renamed_author_is_renamed_everywhere(engine: str, library: Article, writer: User) -> None:
    assert lookups.article_by_slug("rain").author.public_name == "Ada Byron"
    assert lookups.articles_page(language="en", size=20).articles[0].author.public_name == "Ada Byron"
    assert lookups.author_by_username("ada").bio == ""
    writer.last_name, writer.bio = "Lovelace", "Counts."
    writer.save()
    assert lookups.article_by_slug("rain").author.public_name == "Ada Lovelace"
    assert lookups.articles_page(language="en", size=20).articles[0].author.public_name == "Ada Lovelace"
    assert lookups.author_by_username("ada").bio == "Counts."


def test_a_login_of_the_author_clears_nothing(library: Article, writer: User) -> None:
    lookups.article_by_slug("rain")
    writer.last_login = timezone.now()
    writer.save(update_fields=["last_login"])
    with content_queries() as queries:
        lookups.article_by_slug("rain")
    assert len(queries) == 0


def test_a_member_who_writes_nothing_clears_nothing(library: Article, new_member: MemberMaker) -> None:
    member = new_member("reader")
    titles()
    member.first_name = "Rea"
    member.save()
    with content_queries() as queries:
        titles()
    assert len(queries) == 0


def test_the_numbers_of_the_site_follow(library: Article, new_member: MemberMaker) -> None:
    before = lookups.site_numbers()
    assert (before.articles, before.authors, before.tags, before.members) == (5, 1, 2, 1)
    library.delete()
    Tag.objects.create(name="snow")
    after = lookups.site_numbers()
    assert (after.articles, after.tags) == (4, 3)
    assert after.words < before.words


# --- Time ---


def test_a_scheduled_article_appears_at_its_moment_though_the_list_is_cached(
    engine: str, new_article: ArticleMaker
) -> None:
    moment = timezone.now() + timedelta(seconds=60)
    new_article("now")
    new_article("soon", published_at=moment)
    assert titles() == ["now"]
    with time_machine.travel(moment - timedelta(seconds=1), tick=False):
        assert titles() == ["now"]
    with time_machine.travel(moment, tick=False):
        assert titles() == ["soon", "now"]
        assert lookups.article_by_slug("soon").is_due


def test_a_neighbour_appears_at_its_moment_too(new_article: ArticleMaker) -> None:
    moment = timezone.now() + timedelta(seconds=60)
    new_article("now")
    new_article("soon", published_at=moment)
    article = lookups.article_by_slug("now")
    assert lookups.surroundings(article).newer is None
    with time_machine.travel(moment, tick=False):
        newer = lookups.surroundings(article).newer
    assert newer is not None
    assert newer.title == "soon"


def test_a_scheduled_article_in_another_language_changes_nothing_here(new_article: ArticleMaker) -> None:
    new_article("bientôt", language="fr", published_at=timezone.now() + timedelta(seconds=60))
    assert lookups.articles_page(language="en", size=5).stale_at is None
    assert lookups.articles_page(size=5).stale_at is not None


# --- What does not exist ---


def test_made_up_names_are_not_kept(library: Article) -> None:
    for _ in range(2):
        with pytest.raises(Article.DoesNotExist), content_queries() as queries:
            lookups.article_by_slug("made-up")
        assert len(queries) == 1
        with pytest.raises(Tag.DoesNotExist):
            lookups.tag_by_slug("made-up")
        with pytest.raises(User.DoesNotExist):
            lookups.author_by_username("made-up")


def test_a_member_without_articles_is_no_author(new_member: MemberMaker, new_article: ArticleMaker) -> None:
    reader = new_member("reader")
    with pytest.raises(User.DoesNotExist):
        lookups.author_by_username("reader")
    draft = new_article(author=reader, status=Article.Status.DRAFT)
    with pytest.raises(User.DoesNotExist):
        lookups.author_by_username("reader")
    draft.status = Article.Status.PUBLISHED
    draft.save()
    assert lookups.author_by_username("reader").id == reader.pk


def test_a_tag_that_nothing_published_has_is_none(engine: str, new_article: ArticleMaker) -> None:
    draft = new_article(tags=("secret",), status=Article.Status.DRAFT)
    new_article(tags=("secret",), published_at=timezone.now() + timedelta(hours=1))
    with pytest.raises(Tag.DoesNotExist):
        lookups.tag_by_slug("secret")
    draft.status = Article.Status.PUBLISHED
    draft.save()
    assert lookups.tag_by_slug("secret").name == "secret"
    draft.status = Article.Status.DRAFT
    draft.save()
    with pytest.raises(Tag.DoesNotExist):
        lookups.tag_by_slug("secret")


def test_a_malformed_cursor_is_refused_before_anything_is_looked_up() -> None:
    with pytest.raises(keyset.MalformedCursor), content_queries() as queries:
        lookups.articles_page(cursor="x", size=5)
    assert len(queries) == 0


@pytest.mark.parametrize("number", [2, 12])
def test_lookups_run_a_constant_number_of_queries(
    number: int, new_article: ArticleMaker, new_member: MemberMaker
) -> None:
    for position in range(number):
        new_article(author=new_member(f"a{position}"), tags=("all", f"tag{position}"))
    with content_queries() as queries:
        page = lookups.articles_page(language="en", size=20)
    assert len(page.articles) == number
    assert len(queries) == 3  # articles with authors, tags, the next scheduled one
    with content_queries() as queries:
        lookups.surroundings(lookups.article_by_slug(page.articles[0].slug))
    # slug, article, its tags; article again, its tags, newer, older, how many are about its subjects,
    # related, their tags, scheduled.
    assert len(queries) == 11
