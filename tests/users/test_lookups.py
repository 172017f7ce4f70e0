"""Accounts from the cache behave like accounts from the database."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from pytest_django import DjangoAssertNumQueries

from tests.users.conftest import PASSWORD, MemberMaker
from users import lookups
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


def hit(user: User) -> User:
    """The account as the cache has it, which is asked twice to be sure that it does."""
    lookups.user_by_id(user.pk)
    found = lookups.user_by_id(user.pk)
    assert found is not None
    assert found.is_cached_copy
    return found


def test_an_account_is_read_once_and_found_by_key_name_and_address(
    engine: str, ann: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ways: list[Callable[[], User | None]] = [
        lambda: lookups.user_by_id(ann.pk),
        lambda: lookups.user_by_username("Ann"),
        lambda: lookups.user_by_email("ANN@example.org"),
    ]
    for way in ways:
        assert way() == ann
    with django_assert_num_queries(0):
        for way in ways:
            assert way() == ann


def test_a_hit_equals_a_miss_in_type_and_in_every_column(engine: str, ann: User) -> None:
    ann.refresh_from_db()
    found = hit(ann)
    assert type(found) is User
    assert found == ann
    assert hash(found) == hash(ann)
    assert found.to_row() == ann.to_row()
    assert [type(value) for value in found.to_row().values()] == [
        type(value) for value in ann.to_row().values()
    ]
    assert (found._state.adding, found._state.db) == (ann._state.adding, ann._state.db)
    assert found.get_session_auth_hash() == ann.get_session_auth_hash()
    assert found.check_password(PASSWORD)
    assert not found.get_deferred_fields()


def test_a_copy_can_itself_be_copied(ann: User) -> None:
    found = hit(ann)
    assert copy.deepcopy(found) == found
    assert pickle.loads(pickle.dumps(found)) == found


def test_unknown_names_are_looked_up_each_time_so_a_new_member_is_found_at_once(
    engine: str, new_member: MemberMaker
) -> None:
    assert lookups.user_by_username("bo") is None
    assert lookups.user_by_email("bo@example.org") is None
    assert lookups.user_by_id(999_999) is None
    bo = new_member("bo")
    assert lookups.user_by_username("BO") == bo
    assert lookups.user_by_email("bo@example.org") == bo


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("first_name", "Anna"),
        ("language", "fr"),
        ("is_active", False),
        ("is_superuser", True),
        ("password", "x"),
    ],
)
def test_a_change_is_seen_at_once(engine: str, ann: User, field: str, value: object) -> None:
    hit(ann)
    setattr(ann, field, value)
    ann.save(update_fields=[field])
    assert getattr(hit(ann), field) == value


def test_a_change_of_many_is_seen_at_once(engine: str, ann: User) -> None:
    hit(ann)
    User.objects.filter(username="ann").update(is_active=False)
    assert not hit(ann).is_active
    ann.first_name = "Anna"
    User.objects.bulk_update([ann], ["first_name"])
    assert hit(ann).first_name == "Anna"


def test_a_change_that_is_rolled_back_is_never_seen(ann: User) -> None:
    hit(ann)
    with transaction.atomic():
        ann.first_name = "Never"
        ann.save()
        transaction.set_rollback(True)
    assert hit(ann).first_name == ""


def test_somebody_renamed_is_found_under_the_new_name_only(
    engine: str, ann: User, new_member: MemberMaker
) -> None:
    assert lookups.user_by_username("ann") == ann
    assert lookups.user_by_email("ann@example.org") == ann
    ann.username, ann.email = "anna", "anna@example.org"
    ann.save()
    assert lookups.user_by_username("ann") is None
    assert lookups.user_by_email("ann@example.org") is None
    assert lookups.user_by_username("anna") == ann
    successor = new_member("ann")
    assert lookups.user_by_username("ann") == successor
    assert lookups.user_by_email("ann@example.org") == successor


def test_somebody_deleted_is_gone_at_once(engine: str, ann: User) -> None:
    lookups.user_by_username("ann")
    pk = hit(ann).pk
    ann.delete()
    assert lookups.user_by_id(pk) is None
    assert lookups.user_by_username("ann") is None


# --- Saving what came from the cache ---


def test_saving_a_copy_writes_what_was_changed_on_it(ann: User) -> None:
    found = hit(ann)
    found.first_name = "Anna"
    found.save()
    ann.refresh_from_db()
    assert ann.first_name == "Anna"


def test_saving_an_old_copy_undoes_nothing_that_happened_since(ann: User) -> None:
    old = hit(ann)
    ann.email, ann.is_active = "new@example.org", False
    ann.set_password("quite another 1")
    ann.save()
    old.first_name = "Anna"
    old.save()
    ann.refresh_from_db()
    assert (ann.first_name, ann.email, ann.is_active) == ("Anna", "new@example.org", False)
    assert ann.check_password("quite another 1")
    assert old.to_row() == ann.to_row()


def test_saving_a_copy_of_an_account_that_is_gone_does_not_bring_it_back(ann: User) -> None:
    old = hit(ann)
    ann.delete()
    old.first_name = "Ghost"
    with pytest.raises(User.DoesNotExist):
        old.save()
    assert not User.objects.exists()


def test_a_copy_that_was_refreshed_is_saved_like_any_other(ann: User) -> None:
    found = hit(ann)
    User.objects.update(first_name="Anna")
    found.refresh_from_db()
    assert not found.is_cached_copy
    found.first_name = ""
    found.save()
    ann.refresh_from_db()
    assert ann.first_name == ""


def test_a_row_of_an_older_version_of_the_model_still_makes_a_whole_account(ann: User) -> None:
    row = ann.to_row()
    del row["theme"]
    row["no_longer_there"] = 1
    found = User.from_row(row)
    assert (found.username, found.theme) == ("ann", "auto")


# --- Permissions ---


def members_of(group: Any) -> Any:
    """The members of a group, from the group's side, of which the stubs know nothing."""
    return group.user_set


