"""The admin history: every action of the administration leaves an entry."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import connection
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.test import Client, RequestFactory
from django.utils import translation

from core import history
from core.admin import HistoryModelAdmin
from core.models import AdminHistory, SiteSettings
from tests.core.conftest import MemberMaker, SettingsMaker
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(new_member: MemberMaker) -> User:
    return new_member("boss", is_staff=True, is_superuser=True)


@pytest.fixture
def desk(client: Client, boss: User) -> Client:
    client.force_login(boss)
    return client


def entries() -> list[tuple[str, str, str]]:
    return [
        (entry.action, entry.target_type, entry.target_repr) for entry in AdminHistory.objects.order_by("id")
    ]


def test_every_page_of_the_administration_where_something_can_be_done_keeps_a_history(
    boss: User, rf: RequestFactory
) -> None:
    request = rf.get("/")
    request.user = boss
    without = [
        str(model)
        for model, page in admin.site._registry.items()
        if not isinstance(page, HistoryModelAdmin)
        and any((page.has_add_permission(request), page.has_change_permission(request)))
    ]
    assert without == []
    assert len(admin.site._registry) >= 6


def test_clearing_the_cache_is_recorded(desk: Client, boss: User) -> None:
    desk.post("/admin/cache/clear/", {"group": "content", "confirm": "1"})
    entry = AdminHistory.objects.get()
    assert (entry.action, entry.actor) == ("clear cache", boss)
    assert "content" in entry.detail
    assert "Cache cleared" in desk.get("/admin/core/adminhistory/").content.decode()


def test_adding_changing_and_deleting_are_recorded(desk: Client, boss: User) -> None:
    desk.post("/admin/auth/group/add/", {"name": "Editors"})
    group = Group.objects.get()
    desk.post(f"/admin/auth/group/{group.pk}/change/", {"name": "Authors"})
    desk.post(f"/admin/auth/group/{group.pk}/delete/", {"post": "yes"})
    assert entries() == [
        ("add", "auth.group", "Editors"),
        ("change", "auth.group", "Authors"),
        ("delete", "auth.group", "Authors"),
    ]
    entry = AdminHistory.objects.get(action="change")
    assert (entry.actor, entry.actor_name, entry.address) == (boss, "boss", "127.0.0.1")
    assert entry.target_id == str(group.pk)
    assert "Name" in entry.detail


def test_each_object_of_a_mass_deletion_is_recorded_once_it_is_confirmed(desk: Client) -> None:
    groups = [Group.objects.create(name=name) for name in ("One", "Two", "Three")]
    chosen = {"action": "delete_selected", "_selected_action": [group.pk for group in groups[:2]]}
    desk.post("/admin/auth/group/", chosen)
    assert entries() == []
    desk.post("/admin/auth/group/", {**chosen, "post": "yes"})
    assert sorted(entries()) == [("delete", "auth.group", "One"), ("delete", "auth.group", "Two")]
    assert Group.objects.get().name == "Three"


def test_site_settings_leave_what_was_changed_in_the_sites_language(
    desk: Client, site_settings: SettingsMaker
) -> None:
    site_settings(language="fr", name="Avant")
    form = {"name": "Après", "tagline": "", "language": "fr", "time_zone": "UTC", "registration_open": "on"}
    desk.post("/admin/core/sitesettings/1/change/", form, headers={"Accept-Language": "en"})
    assert SiteSettings.objects.get().name == "Après"
    entry = AdminHistory.objects.get()
    assert (entry.action, entry.target_repr) == ("change", "Après")
    assert entry.detail.startswith("Modification")


def test_settings_that_were_never_written_can_be_edited(desk: Client) -> None:
    assert desk.get("/admin/core/sitesettings/").headers["Location"] == "/admin/core/sitesettings/1/change/"
    assert desk.get("/admin/core/sitesettings/1/change/").status_code == 200
    form = {"name": "Mine", "tagline": "", "language": "en", "time_zone": "Europe/Paris"}
    desk.post("/admin/core/sitesettings/1/change/", form)
    row = SiteSettings.objects.get()
    assert (row.name, row.time_zone, row.registration_open) == ("Mine", "Europe/Paris", False)


def test_a_second_row_of_settings_can_be_neither_added_nor_the_first_deleted(
    desk: Client, site_settings: SettingsMaker
) -> None:
    site_settings(name="Only")
    assert desk.get("/admin/core/sitesettings/add/").status_code == 403
    assert desk.post("/admin/core/sitesettings/1/delete/", {"post": "yes"}).status_code == 403
    assert desk.get("/admin/core/sitesettings/2/change/").status_code == 302
    assert SiteSettings.objects.count() == 1


def test_a_password_that_an_administrator_sets_is_recorded_without_the_password(
    desk: Client, new_member: MemberMaker
) -> None:
    ann = new_member("ann")
    form = {"usable_password": "true", "password1": "quite another 1", "password2": "quite another 1"}
    desk.post(f"/admin/users/user/{ann.pk}/password/", form)
    ann.refresh_from_db()
    assert ann.check_password("quite another 1")
    entry = AdminHistory.objects.get()
    assert (entry.action, entry.target_repr) == ("change", "ann")
    assert "quite another" not in entry.detail


class Shelf(HistoryModelAdmin[Group]):
    actions = ["stamp", "ask", "tell"]

    def stamp(self, request: HttpRequest, queryset: Any) -> None:
        """Does something and says nothing of it."""

    def ask(self, request: HttpRequest, queryset: Any) -> TemplateResponse:
        """Asks first."""
        return TemplateResponse(request, "404.html")

    def tell(self, request: HttpRequest, queryset: Any) -> None:
        """Writes its own entries."""
        history.record_many(request, "told", queryset)


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("stamp", [("stamp", "", "", "auth.group: 2")]),
        ("ask", []),
        ("tell", [("told", "auth.group", "One", ""), ("told", "auth.group", "Two", "")]),
    ],
)
def test_an_action_of_ones_own_cannot_go_unrecorded(
    boss: User, rf: RequestFactory, action: str, expected: list[tuple[str, ...]]
) -> None:
    for name in ("One", "Two"):
        Group.objects.create(name=name)
    shelf = Shelf(Group, admin.site)
    request = rf.post(
        "/", {"action": action, "_selected_action": [group.pk for group in Group.objects.all()]}
    )
    request.user = boss
    shelf.response_action(request, Group.objects.order_by("name"))
    found = AdminHistory.objects.order_by("id").values_list("action", "target_type", "target_repr", "detail")
    assert list(found) == expected


def test_the_history_can_be_read_and_filtered_but_not_touched(desk: Client, boss: User) -> None:
    desk.post("/admin/auth/group/add/", {"name": "Editors"})
    entry = AdminHistory.objects.get()
    page = desk.get(
        "/admin/core/adminhistory/", {"actor__id__exact": str(boss.pk), "action": "add", "q": "Editors"}
    )
    assert "Editors" in page.content.decode()
    assert "Editors" not in desk.get("/admin/core/adminhistory/", {"q": "nothing"}).content.decode()
    assert desk.get(f"/admin/core/adminhistory/{entry.pk}/change/").status_code == 200
    assert desk.get("/admin/core/adminhistory/add/").status_code == 403
    assert desk.post(f"/admin/core/adminhistory/{entry.pk}/change/", {"action": "x"}).status_code == 403
    assert desk.post(f"/admin/core/adminhistory/{entry.pk}/delete/", {"post": "yes"}).status_code == 403
    assert AdminHistory.objects.get() == entry


def test_only_who_may_view_the_history_sees_it(client: Client, new_member: MemberMaker) -> None:
    client.force_login(new_member("ann", is_staff=True))
    assert client.get("/admin/core/adminhistory/").status_code == 403


def test_an_entry_outlives_whoever_did_it(desk: Client, boss: User) -> None:
    history.record(None, "cache-clear", detail="by a command")
    desk.post("/admin/auth/group/add/", {"name": "Editors"})
    boss.delete()
    kept = AdminHistory.objects.get(action="add")
    assert (kept.actor, kept.actor_name) == (None, "boss")
    command = AdminHistory.objects.get(action="cache-clear")
    assert (command.actor, command.actor_name, command.address, command.detail) == (
        None,
        "",
        None,
        "by a command",
    )


def test_a_long_name_is_shortened_to_what_the_column_holds(rf: RequestFactory) -> None:
    group = Group(pk=7, name="x" * 500)
    entry = history.record(rf.get("/", REMOTE_ADDR=""), "add", group)
    assert len(entry.target_repr) == 200
    assert entry.address is None


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (AdminHistory.objects.filter(actor=1).order_by("-timestamp"), "core_history_actor_time"),
        (AdminHistory.objects.all(), "core_history_time"),
    ],
    ids=["of one actor", "of everybody"],
)
def test_the_newest_entries_are_found_by_an_index(boss: User, query: Any, index: str) -> None:
    AdminHistory.objects.bulk_create(
        [AdminHistory(actor=boss if n % 50 == 0 else None, action="add") for n in range(2000)]
    )
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {AdminHistory._meta.db_table}")
    assert index in query[:20].explain()


def test_every_action_is_shown_in_the_readers_words(desk: Client, boss: User) -> None:
    boss.language = "fr"
    boss.save()
    for action in ("clear cache", "choose cache engine", "install", "publish"):
        history.record(None, action)
    entry = AdminHistory.objects.get(action="choose cache engine")
    pages = (f"/admin/core/adminhistory/{entry.pk}/change/", "/admin/core/adminhistory/")
    detail, listed = (desk.get(page).content.decode() for page in pages)
    assert "choose cache engine" not in detail
    assert "Choix du moteur de cache" in detail
    choices = re.findall(r"<a href=\"\?action=[^>]*>\s*([^<]*?)\s*</a>", listed)
    assert sorted(choices) == [
        "Choix du moteur de cache",
        "Installation du site",
        "Publication",
        "Vidage du cache",
    ]
    with_numbers = desk.get("/admin/core/adminhistory/", {"_facets": "True"}).content.decode()
    assert "Installation du site (1)" in with_numbers


def test_an_entry_that_nobody_made_begins_with_what_was_done() -> None:
    assert str(history.record(None, "choose cache engine")) == "Cache engine chosen"
    entry = AdminHistory(actor_name="boss", action="add", target_repr="Editors")
    assert str(entry) == "boss: Added Editors"
    with translation.override("fr"):
        assert str(entry) == "boss\u00a0: Ajout Editors"
