"""How articles are found: what is published, in which order, one page at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from content.keyset import Cursor, Direction

if TYPE_CHECKING:
    from content.models import Article

NEWEST_FIRST = ("-published_at", "-id")
OLDEST_FIRST = ("published_at", "id")

# Articles of a tag up to which it costs less to sort them than to look for them in the list of all.
FEW = 500

# Lists never load bodies: they are by far the largest part of an article.
IN_LISTS = (
    *("title", "slug", "summary", "language", "published_at", "updated_at", "word_count"),
    *("cover", "cover_width", "cover_height", "cover_widths", "author"),
)


@dataclass(frozen=True, slots=True)
class Slice:
    """One page of articles, and where its neighbours begin; ``None`` where there are none."""

    articles: list[Article]
    next_cursor: Cursor | None
    previous_cursor: Cursor | None


class ArticleQuerySet(models.QuerySet["Article"]):
    """Articles, narrowed down in the words of the site."""

    def published(self, now: datetime | None = None) -> Self:
        """Keep what everybody may read at *now*."""
        return self.filter(status=self.model.Status.PUBLISHED, published_at__lte=now or timezone.now())

    def scheduled(self, now: datetime | None = None) -> Self:
        """Keep what is going to be published by itself after *now*."""
        return self.filter(status=self.model.Status.PUBLISHED, published_at__gt=now or timezone.now())

    def in_language(self, language: str) -> Self:
        """Keep the articles in *language*."""
        return self.filter(language=language)

    def tagged(self, *tag_ids: int) -> Self:
        """Keep the articles that have at least one of the tags; looks first whether these are few."""
        links = self.model.tags.through.objects.using(self.db).filter(tag_id__in=tag_ids)
        few = list(links.values_list("article_id", flat=True)[: FEW + 1])
        if len(few) <= FEW:
            # They are read by their keys and sorted: in a list of many, they may be far from each other.
            return self.filter(pk__in=few)
        # Not a join: the list is walked in its order, by index, and each article asked for the tag.
        # A join would find all articles of the tag first and sort them for each page.
        return self.filter(Exists(links.filter(article_id=OuterRef("pk"))))

    def for_lists(self) -> Self:
        """Load what a list shows, with authors and tags, in a fixed number of queries."""
        return self.select_related("author").prefetch_related("tags").only(*IN_LISTS, *_of_the_author())

    def page(self, cursor: Cursor | None, size: int, now: datetime | None = None) -> Slice:
        """Return *size* published articles, newest first, from *cursor* on.

        Going back towards the newest and arriving there early gives the whole first page, so that
        nothing is left out between two pages.
        """
        now = now or timezone.now()
        if cursor is None:
            return _first_page(self, size, now)
        if cursor.direction is Direction.OLDER:
            return _older_page(self, cursor, size, now)
        return _newer_page(self, cursor, size, now)

    def older_than(self, cursor: Cursor, now: datetime | None = None) -> Self:
        """Keep what is published and stands after *cursor* in a list."""
        # One upper bound, for an index starts from one.
        latest = min(cursor.moment, now or timezone.now())
        return self.published(latest).filter(Q(published_at__lt=cursor.moment) | Q(id__lt=cursor.id))

    def newer_than(self, cursor: Cursor, now: datetime | None = None) -> Self:
        """Keep what is published and stands before *cursor* in a list."""
        return self.published(now).filter(
            Q(published_at__gte=cursor.moment), Q(published_at__gt=cursor.moment) | Q(id__gt=cursor.id)
        )

    def publish(self, now: datetime | None = None) -> int:
        """Publish the drafts among these, in one query, and return how many there were.

        A date that an author has set stays. Cached copies are for the caller to invalidate.
        """
        now = now or timezone.now()
        status = self.model.Status
        return self.filter(status=status.DRAFT).update(
            status=status.PUBLISHED, published_at=Coalesce("published_at", now), updated_at=now
        )

    def withdraw(self, now: datetime | None = None) -> int:
        """Make drafts again of the published ones among these, and return how many there were.

        Cached copies are for the caller to invalidate.
        """
        status = self.model.Status
        return self.filter(status=status.PUBLISHED).update(
            status=status.DRAFT, updated_at=now or timezone.now()
        )


def beside(article: Article, direction: Direction) -> Cursor:
    """Return the cursor of what stands before or after a published article."""
    if article.published_at is None:
        raise ValueError("A draft has no place in a list.")
    return Cursor(direction, article.published_at, article.pk)


def _first_page(articles: ArticleQuerySet, size: int, now: datetime) -> Slice:
    found = list(articles.published(now).order_by(*NEWEST_FIRST)[: size + 1])
    shown = found[:size]
    return Slice(shown, beside(shown[-1], Direction.OLDER) if len(found) > size else None, None)


def _older_page(articles: ArticleQuerySet, cursor: Cursor, size: int, now: datetime) -> Slice:
    found = list(articles.older_than(cursor, now).order_by(*NEWEST_FIRST)[: size + 1])
    shown = found[:size]
    # Where the page is empty because its articles are gone, the ones before it may not be.
    before = beside(shown[0], Direction.NEWER) if shown else replace(cursor, direction=Direction.NEWER)
    return Slice(
        shown,
        beside(shown[-1], Direction.OLDER) if len(found) > size else None,
        before if _are_there(articles.newer_than(before, now), OLDEST_FIRST) else None,
    )


def _newer_page(articles: ArticleQuerySet, cursor: Cursor, size: int, now: datetime) -> Slice:
    found = list(articles.newer_than(cursor, now).order_by(*OLDEST_FIRST)[: size + 1])
    if len(found) < size:
        return _first_page(articles, size, now)
    shown = found[size - 1 :: -1]
    after = beside(shown[-1], Direction.OLDER)
    return Slice(
        shown,
        after if _are_there(articles.older_than(after, now), NEWEST_FIRST) else None,
        beside(shown[0], Direction.NEWER) if len(found) > size else None,
    )


def _are_there(articles: ArticleQuerySet, order: tuple[str, ...]) -> bool:
    # Not exists(), which has no order: PostgreSQL would begin anywhere, and not beside the cursor.
    return articles.order_by(*order).values_list("pk", flat=True).first() is not None


def _of_the_author() -> tuple[str, ...]:
    return tuple(f"author__{name}" for name in ("username", "first_name", "last_name"))
