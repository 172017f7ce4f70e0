"""Fixtures for the tests of core."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache

from core.languages import forget_site_language
from core.models import SiteSettings
from users.models import User

SettingsMaker = Callable[..., SiteSettings]
MemberMaker = Callable[..., User]


@pytest.fixture(autouse=True)
def _site_language_of_the_settings() -> Iterator[None]:
    """Make this process forget the site language of a test whose settings are rolled back."""
    yield
    forget_site_language()


@pytest.fixture
def site_settings(db: None) -> SettingsMaker:
    """Write the site's settings: ``site_settings(language="fr")``."""

    def write(**values: Any) -> SiteSettings:
        row, _created = SiteSettings.objects.update_or_create(pk=1, defaults=values)
        cache.clear()
        forget_site_language()
        return row

    return write


@pytest.fixture
def new_member(db: None) -> MemberMaker:
    """Create a member: ``new_member("ann", language="fr")``; the password is ``long enough 1``."""

    def create(username: str = "ann", **values: Any) -> User:
        email = values.pop("email", f"{username}@example.org")
        return User.objects.create_user(username, email, "long enough 1", **values)

    return create
