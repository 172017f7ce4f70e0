"""Members in the administration."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client

from core.models import AdminHistory
from tests.users.conftest import PASSWORD, MemberMaker
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(new_member: MemberMaker) -> User:
    return new_member("boss", is_staff=True, is_superuser=True)


@pytest.fixture
def steward(new_member: MemberMaker) -> User:
    """Manages members, and is no superuser."""
    member = new_member("steward", is_staff=True)
    member.user_permissions.set(Permission.objects.filter(content_type__app_label="users"))
    return member


def form_of(member: User, **changes: str) -> dict[str, str]:
    fields = ("username", "email", "first_name", "last_name", "bio", "language", "theme")
    return {**{name: getattr(member, name) for name in fields}, "is_active": "on", **changes}


def test_a_member_is_added_with_an_address(client: Client, boss: User) -> None:
    client.force_login(boss)
    form = {"username": "bo", "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    refused = client.post("/admin/users/user/add/", form)
    assert set(refused.context["adminform"].form.errors) == {"email"}
    client.post("/admin/users/user/add/", {**form, "email": "bo@example.org"})
    assert User.objects.get(username="bo").check_password(PASSWORD)
    assert AdminHistory.objects.get().target_repr == "bo"


@pytest.mark.parametrize("changes", [{"username": "BOSS"}, {"email": "Boss@example.org"}])
def test_what_is_taken_is_said_beside_the_field(
    client: Client, boss: User, ann: User, changes: dict[str, str]
) -> None:
    client.force_login(boss)
    answer = client.post(f"/admin/users/user/{ann.pk}/change/", form_of(ann, **changes))
    assert set(answer.context["adminform"].form.errors) == set(changes)


def test_members_are_found_by_name_and_address(client: Client, boss: User, ann: User) -> None:
    client.force_login(boss)
    assert "ann@example.org" in client.get("/admin/users/user/", {"q": "ANN@"}).content.decode()
    assert "ann@example.org" not in client.get("/admin/users/user/", {"q": "nobody"}).content.decode()


def test_a_steward_changes_members(client: Client, steward: User, ann: User) -> None:
    client.force_login(steward)
    client.post(f"/admin/users/user/{ann.pk}/change/", form_of(ann, first_name="Anna"))
    ann.refresh_from_db()
    assert ann.first_name == "Anna"


@pytest.mark.parametrize("grant", ["is_superuser", "groups", "user_permissions"])
def test_a_steward_grants_nothing(client: Client, steward: User, grant: str) -> None:
    group = Group.objects.create(name="Editors")
    group.permissions.set(Permission.objects.all())
    values = {
        "is_superuser": "on",
        "groups": str(group.pk),
        "user_permissions": str(Permission.objects.all()[0].pk),
    }
    client.force_login(steward)
    before = steward.get_all_permissions()
    client.post(
        f"/admin/users/user/{steward.pk}/change/", form_of(steward, is_staff="on", **{grant: values[grant]})
    )
    after = User.objects.get(pk=steward.pk)
    assert not after.is_superuser
    assert after.get_all_permissions() == before


def test_a_steward_does_not_touch_a_superuser(client: Client, steward: User, boss: User) -> None:
    client.force_login(steward)
    password = {"usable_password": "true", "password1": "stolen in 1 day", "password2": "stolen in 1 day"}
    assert client.post(f"/admin/users/user/{boss.pk}/password/", password).status_code == 403
    assert (
        client.post(f"/admin/users/user/{boss.pk}/change/", form_of(boss, email="x@example.org")).status_code
        == 403
    )
    assert client.post(f"/admin/users/user/{boss.pk}/delete/", {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [boss.pk], "post": "yes"}
    assert client.post("/admin/users/user/", chosen).status_code == 403
    boss.refresh_from_db()
    assert boss.email == "boss@example.org"
    assert boss.check_password(PASSWORD)


def test_an_administrator_who_changes_the_own_password_stays_in_and_is_recorded(
    client: Client, boss: User
) -> None:
    client.post("/admin/login/", {"username": "boss", "password": PASSWORD})
    form = {
        "old_password": PASSWORD,
        "new_password1": "seven green pears",
        "new_password2": "seven green pears",
    }
    assert client.post("/admin/password_change/", {**form, "old_password": "wrong"}).status_code == 200
    assert not AdminHistory.objects.exists()
    assert client.post("/admin/password_change/", form).status_code == 302
    assert client.get("/admin/").status_code == 200
    boss.refresh_from_db()
    assert boss.check_password("seven green pears")
    entry = AdminHistory.objects.get()
    assert (entry.actor, entry.action, entry.target_repr) == (boss, "change", "boss")


def test_the_administration_speaks_french(client: Client, boss: User) -> None:
    boss.language = "fr"
    boss.save()
    client.force_login(boss)
    page = client.get("/admin/users/user/").content.decode()
    assert "Membres" in page


@pytest.mark.parametrize("kind", ["staff", "superuser"])
def test_a_steward_does_not_touch_others_of_the_staff(
    client: Client, steward: User, new_member: MemberMaker, kind: str
) -> None:
    other = new_member("other", is_staff=kind == "staff", is_superuser=kind == "superuser")
    client.force_login(steward)
    password = {"usable_password": "true", "password1": "stolen in 1 day", "password2": "stolen in 1 day"}
    page = f"/admin/users/user/{other.pk}"
    assert client.post(f"{page}/password/", password).status_code == 403
    assert client.post(f"{page}/change/", form_of(other, email="x@example.org")).status_code == 403
    assert client.post(f"{page}/delete/", {"post": "yes"}).status_code == 403
    other.refresh_from_db()
    assert (other.email, other.check_password(PASSWORD)) == ("other@example.org", True)


def test_a_steward_changes_the_own_account(client: Client, steward: User) -> None:
    client.force_login(steward)
    client.post(f"/admin/users/user/{steward.pk}/change/", form_of(steward, first_name="Stew"))
    steward.refresh_from_db()
    assert (steward.first_name, steward.is_staff) == ("Stew", True)


def test_a_steward_lets_nobody_into_the_administration(client: Client, steward: User, ann: User) -> None:
    client.force_login(steward)
    client.post(f"/admin/users/user/{ann.pk}/change/", form_of(ann, is_staff="on", first_name="Anna"))
    ann.refresh_from_db()
    assert (ann.first_name, ann.is_staff) == ("Anna", False)


def test_who_manages_groups_names_them_and_grants_nothing(client: Client, steward: User) -> None:
    steward.user_permissions.add(*Permission.objects.filter(content_type__model="group"))
    group = Group.objects.create(name="Stewards")
    steward.groups.add(group)
    client.force_login(steward)
    everything = [str(pk) for pk in Permission.objects.values_list("pk", flat=True)]
    for page in (f"{group.pk}/change/", "add/"):
        answer = client.post(f"/admin/auth/group/{page}", {"name": f"At {page}", "permissions": everything})
        assert answer.status_code == 302
    assert Group.objects.filter(name__startswith="At ").count() == 2
    assert not Permission.objects.filter(group__isnull=False).exists()


def test_a_superuser_decides_what_a_group_may_do(client: Client, boss: User) -> None:
    client.force_login(boss)
    permission = Permission.objects.all()[0]
    client.post("/admin/auth/group/add/", {"name": "Editors", "permissions": [str(permission.pk)]})
    assert Group.objects.get().permissions.get() == permission
