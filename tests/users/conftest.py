"""Fixtures for the tests of users; most are those of core."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.core.conftest import (
    MemberMaker,
    SettingsMaker,
    _site_language_of_the_settings,
    new_member,
    site_settings,
)
from users.models import User

__all__ = [
    "PASSWORD",
    "MemberMaker",
    "SettingsMaker",
    "_site_language_of_the_settings",
    "new_member",
    "site_settings",
]

PASSWORD = "long enough 1"


@pytest.fixture
def ann(new_member: MemberMaker) -> User:
    """A member: ann@example.org, with the password ``PASSWORD``."""
    return new_member("ann")


@pytest.fixture
def ann_at_home(client: Client, ann: User) -> Client:
    """A browser in which she is logged in by the login page."""
    answer = client.post("/accounts/login/", {"username": "ann", "password": PASSWORD})
    assert answer.status_code == 302
    return client
