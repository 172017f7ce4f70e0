"""What the API answers, in the words of its documentation."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from ninja import Field, Schema
from pydantic import StringConstraints

Slug = Annotated[str, StringConstraints(max_length=120)]
LanguageCode = Literal["en", "fr"]


class AuthorOut(Schema):
    """Who wrote an article."""

    username: str
    name: str
    url: str = Field(description="Address of the page that lists their articles")


class TagOut(Schema):
    """What an article is about."""

    name: str
    slug: str
    url: str = Field(description="Address of the page that lists its articles")


class CoverOut(Schema):
    """An image."""

    url: str
    width: int = Field(description="Pixels")
    height: int = Field(description="Pixels")


class ArticleOut(Schema):
    """An article in a list."""

    id: int
    title: str
    slug: str
    summary: str
    language: str
    url: str = Field(description="Address of its page")
    published_at: datetime
    updated_at: datetime
    author: AuthorOut
    tags: list[TagOut]
    cover: CoverOut | None
    reading_minutes: int


class FullArticleOut(ArticleOut):
    """A whole article."""

    word_count: int
    body_html: str = Field(description="The text as HTML that is safe to show")


class ArticlesOut(Schema):
    """One page of articles, newest first."""

    articles: list[ArticleOut]
    next: str | None = Field(description="`cursor` of the page with older articles, if there is one")
    previous: str | None = Field(description="`cursor` of the page with newer articles, if there is one")


class SiteOut(Schema):
    """What the site says of itself."""

    name: str
    tagline: str
    language: str = Field(description="The language whose pages have no prefix in their address")
    languages: list[str]
    url: str
    feed_url: str
    registration_open: bool
    articles: int = Field(description="Published articles")
    authors: int = Field(description="People who have published something")
    tags: int


class ErrorOut(Schema):
    """The one shape of every error."""

    detail: str = Field(description="What went wrong, in the language of the request")
