"""What a member finds on their dashboard: everything counted, nothing estimated."""

from __future__ import annotations

from typing import TypedDict

from django.db.models import Count, Q, Sum
from django.utils import timezone

from content import lookups
from content.models import Article
from content.queries import NEWEST_FIRST, ArticleQuerySet
from users.models import User

ROWS = 5


class Numbers(TypedDict):
    """The member's, then the site's."""

    drafts: int
    scheduled: int
    published: int
    words: int
    site_articles: int
    site_words: int
    site_authors: int
    site_tags: int
    site_members: int


def numbers(member: User) -> Numbers:
    """Count what *member* has written, drafts included, and what there is on the site."""
    is_published = Q(status=Article.Status.PUBLISHED)
    now = timezone.now()
    own = member.articles.aggregate(
        drafts=Count("pk", filter=Q(status=Article.Status.DRAFT)),
        scheduled=Count("pk", filter=is_published & Q(published_at__gt=now)),
        published=Count("pk", filter=is_published & Q(published_at__lte=now)),
        words=Sum("word_count", default=0),
    )
    site = lookups.site_numbers()
    return Numbers(
        drafts=own["drafts"],
        scheduled=own["scheduled"],
        published=own["published"],
        words=own["words"],
        site_articles=site.articles,
        site_words=site.words,
        site_authors=site.authors,
        site_tags=site.tags,
        site_members=site.members,
    )


def drafts(member: User) -> list[Article]:
    """Return the drafts that *member* began last."""
    return list(_rows(member).filter(status=Article.Status.DRAFT).order_by("-created_at")[:ROWS])


def scheduled(member: User) -> list[Article]:
    """Return what is going to appear by itself, the next first."""
    return list(_rows(member).scheduled().order_by("published_at", "id")[:ROWS])


def recent(member: User) -> list[Article]:
    """Return what *member* published last."""
    return list(_rows(member).published().order_by(*NEWEST_FIRST)[:ROWS])


def _rows(member: User) -> ArticleQuerySet:
    return Article.objects.filter(author=member).defer("body")