@pytest.fixture
def may_view() -> Permission:
    return Permission.objects.get(codename="view_article")


def test_permissions_are_read_once(
    engine: str, ann: User, may_view: Permission, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ann.user_permissions.add(may_view)
    assert hit(ann).has_perm("content.view_article")
    with django_assert_num_queries(0):
        found = hit(ann)
        assert found.has_perm("content.view_article")
        assert not found.has_perm("content.change_article")
        assert found.has_module_perms("content")
        assert found.get_all_permissions() == {"content.view_article"}
        assert found.get_user_permissions() == {"content.view_article"}
        assert found.get_group_permissions() == set()
        assert not found.has_perm("content.view_article", ann)


def test_a_permission_given_or_taken_acts_at_once(engine: str, ann: User, may_view: Permission) -> None:
    assert not hit(ann).has_perm("content.view_article")
    ann.user_permissions.add(may_view)
    assert hit(ann).has_perm("content.view_article")
    ann.user_permissions.remove(may_view)
    assert not hit(ann).has_perm("content.view_article")
    ann.user_permissions.set([may_view])
    ann.user_permissions.clear()
    assert not hit(ann).has_perm("content.view_article")


def test_what_happens_to_a_group_acts_at_once(engine: str, ann: User, may_view: Permission) -> None:
    group = Group.objects.create(name="Readers")
    ann.groups.add(group)
    assert not hit(ann).has_perm("content.view_article")
    group.permissions.add(may_view)
    assert hit(ann).get_group_permissions() == {"content.view_article"}
    group.permissions.clear()
    assert not hit(ann).has_perm("content.view_article")
    group.permissions.add(may_view)
    members_of(group).remove(ann)
    assert not hit(ann).has_perm("content.view_article")
    members_of(group).add(ann)
    assert hit(ann).has_perm("content.view_article")
    members_of(group).clear()
    assert not hit(ann).has_perm("content.view_article")
    ann.groups.add(group)
    assert hit(ann).has_perm("content.view_article")
    group.delete()
    assert not hit(ann).has_perm("content.view_article")


def test_a_permission_that_is_abolished_is_nobodys(ann: User, may_view: Permission) -> None:
    custom = Permission.objects.create(
        codename="bless", name="Can bless", content_type_id=may_view.content_type_id
    )
    ann.user_permissions.add(custom)
    assert hit(ann).has_perm("content.bless")
    custom.delete()
    assert not hit(ann).has_perm("content.bless")


def test_who_is_not_active_may_nothing_and_a_superuser_everything(ann: User, may_view: Permission) -> None:
    ann.user_permissions.add(may_view)
    ann.is_active = False
    ann.save()
    assert hit(ann).get_all_permissions() == set()
    assert not hit(ann).has_perm("content.view_article")
    ann.is_active = ann.is_superuser = True
    ann.save()
    assert hit(ann).has_perm("content.no_such_thing")
    assert "content.change_article" in hit(ann).get_all_permissions()
