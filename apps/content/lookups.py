"""Everything the pages read, from the cache where it is known.

Group ``content`` holds articles, group ``lists`` what is made from several of them. What does not
exist is an exception, and exceptions are not cached: an unknown slug costs a look into the
database, but nobody can fill the cache with made-up ones.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Sum
from django.utils import timezone

from cacheadmin import cached
from content import keyset
from content.cards import (
    ArticlePage,
    AuthorCard,
    FullArticle,
    Surroundings,
    TagCard,
    article_card,
    article_link,
    author_card,
    full_article,
    tag_card,
)
from content.kept import Kept
from content.keyset import Direction
from content.models import Article, Tag
from content.queries import NEWEST_FIRST, OLDEST_FIRST, ArticleQuerySet, beside
from users.models import User

# Articles on a page of a list, and on the home page beside the one that stands out.
PAGE_SIZE = 20
ON_THE_HOME_PAGE = 12
RELATED = 3
# Of so many recent articles about the same subjects the related ones are chosen.
CANDIDATES = 30


@dataclass(frozen=True, slots=True)
class SiteNumbers(Kept):
    """How much there is to read."""

    articles: int
    words: int
    authors: int
    tags: int
    members: int


def article_by_slug(slug: str) -> FullArticle:
    """Return the published article *slug*, due or not yet (see ``is_due``).

    Raises:
        Article.DoesNotExist: there is none, or it is a draft.
    """
    article = article_by_id(article_id(slug))
    # The way from slug to key may be remembered for a slug that has just been changed.
    if article.slug != slug:
        raise Article.DoesNotExist
    return article


@cached("content")
def article_id(slug: str) -> int:
    """Return the key of the published article *slug*.

    Raises:
        Article.DoesNotExist: there is none, or it is a draft.
    """
    return Article.objects.filter(status=Article.Status.PUBLISHED).only("id").get(slug=slug).pk


@cached("content")
def article_by_id(key: int) -> FullArticle:
    """Return the published article of that key, due or not yet (see ``is_due``).

    Raises:
        Article.DoesNotExist: there is none, or it is a draft.
    """
    articles = Article.objects.select_related("author").prefetch_related("tags")
    return full_article(articles.get(pk=key, status=Article.Status.PUBLISHED))


def articles_page(
    *, language: str = "", author_id: int = 0, tag_id: int = 0, cursor: str = "", size: int
) -> ArticlePage:
    """Return one page of published articles, newest first.

    Args:
        language: a code, or empty for all languages.
        author_id: the key of an author, or 0 for all.
        tag_id: the key of a tag, or 0 for all.
        cursor: where the page begins; empty for the newest.
        size: articles on the page.

    Raises:
        keyset.MalformedCursor: *cursor* is none of ours.
    """
    if cursor:
        keyset.parse(cursor)
    wanted = (language, author_id, tag_id, cursor, size)
    page = _stored_page(*wanted)
    if _is_stale(page.stale_at):
        _stored_page.invalidate(*wanted)
        page = _stored_page(*wanted)
    return page


@cached("lists")
def _stored_page(language: str, author_id: int, tag_id: int, cursor: str, size: int) -> ArticlePage:
    articles = Article.objects.all()
    if language:
        articles = articles.in_language(language)
    if author_id:
        articles = articles.filter(author_id=author_id)
    if tag_id:
        articles = articles.tagged(tag_id)
    now = timezone.now()
    page = articles.for_lists().page(keyset.parse(cursor) if cursor else None, size, now)
    return ArticlePage(
        articles=tuple(article_card(article) for article in page.articles),
        next_cursor=str(page.next_cursor or ""),
        previous_cursor=str(page.previous_cursor or ""),
        stale_at=_next_due(language, now),
    )


def surroundings(article: FullArticle) -> Surroundings:
    """Return what a reader of *article* may go on to, in the same language."""
    around = _stored_surroundings(article.id)
    if _is_stale(around.stale_at):
        _stored_surroundings.invalidate(article.id)
        around = _stored_surroundings(article.id)
    return around


@cached("lists")
def _stored_surroundings(article_id: int) -> Surroundings:
    article = Article.objects.only("language", "published_at").prefetch_related("tags").get(pk=article_id)
    now = timezone.now()
    # Between two of these queries somebody may change an article and move it. This one would stand beside
    # itself, in another version than the page shows; and another one here in one version, there in another.
    others = Article.objects.in_language(article.language).exclude(pk=article_id)
    links = others.only("title", "slug", "language")
    newer = links.newer_than(beside(article, Direction.NEWER), now).order_by(*OLDEST_FIRST).first()
    older = links.older_than(beside(article, Direction.OLDER), now).order_by(*NEWEST_FIRST).first()
    related = _related(article, others.published(now))
    versions = {other.pk: other for other in (older, newer, *related) if other}
    return Surroundings(
        newer=article_link(versions[newer.pk]) if newer else None,
        older=article_link(versions[older.pk]) if older else None,
        related=tuple(article_card(other) for other in related),
        stale_at=_next_due(article.language, now),
    )


def _related(article: Article, others: ArticleQuerySet) -> list[Article]:
    """Return the articles that share most tags with *article*, the newest of them first."""
    tag_ids = {tag.pk for tag in article.tags.all()}
    if not tag_ids:
        return []
    candidates = others.tagged(*tag_ids).for_lists().order_by(*NEWEST_FIRST)[:CANDIDATES]
    shared = Counter(
        {other: len(tag_ids.intersection(tag.pk for tag in other.tags.all())) for other in candidates}
    )
    return [other for other, _number in shared.most_common(RELATED)]


@cached("lists")
def tag_by_slug(slug: str) -> TagCard:
    """Return the tag *slug*, if something published has it.

    What drafts are about is nobody's business.

    Raises:
        Tag.DoesNotExist: nothing published has a tag of that slug.
    """
    in_use = Exists(Article.objects.published().filter(tags=OuterRef("pk")))
    return tag_card(Tag.objects.filter(in_use).get(slug=slug))


@cached("lists")
def author_by_username(username: str) -> AuthorCard:
    """Return the person *username*, if they have published something.

    Members who have not are nobody's business.

    Raises:
        User.DoesNotExist: nobody of that name has published anything yet.
    """
    author = User.objects.get(username=username)
    if not Article.objects.published().filter(author_id=author.pk).exists():
        raise User.DoesNotExist
    return author_card(author, with_bio=True)


@cached("lists")
def site_numbers() -> SiteNumbers:
    """Return how much there is to read on the site."""
    published = Article.objects.published().aggregate(
        articles=Count("pk"), words=Sum("word_count", default=0), authors=Count("author", distinct=True)
    )
    members = User.objects.filter(is_active=True).count()
    return SiteNumbers(**published, tags=Tag.objects.count(), members=members)


def _next_due(language: str, now: datetime) -> datetime | None:
    scheduled = Article.objects.scheduled(now).order_by("published_at")
    if language:
        scheduled = scheduled.in_language(language)
    return scheduled.values_list("published_at", flat=True).first()


def _is_stale(stale_at: datetime | None) -> bool:
    return stale_at is not None and stale_at <= timezone.now()
