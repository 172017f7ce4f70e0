"""Who may do what, for every URL, role and method. A new URL without a row in the matrix fails."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.urls import resolve
from django.utils import timezone, translation
from pytest_django import Settings

from cacheadmin.models import CacheSettings
from content.models import Article, Tag
from core.models import AdminHistory, SiteSettings
from tests.http.matrix import ADMIN_MODELS, METHODS, ROLES, Row, rows
from tests.http.urlconf import addresses
from users.models import User

# Patterns that have no name: what catches the rest of the administration.
NAMELESS = {"admin/(?P<url>.*)$"}
Ask = Callable[[str, str, str], int]


@pytest.fixture
def words(db: None, settings: Settings, tmp_path: Path) -> dict[str, str]:
    """A small site; what the matrix's addresses are filled with."""
    settings.MEDIA_ROOT = tmp_path
    (tmp_path / "covers").mkdir()
    (tmp_path / "covers" / "blue.webp").write_bytes(b"RIFF")
    owner = User.objects.create_superuser("superuser", "superuser@example.org", "x")
    member = User.objects.create_user("member", "member@example.org", "x")
    User.objects.create_user("staff", "staff@example.org", "x", is_staff=True)
    tag = Tag.objects.create(name="Tea", slug="tea")
    yesterday = timezone.now() - timedelta(days=1)
    common: dict[str, Any] = {"author": owner, "language": "en", "body": "Words."}
    article = Article.objects.create(
        title="Read me", slug="read-me", status="published", published_at=yesterday, **common
    )
    article.tags.add(tag)
    Article.objects.create(title="Not yet", slug="not-yet", status="draft", **common)
    site = SiteSettings.objects.filter(pk=1).first() or SiteSettings.objects.create(pk=1)
    history = AdminHistory.objects.create(actor=owner, actor_name="superuser", action="add")
    cache_settings = CacheSettings.objects.get_or_create(alias="default")[0]
    known = {
        "article": "read-me",
        "draft": "not-yet",
        "author": "superuser",
        "tag": "tea",
        "cover": "covers/blue.webp",
        "article_type": ContentType.objects.get_for_model(Article).pk,
        "article_id": article.pk,
        "member_id": member.pk,
    }
    by_model = {
        "group": Group.objects.create(name="Editors").pk,
        "user": member.pk,
        "sitesettings": site.pk,
        "adminhistory": history.pk,
        "cachesettings": cache_settings.pk,
    }
    return {name: str(value) for name, value in {**known, **by_model}.items()}


@functools.cache
def admin_path(name: str) -> bool:
    """Whether a row's words stand for primary keys."""
    return name.startswith(("admin:content_article_", "admin:content_tag_"))


@pytest.fixture
def path_of(words: dict[str, str]) -> Callable[[Row], str]:
    """The address of a row, filled in."""

    def fill(row: Row) -> str:
        keys = (
            {"article": words["article_id"], "tag": str(Tag.objects.get().pk)} if admin_path(row.name) else {}
        )
        return row.path.format(**{**words, **keys})

    return fill


def client_of(role: str, *, checks_csrf: bool = False) -> Client:
    """Somebody with that role and no history."""
    client = Client(enforce_csrf_checks=checks_csrf, raise_request_exception=False)
    if role != "anonymous":
        client.force_login(User.objects.get(username=role))
    return client


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.id)
def test_everybody_may_do_what_the_matrix_says(row: Row, path_of: Callable[[Row], str]) -> None:
    path = path_of(row)
    if row.name:
        with translation.override("fr" if path.startswith("/fr/") else "en"):
            assert resolve(path).view_name == row.name
    wrong = []
    for role in ROLES:
        for method in METHODS:
            answer = client_of(role).generic(method, path)
            answer.close()
            if answer.status_code not in row.expected(method, role):
                expected = row.expected(method, role)
                wrong.append(f"{method} as {role}: {answer.status_code} instead of {expected}")
    assert not wrong, f"{path}\n" + "\n".join(wrong)


@pytest.mark.parametrize(
    "row", [row for row in rows() if set(row.post.split()) - {"405"}], ids=lambda row: row.id
)
def test_nobody_posts_without_a_token(row: Row, path_of: Callable[[Row], str]) -> None:
    path = path_of(row)
    for role in ROLES:
        answer = client_of(role, checks_csrf=True).post(path)
        assert answer.status_code in {403, 404} or _is_login(answer.headers.get("Location", "")), role


def _is_login(location: str) -> bool:
    return "/login/" in location


@pytest.mark.django_db
def test_every_url_has_its_row() -> None:
    listed = {row.name for row in rows()}
    known = {address for address in addresses() if address.name in listed}
    unknown = [address for address in addresses() if address not in known]
    nameless = [address for address in unknown if not address.name]
    assert [address for address in unknown if address.name] == [], "Add these to tests/http/matrix.py"
    assert {address.route for address in nameless} <= NAMELESS | _old_addresses(), "Give these a name"


def _old_addresses() -> set[str]:
    # Django leads /admin/<app>/<model>/<id>/ to …/change/ by a pattern without a name.
    return {
        f"admin/{model._meta.app_label}/{model._meta.model_name}/<path:object_id>/"
        for model in admin.site._registry
    }


@pytest.mark.django_db
def test_every_row_has_its_url() -> None:
    names = {address.name for address in addresses()}
    assert {row.name for row in rows()} - names == set()


def test_every_model_of_the_administration_has_its_row() -> None:
    registered = {model._meta.label_lower for model in admin.site._registry}
    assert registered == {entry.model for entry in ADMIN_MODELS}
