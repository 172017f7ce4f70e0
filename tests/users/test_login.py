"""Coming in and going out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.sessions.models import Session
from django.test import Client
from pytest_django import Settings

from tests.users.conftest import PASSWORD, MemberMaker, SettingsMaker
from users.models import User

pytestmark = pytest.mark.django_db


class CountingHasher(MD5PasswordHasher):
    """A hasher that knows how often it was asked."""

    hashed = 0

    def encode(self, password: str, salt: str) -> str:
        """Count, and hash."""
        type(self).hashed += 1
        return super().encode(password, salt)


@pytest.mark.parametrize("name", ["ann", "Ann", "ann@example.org", "ANN@Example.org", "  ann "])
def test_a_member_comes_in_by_name_or_address_in_whatever_case(client: Client, ann: User, name: str) -> None:
    answer = client.post("/accounts/login/", {"username": name, "password": PASSWORD})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/dashboard/")
    assert client.session["_auth_user_id"] == str(ann.pk)


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ann", "wrong"),
        ("ann", PASSWORD.upper()),
        ("nobody", PASSWORD),
        ("", PASSWORD),
        ("ann", ""),
        ("ann\0", PASSWORD),
    ],
)
def test_nobody_comes_in_otherwise(client: Client, ann: User, name: str, password: str) -> None:
    answer = client.post("/accounts/login/", {"username": name, "password": password})
    assert answer.status_code == 200
    assert answer.context["form"].errors
    assert "sessionid" not in answer.cookies
    assert "member" not in answer.cookies


def test_the_answer_to_a_wrong_password_and_to_a_wrong_name_is_the_same(client: Client, ann: User) -> None:
    ann.is_active = True
    wrong = [
        client.post("/accounts/login/", {"username": name, "password": "wrong"}).context["form"].errors
        for name in ("ann", "nobody", "nobody@example.org")
    ]
    assert wrong[0] == wrong[1] == wrong[2]


def test_an_inactive_account_is_refused_like_an_unknown_one(client: Client, new_member: MemberMaker) -> None:
    new_member("bo", is_active=False)
    answer = client.post("/accounts/login/", {"username": "bo", "password": PASSWORD})
    unknown = client.post("/accounts/login/", {"username": "nobody", "password": PASSWORD})
    assert answer.context["form"].errors == unknown.context["form"].errors


@pytest.mark.parametrize("name", ["ann", "ann@example.org", "nobody", "nobody@example.org"])
def test_an_unknown_name_takes_as_much_work_as_a_known_one(settings: Settings, ann: User, name: str) -> None:
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    ann.set_password(PASSWORD)
    ann.save()
    CountingHasher.hashed = 0
    assert authenticate(None, username=name, password="wrong") is None
    assert CountingHasher.hashed == 1


def test_somebody_elses_address_is_nobodys_user_name(
    client: Client, ann: User, new_member: MemberMaker
) -> None:
    User.objects.create_user("ann@example.org", "thief@example.org", "stolen in 1 day")
    assert authenticate(None, username="ann@example.org", password="stolen in 1 day") is None
    assert authenticate(None, username="ann@example.org", password=PASSWORD) == ann


def test_looking_at_the_login_page_makes_no_session(client: Client) -> None:
    answer = client.get("/accounts/login/")
    assert set(answer.cookies) == {"csrftoken"}
    assert not Session.objects.exists()


def test_the_login_page_shows_the_name_of_the_site(client: Client, site_settings: SettingsMaker) -> None:
    site_settings(name="Herbarium")
    assert "Herbarium" in client.get("/accounts/login/").content.decode()


@pytest.mark.parametrize("next_page", ["/profile/", "/fr/articles/?cursor=abc", "http://testserver/profile/"])
def test_a_member_goes_on_to_where_the_way_was_barred(client: Client, ann: User, next_page: str) -> None:
    form = {"username": "ann", "password": PASSWORD, "next": next_page}
    assert client.post("/accounts/login/", form).headers["Location"] == next_page


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "http:evil.example",
        "http://testserver@evil.example/",
        " //evil.example",
        "\t//evil.example",
    ],
)
def test_next_never_leads_to_another_site(client: Client, ann: User, elsewhere: str) -> None:
    form = {"username": "ann", "password": PASSWORD, "next": elsewhere}
    page = client.get("/accounts/login/", {"next": elsewhere})
    assert page.context["next"] == ""
    assert client.post("/accounts/login/", form).headers["Location"] == "/dashboard/"


def test_a_member_is_welcomed_in_the_language_the_member_chose(
    client: Client, new_member: MemberMaker
) -> None:
    new_member("bo", language="fr")
    form = {"username": "bo", "password": PASSWORD}
    assert client.post("/accounts/login/", form).headers["Location"] == "/fr/dashboard/"


def test_without_a_choice_the_language_of_the_page_goes_on(client: Client, ann: User) -> None:
    form = {"username": "ann", "password": PASSWORD}
    assert client.post("/fr/accounts/login/", form).headers["Location"] == "/fr/dashboard/"


def test_who_is_in_already_does_not_see_the_door(ann_at_home: Client) -> None:
    assert ann_at_home.get("/accounts/login/").headers["Location"] == "/dashboard/"


def test_logging_out_ends_the_session(ann_at_home: Client) -> None:
    answer = ann_at_home.post("/fr/accounts/logout/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/fr/")
    assert answer.cookies["sessionid"].value == ""
    assert ann_at_home.get("/profile/").status_code == 302
    assert not Session.objects.exists()


def test_a_link_cannot_log_anybody_out(ann_at_home: Client) -> None:
    assert ann_at_home.get("/accounts/logout/").status_code == 405
    assert ann_at_home.get("/profile/").status_code == 200


# --- Limits ---


def attempt(client: Client, name: str, address: str = "203.0.113.1", **extra: Any) -> int:
    form = {"username": name, "password": "wrong"}
    return client.post(extra.pop("path", "/accounts/login/"), form, REMOTE_ADDR=address, **extra).status_code


def test_an_address_has_ten_attempts_a_minute(client: Client, engine: str) -> None:
    assert [attempt(client, f"name{n}") for n in range(12)] == [200] * 10 + [429] * 2


def test_a_name_has_ten_attempts_a_minute_from_wherever(client: Client, ann: User, engine: str) -> None:
    tried = [attempt(client, "ann" if n % 2 else "ANN", f"203.0.113.{n}") for n in range(12)]
    assert tried == [200] * 10 + [429] * 2
    assert attempt(client, "bo", "203.0.113.99") == 200


def test_the_door_of_the_administration_is_no_second_chance(client: Client) -> None:
    for n in range(10):
        attempt(client, f"name{n}")
    assert attempt(client, "other", path="/admin/login/") == 429
    assert attempt(client, "other", path="/fr/accounts/login/") == 429


def test_who_waits_as_long_as_told_may_try_again(client: Client, ann: User) -> None:
    with time_machine.travel("2026-03-01T12:00:17Z", tick=False) as clock:
        for _ in range(10):
            attempt(client, "ann")
        form = {"username": "ann", "password": PASSWORD}
        refused = client.post("/accounts/login/", form, REMOTE_ADDR="203.0.113.1")
        assert refused.status_code == 429
        wait = 0
        while refused.status_code == 429:
            wait = int(refused.headers["Retry-After"])
            clock.shift(timedelta(seconds=wait))
            refused = client.post("/accounts/login/", form, REMOTE_ADDR="203.0.113.1")
        assert refused.status_code == 302


def test_looking_at_the_page_is_not_counted(client: Client) -> None:
    assert {client.get("/accounts/login/").status_code for _ in range(15)} == {200}
