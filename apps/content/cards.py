"""Plain copies of articles, for caches and templates.

A cache that kept model instances would keep half-loaded rows that query the database when touched.
These hold text, numbers and dates, compare by value, and mean the same out of a cache as fresh.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils import timezone, translation

from content import cover_sizes, markdown
from content.kept import Kept

if TYPE_CHECKING:
    from content.models import Article, Tag
    from users.models import User


@dataclass(frozen=True, slots=True)
class TagCard(Kept):
    """A subject, as it is shown beside an article."""

    id: int
    name: str
    slug: str

    def get_absolute_url(self) -> str:
        """Its page in the language of the page being made."""
        return reverse("content:tag", args=[self.slug])


@dataclass(frozen=True, slots=True)
class AuthorCard(Kept):
    """A person, as they are shown beside what they wrote."""

    id: int
    username: str
    public_name: str
    bio: str = ""

    def get_absolute_url(self) -> str:
        """Their page in the language of the page being made."""
        return reverse("content:author", args=[self.username])


@dataclass(frozen=True, slots=True)
class Cover(Kept):
    """An image: its address, its size in pixels, and where smaller ones are, as ``srcset`` says it."""

    url: str
    width: int
    height: int
    srcset: str = ""


@dataclass(frozen=True, slots=True)
class ArticleLink(Kept):
    """As much of an article as a link to it needs."""

    title: str
    slug: str
    language: str

    def get_absolute_url(self) -> str:
        """Its page, which is always in its own language."""
        with translation.override(self.language):
            return reverse("content:article", args=[self.slug])


@dataclass(frozen=True, slots=True)
class ArticleCard(ArticleLink):
    """An article in a list."""

    id: int
    summary: str
    published_at: datetime
    updated_at: datetime
    author: AuthorCard
    tags: tuple[TagCard, ...]
    cover: Cover | None
    reading_minutes: int


@dataclass(frozen=True, slots=True)
class FullArticle(ArticleCard):
    """A whole article, its text as HTML that is safe to show."""

    body_html: str
    word_count: int

    @property
    def is_due(self) -> bool:
        """Whether its moment has come. Asked when it is read, not when it is stored."""
        return self.published_at <= timezone.now()


@dataclass(frozen=True, slots=True)
class ArticlePage(Kept):
    """One page of a list, with the cursors of its neighbours: empty where there are none.

    ``stale_at`` is when the next article of the list is due to appear, or ``None``.
    """

    articles: tuple[ArticleCard, ...]
    next_cursor: str = ""
    previous_cursor: str = ""
    stale_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Surroundings(Kept):
    """What a reader may go on to: the neighbours in time, and what is about the same subjects.

    ``stale_at`` is when the next article is due to appear, or ``None``.
    """

    newer: ArticleLink | None
    older: ArticleLink | None
    related: tuple[ArticleCard, ...]
    stale_at: datetime | None = None


def tag_card(tag: Tag) -> TagCard:
    """Copy a tag."""
    return TagCard(tag.pk, tag.name, tag.slug)


def author_card(author: User, *, with_bio: bool = False) -> AuthorCard:
    """Copy what everybody may know of a person. The bio only where it is shown: lists do not load it."""
    return AuthorCard(author.pk, author.username, author.public_name, author.bio if with_bio else "")


def article_link(article: Article) -> ArticleLink:
    """Copy what a link to an article needs."""
    return ArticleLink(article.title, article.slug, article.language)


def article_card(article: Article) -> ArticleCard:
    """Copy what a list shows of an article."""
    return ArticleCard(**_of_a_card(article))


def full_article(article: Article) -> FullArticle:
    """Copy an article with its text, made into HTML."""
    return FullArticle(
        **_of_a_card(article), body_html=markdown.render(article.body), word_count=article.word_count
    )


def _of_a_card(article: Article) -> dict[str, Any]:
    return {
        "id": article.pk,
        "title": article.title,
        "slug": article.slug,
        "summary": article.summary,
        "language": article.language,
        # A draft has no date yet; its preview shows the one it would get.
        "published_at": article.published_at or timezone.now(),
        "updated_at": article.updated_at,
        "author": author_card(article.author),
        "tags": tuple(tag_card(tag) for tag in article.tags.all()),
        "cover": _cover(article),
        "reading_minutes": article.reading_minutes,
    }


def _cover(article: Article) -> Cover | None:
    if not article.cover or not article.cover_width or not article.cover_height:
        return None
    cover, width = article.cover, article.cover_width
    srcset = cover_sizes.srcset(cover.storage, str(cover), width, article.cover_widths)
    return Cover(cover.url, width, article.cover_height, srcset)
