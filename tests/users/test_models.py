"""The account of a member, and what is unique about it."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from tests.users.conftest import MemberMaker
from users.models import User

pytestmark = pytest.mark.django_db


def test_a_user_name_is_unique_in_whatever_case(ann: User, new_member: MemberMaker) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        new_member("ANN", email="other@example.org")


def test_an_address_is_unique_in_whatever_case(ann: User, new_member: MemberMaker) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        new_member("other", email="Ann@Example.ORG")


@pytest.mark.parametrize(
    ("field", "value"), [("username", "Ann"), ("username", "ann"), ("email", "ANN@example.org")]
)
def test_what_is_taken_is_said_on_its_field_and_once(ann: User, field: str, value: str) -> None:
    other = User(**{"username": "other", "email": "other@example.org", "password": "x", field: value})
    with pytest.raises(ValidationError) as refused:
        other.full_clean()
    assert set(refused.value.message_dict) == {field}
    assert len(refused.value.message_dict[field]) == 1


def test_an_account_does_not_stand_in_its_own_way(ann: User) -> None:
    ann.username = "Ann"
    ann.full_clean()
    ann.save()
    assert User.objects.get().username == "Ann"


@pytest.mark.parametrize(
    "name", ["ann@example.org", "a b", "", ".", "..", ".ann", "-ann", "élise", "a/b", "a\n", "a\0b"]
)
def test_names_that_would_not_do_in_an_address_are_refused(name: str) -> None:
    with pytest.raises(ValidationError) as refused:
        User(username=name, email="a@example.org", password="x").clean_fields()
    assert "username" in refused.value.message_dict


@pytest.mark.parametrize("name", ["ann", "Ann_2", "a.n-n+x", "_", "7"])
def test_ordinary_names_are_welcome(name: str) -> None:
    User(username=name, email="a@example.org", password="x").clean_fields()


def test_the_host_of_an_address_is_kept_in_lower_case(new_member: MemberMaker) -> None:
    member = new_member("bo", email="Bo@EXAMPLE.org")
    assert member.email == "Bo@example.org"
    member.email = "Bo@OTHER.org"
    member.save(update_fields=["email"])
    assert User.objects.get().email == "Bo@other.org"


def test_the_public_name_is_the_full_name_where_there_is_one(ann: User) -> None:
    assert ann.public_name == "ann"
    ann.first_name, ann.last_name = "Ann", "Smith"
    assert ann.public_name == "Ann Smith"


def test_a_second_superuser_of_the_same_name_is_refused_in_words(ann: User) -> None:
    with pytest.raises(CommandError, match="already"):
        call_command("createsuperuser", "--noinput", "--username", "ANN", "--email", "x@example.org")


@pytest.mark.parametrize("column", ["username", "email"])
def test_accounts_are_found_by_an_index(new_member: MemberMaker, column: str) -> None:
    User.objects.bulk_create([User(username=f"m{n}", email=f"m{n}@example.org") for n in range(2000)])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE users_user")
    query = (
        User.objects.with_username("M77")
        if column == "username"
        else User.objects.with_email("M77@Example.org")
    )
    assert query.get().username == "m77"
    assert f"users_{column}_any_case" in query.explain()


def test_text_that_postgresql_cannot_hold_finds_nobody() -> None:
    assert not User.objects.with_username("a\0b").exists()
    assert not User.objects.with_email("a\0b@example.org").exists()
