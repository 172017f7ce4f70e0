"""What members say about themselves, and their passwords."""

from __future__ import annotations

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from tests.users.conftest import PASSWORD, MemberMaker
from users.forms.profile import ProfileForm
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)

FORM = {
    "first_name": "Ann",
    "last_name": "Smith",
    "email": "smith@example.org",
    "bio": "Writes.",
    "language": "fr",
    "theme": "dark",
}


def test_a_profile_is_saved_and_goes_on_in_the_chosen_language(ann_at_home: Client, ann: User) -> None:
    answer = ann_at_home.post("/profile/", FORM)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/fr/profile/")
    ann.refresh_from_db()
    assert {name: getattr(ann, name) for name in FORM} == FORM
    page = ann_at_home.get("/fr/profile/")
    assert "Votre profil est enregistré" in page.content.decode()
    assert 'data-profile-theme="dark"' in page.content.decode()
    assert "Ann Smith" in page.content.decode()


def test_the_page_needs_a_member(client: Client) -> None:
    for address in ("/profile/", "/profile/password/"):
        answer = client.get(address)
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/accounts/login/?next={address}")
        assert client.post(address, FORM).status_code == 302


def test_the_page_is_kept_by_no_cache(ann_at_home: Client) -> None:
    assert "no-store" in ann_at_home.get("/profile/").headers["Cache-Control"]


def test_languages_are_offered_under_their_own_names(ann_at_home: Client) -> None:
    page = ann_at_home.get("/profile/").content.decode()
    assert '<option value="fr">Français</option>' in page
    assert '<option value="en">English</option>' in page


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", ""),
        ("email", "BO@example.org"),
        ("language", "xx"),
        ("theme", "pink"),
        ("bio", "x" * 301),
        ("first_name", "x" * 151),
    ],
)
def test_what_cannot_be_is_refused(
    ann_at_home: Client, ann: User, new_member: MemberMaker, field: str, value: str
) -> None:
    new_member("bo")
    answer = ann_at_home.post("/profile/", {**FORM, field: value})
    assert answer.status_code == 200
    assert set(answer.context["form"].errors) == {field}
    ann.refresh_from_db()
    assert ann.last_name == ""


def test_no_field_that_is_not_on_the_page_can_be_written(ann_at_home: Client, ann: User) -> None:
    ann_at_home.post("/profile/", {**FORM, "is_staff": "on", "is_superuser": "on", "username": "boss"})
    ann.refresh_from_db()
    assert (ann.username, ann.is_staff, ann.is_superuser) == ("ann", False, False)


def test_an_address_that_somebody_takes_at_the_same_moment_is_told(
    ann: User, new_member: MemberMaker
) -> None:
    form = ProfileForm(FORM, instance=User.objects.get(pk=ann.pk))
    assert form.is_valid()
    new_member("bo", email="Smith@example.org")
    assert form.save_unless_taken() is None
    assert set(form.errors) == {"email"}


def test_saving_a_profile_undoes_nothing_an_administrator_does_at_the_same_time(ann: User) -> None:
    form = ProfileForm(FORM, instance=User.objects.get(pk=ann.pk))
    assert form.is_valid()
    User.objects.update(is_active=False)
    form.save_unless_taken()
    ann.refresh_from_db()
    assert (ann.is_active, ann.first_name) == (False, "Ann")


def test_a_bio_is_shown_as_text(ann_at_home: Client) -> None:
    ann_at_home.post("/profile/", {**FORM, "first_name": "<script>alert(1)</script>", "last_name": ""})
    assert "<script>alert(1)" not in ann_at_home.get("/profile/").content.decode()


# --- Passwords ---

NEW = {"old_password": PASSWORD, "new_password1": "seven green pears", "new_password2": "seven green pears"}


def test_a_new_password_ends_all_other_sessions_at_once_and_not_ones_own(
    engine: str, ann_at_home: Client, ann: User
) -> None:
    elsewhere = Client()
    elsewhere.post("/accounts/login/", {"username": "ann", "password": PASSWORD})
    assert elsewhere.get("/profile/").status_code == 200
    answer = ann_at_home.post("/profile/password/", NEW)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/profile/")
    assert [str(message) for message in get_messages(answer.wsgi_request)] == ["Your new password is saved."]
    assert elsewhere.get("/profile/").status_code == 302
    assert ann_at_home.get("/profile/").status_code == 200
    ann.refresh_from_db()
    assert ann.check_password("seven green pears")


@pytest.mark.parametrize(
    "change",
    [
        {"old_password": "wrong"},
        {"new_password2": "different"},
        {"new_password1": "ann", "new_password2": "ann"},
    ],
)
def test_a_password_is_not_changed_without_the_old_one_or_to_a_bad_one(
    ann_at_home: Client, ann: User, change: dict[str, str]
) -> None:
    answer = ann_at_home.post("/profile/password/", {**NEW, **change})
    assert answer.status_code == 200
    ann.refresh_from_db()
    assert ann.check_password(PASSWORD)


def test_whoever_finds_an_open_browser_cannot_guess_on_for_ever(ann_at_home: Client) -> None:
    form = {**NEW, "old_password": "wrong"}
    answers = [ann_at_home.post("/profile/password/", form).status_code for _ in range(11)]
    assert answers == [200] * 10 + [429]
