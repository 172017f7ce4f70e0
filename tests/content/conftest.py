"""Fixtures for the tests of content."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from PIL import Image
from pytest_django import Settings

from content.models import Article, Tag
from tests.core.conftest import (
    MemberMaker,
    SettingsMaker,
    _site_language_of_the_settings,
    new_member,
    site_settings,
)
from users.models import User

__all__ = [
    "ArticleMaker",
    "ImageMaker",
    "MemberMaker",
    "SettingsMaker",
    "_site_language_of_the_settings",
    "content_queries",
    "new_member",
    "site_settings",
]

ArticleMaker = Callable[..., Article]
ImageMaker = Callable[..., SimpleUploadedFile]

# A moment in the past that lies before no other in these tests.
LONG_AGO = datetime(2020, 1, 1, 12, tzinfo=timezone.get_default_timezone())


@contextmanager
def content_queries() -> Iterator[list[str]]:
    """Collect the queries that touch articles; accounts, sessions and settings are counted elsewhere."""
    found: list[str] = []
    queries = CaptureQueriesContext(connection)
    try:
        with queries:
            yield found
    finally:
        found += [query["sql"] for query in queries.captured_queries if '"content_' in query["sql"]]


@pytest.fixture(autouse=True)
def _media_of_its_own(settings: Settings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def writer(new_member: MemberMaker) -> User:
    """Somebody who has written the articles of a test: user name “ada”."""
    return new_member("ada", first_name="Ada", last_name="Byron")


@pytest.fixture
def new_article(writer: User) -> ArticleMaker:
    """Write an article: published, in English, a minute after the one before; ``tags`` are names."""
    numbers = count(1)

    def make(title: str = "", *, tags: tuple[str, ...] = (), **values: Any) -> Article:
        number = next(numbers)
        article = Article.objects.create(
            **{
                "author": writer,
                "title": title or f"Article {number}",
                "summary": f"Summary {number}.",
                "body": f"Text {number}.",
                "status": Article.Status.PUBLISHED,
                "published_at": LONG_AGO + timedelta(minutes=number),
                **values,
            }
        )
        article.tags.set([Tag.objects.get_or_create(name=name)[0] for name in tags])
        return article

    return make


@pytest.fixture
def editor(new_member: MemberMaker) -> Client:
    """A browser in which an administrator is logged in."""
    member = new_member("editor", is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(member)
    return client


@pytest.fixture
def new_image() -> ImageMaker:
    """Make an upload: ``new_image((800, 600), "PNG", mode="RGBA")``."""

    def make(
        size: tuple[int, int] = (800, 600),
        kind: str = "JPEG",
        mode: str = "RGB",
        colour: str | int | tuple[int, ...] = "teal",
        **options: Any,
    ) -> SimpleUploadedFile:
        target = BytesIO()
        Image.new(mode, size, colour).save(target, kind, **options)
        return SimpleUploadedFile(f"holiday.{kind.lower()}", target.getvalue(), f"image/{kind.lower()}")

    return make
