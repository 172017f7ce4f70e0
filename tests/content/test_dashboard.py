"""The dashboard: everything on it is counted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from content.models import Article
from tests.content.conftest import LONG_AGO, ArticleMaker, MemberMaker, SettingsMaker, content_queries
from users.models import User

pytestmark = pytest.mark.django_db


def test_strangers_are_asked_who_they_are(client: Client) -> None:
    answer = client.get("/fr/dashboard/")
    assert answer.status_code == 302
    assert answer["Location"] == "/fr/accounts/login/?next=/fr/dashboard/"


def test_it_counts_what_the_member_has_written(
    client: Client, new_article: ArticleMaker, new_member: MemberMaker, writer: User
) -> None:
    other = new_member("grace")
    new_article("Out", body="one two three")
    new_article("Also out", language="fr", body="un deux")
    new_article("Draft", body="one", status=Article.Status.DRAFT, published_at=None)
    new_article("Soon", body="one", published_at=timezone.now() + timedelta(days=1))
    new_article("Theirs", body="one two three four", author=other, tags=("rain",))
    client.force_login(writer)
    answer = client.get("/dashboard/")
    assert answer.context["numbers"] == {
        "drafts": 1,
        "scheduled": 1,
        "published": 2,
        "words": 7,
        "site_articles": 3,
        "site_words": 9,
        "site_authors": 2,
        "site_tags": 1,
        "site_members": 2,
    }
    assert [article.title for article in answer.context["drafts"]] == ["Draft"]
    assert [article.title for article in answer.context["scheduled"]] == ["Soon"]
    assert [article.title for article in answer.context["recent"]] == ["Also out", "Out"]
    assert [article.title for article in answer.context["latest"]] == ["Theirs", "Out"]


def test_it_shows_the_newest_five_of_each(client: Client, new_article: ArticleMaker, writer: User) -> None:
    for number in range(8):
        written = LONG_AGO + timedelta(hours=number)
        new_article(f"Draft {number}", status=Article.Status.DRAFT, created_at=written)
    client.force_login(writer)
    drafts = client.get("/dashboard/").context["drafts"]
    assert [article.title for article in drafts] == [f"Draft {number}" for number in (7, 6, 5, 4, 3)]


def test_a_new_member_finds_zeros_and_a_page(client: Client, new_member: MemberMaker) -> None:
    client.force_login(new_member("reader"))
    answer = client.get("/dashboard/")
    assert answer.status_code == 200
    assert set(answer.context["numbers"].values()) == {0, 1}  # themselves
    assert answer.context["can_write"] is False


def test_nobody_keeps_it(client: Client, new_member: MemberMaker) -> None:
    client.force_login(new_member("reader"))
    answer = client.get("/dashboard/")
    assert "no-store" in answer["Cache-Control"]
    assert "private" in answer["Cache-Control"]


@pytest.mark.django_db(transaction=True)
def test_who_may_write_is_led_to_writing(client: Client, new_member: MemberMaker) -> None:
    member = new_member("staff", is_staff=True)
    client.force_login(member)
    assert client.get("/dashboard/").context["can_write"] is False
    member.user_permissions.add(Permission.objects.get(codename="add_article"))
    assert client.get("/dashboard/").context["can_write"] is True


@pytest.mark.parametrize("number", [1, 10])
def test_it_costs_the_same_however_much_was_written(
    number: int,
    client: Client,
    new_article: ArticleMaker,
    writer: User,
    site_settings: SettingsMaker,
) -> None:
    site_settings(name="Site")
    for _ in range(number):
        new_article(tags=("rain",))
        new_article(status=Article.Status.DRAFT)
    client.force_login(writer)
    client.get("/dashboard/")  # the site's numbers are known from here on
    with content_queries() as queries:
        client.get("/dashboard/")
    assert len(queries) == 4  # own numbers, drafts, scheduled, recent
