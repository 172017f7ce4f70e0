"""Becoming a member."""

from __future__ import annotations

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from tests.users.conftest import MemberMaker, SettingsMaker
from users.forms.registration import RegistrationForm
from users.models import User

pytestmark = pytest.mark.django_db

FORM = {
    "username": "bo",
    "email": "Bo@EXAMPLE.org",
    "password1": "seven green pears",
    "password2": "seven green pears",
}


def test_a_new_member_is_logged_in_and_welcomed(client: Client) -> None:
    answer = client.post("/accounts/register/", FORM)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/dashboard/")
    member = User.objects.get()
    assert (member.username, member.email, member.language) == ("bo", "Bo@example.org", "en")
    assert not member.is_staff
    assert client.session["_auth_user_id"] == str(member.pk)
    assert answer.cookies["member"].value == "1"
    assert "bo" in client.get("/profile/").content.decode()


def test_who_registers_on_a_french_page_is_spoken_to_in_french(client: Client) -> None:
    answer = client.post("/fr/accounts/register/", FORM)
    assert answer.headers["Location"] == "/fr/dashboard/"
    assert User.objects.get().language == "fr"


def test_a_new_member_goes_on_to_a_safe_place_only(client: Client) -> None:
    page = client.get("/accounts/register/", {"next": "/profile/"})
    assert page.context["next"] == "/profile/"
    answer = client.post("/accounts/register/", {**FORM, "next": "https://evil.example/"})
    assert answer.headers["Location"] == "/dashboard/"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", "ANN"),
        ("username", "b o"),
        ("username", "bo@example.org"),
        ("username", "x" * 151),
        ("email", "ann@EXAMPLE.org"),
        ("email", "ANN@example.org"),
        ("email", "not an address"),
        ("email", ""),
        ("password2", "something else"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(client: Client, ann: User, field: str, value: str) -> None:
    answer = client.post("/accounts/register/", {**FORM, field: value})
    assert answer.status_code == 200
    assert set(answer.context["form"].errors) == {field}
    assert User.objects.get() == ann


@pytest.mark.parametrize("password", ["short 1", "password123", "1234567890", "bo@example.org"])
def test_a_weak_password_is_refused(client: Client, password: str) -> None:
    answer = client.post("/accounts/register/", {**FORM, "password1": password, "password2": password})
    assert "password2" in answer.context["form"].errors
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("rival", "field"),
    [
        ({"username": "BO", "email": "rival@example.org"}, "username"),
        ({"username": "rival", "email": "bo@example.org"}, "email"),
    ],
)
def test_of_two_who_want_the_same_name_at_the_same_moment_one_is_told(
    new_member: MemberMaker, rival: dict[str, str], field: str
) -> None:
    form = RegistrationForm(FORM)
    assert form.is_valid()
    new_member(**rival)
    assert form.save_unless_taken() is None
    assert set(form.errors) == {field}
    assert User.objects.count() == 1


def test_a_closed_door_says_so_and_opens_to_nobody(client: Client, site_settings: SettingsMaker) -> None:
    site_settings(registration_open=False)
    for answer in (client.get("/accounts/register/"), client.post("/accounts/register/", FORM)):
        assert answer.status_code == 403
        assert "users/registration_closed.html" in [template.name for template in answer.templates]
    assert not User.objects.exists()


def test_a_member_needs_no_second_account(ann_at_home: Client) -> None:
    assert ann_at_home.get("/accounts/register/").headers["Location"] == "/dashboard/"
    assert ann_at_home.post("/accounts/register/", FORM).headers["Location"] == "/dashboard/"
    assert User.objects.count() == 1


def test_looking_at_the_form_makes_no_session(client: Client) -> None:
    assert set(client.get("/accounts/register/").cookies) == {"csrftoken"}
    assert not Session.objects.exists()


def test_an_address_can_register_ten_times_an_hour(client: Client) -> None:
    answers = [client.post("/accounts/register/", {}).status_code for _ in range(11)]
    assert answers == [200] * 10 + [429]
