"""What is done for members on each request."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries, Settings

from tests.users.conftest import PASSWORD, SettingsMaker
from users import lookups
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("address", ["/", "/articles/", "/no/such/page/", "/robots.txt", "/api/v1/site/"])
def test_a_stranger_gets_no_session_and_no_cookie(client: Client, address: str) -> None:
    answer = client.get(address)
    assert not answer.cookies
    assert "Cookie" not in answer.headers.get("Vary", "")
    assert not Session.objects.exists()


def test_a_public_page_leaves_a_members_session_alone(ann_at_home: Client) -> None:
    ann_at_home.get("/articles/")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        answer = ann_at_home.get("/articles/")
    assert not answer.cookies
    assert "Cookie" not in answer.headers.get("Vary", "")
    assert not [
        query["sql"] for query in queries if "users_user" in query["sql"] or "session" in query["sql"]
    ]


def test_a_page_for_members_takes_only_from_the_database_what_workers_cannot_share(
    engine: str, site_settings: SettingsMaker, ann_at_home: Client
) -> None:
    site_settings(name="Herbarium")
    ann_at_home.get("/accounts/login/")
    with CaptureQueriesContext(connection) as queries:
        assert ann_at_home.get("/accounts/login/").status_code == 302
    # Once a second, the first request asks whether the cache has been given other settings.
    asked = [query["sql"] for query in queries if "cacheadmin_" not in query["sql"]]
    # In the memory of one worker a session would outlive the logout in another: there the database tells.
    assert ["django_session" in sql for sql in asked] == ([True] if engine == "memory" else [])


def test_the_hint_tells_scripts_that_somebody_is_in_and_nothing_else(client: Client, ann: User) -> None:
    hint = client.post("/accounts/login/", {"username": "ann", "password": PASSWORD}).cookies["member"]
    assert (hint.value, hint["httponly"], hint["samesite"], hint["path"]) == ("1", "", "Lax", "/")
    assert not hint["secure"]
    gone = client.post("/accounts/logout/").cookies["member"]
    assert (gone.value, gone["max-age"]) == ("", 0)


def test_the_hint_is_secure_where_the_session_is(client: Client, ann: User, settings: Settings) -> None:
    settings.SESSION_COOKIE_SECURE = True
    answer = client.post("/accounts/login/", {"username": "ann", "password": PASSWORD})
    assert answer.cookies["member"]["secure"] is True


def test_the_administrations_login_gives_the_hint_too(client: Client, ann: User) -> None:
    User.objects.update(is_staff=True)
    answer = client.post("/admin/login/", {"username": "ann", "password": PASSWORD})
    assert answer.cookies["member"].value == "1"


def test_a_lost_hint_is_given_again(ann_at_home: Client) -> None:
    del ann_at_home.cookies["member"]
    assert ann_at_home.get("/profile/").cookies["member"].value == "1"


def test_a_stale_hint_is_taken_away(client: Client) -> None:
    client.cookies["member"] = "1"
    assert client.get("/").cookies["member"].value == ""
    client.cookies["member"] = "1"
    client.cookies["sessionid"] = "x" * 32
    assert "member" not in client.get("/").cookies
    assert client.get("/profile/").cookies["member"].value == ""


# --- What is cached acts at once ---


def test_who_is_deactivated_is_out_with_the_next_click(engine: str, ann_at_home: Client, ann: User) -> None:
    assert ann_at_home.get("/profile/").status_code == 200
    ann.is_active = False
    ann.save()
    answer = ann_at_home.get("/profile/")
    assert answer.status_code == 302
    assert answer.cookies["member"].value == ""


def test_who_is_deleted_is_out_with_the_next_click(engine: str, ann_at_home: Client, ann: User) -> None:
    assert ann_at_home.get("/profile/").status_code == 200
    ann.delete()
    assert ann_at_home.get("/profile/").status_code == 302


def test_who_is_made_a_member_of_staff_may_enter_with_the_next_click(
    engine: str, ann_at_home: Client, ann: User
) -> None:
    assert ann_at_home.get("/admin/").status_code == 302
    ann.is_staff = True
    ann.save()
    assert ann_at_home.get("/admin/").status_code == 200


def test_a_worker_whose_cache_is_behind_does_not_log_out_who_has_just_changed_the_password(
    ann_at_home: Client, ann: User
) -> None:
    ann_at_home.get("/profile/")
    behind = ann.to_row() | {"password": User.objects.get().password}
    ann.set_password("quite another 1")
    ann.save()
    session = ann_at_home.session
    session[HASH_SESSION_KEY] = ann.get_session_auth_hash()
    session.save()
    # As in a worker that has not heard of the change yet.
    from django.core.cache import cache

    cache.set(lookups._row.key(ann.pk), behind)
    assert ann_at_home.get("/profile/").status_code == 200


def test_an_old_session_does_not_outlive_the_password(ann_at_home: Client, ann: User) -> None:
    ann.set_password("quite another 1")
    ann.save()
    assert ann_at_home.get("/profile/").status_code == 302


# --- Visits ---


def last_seen() -> str:
    return f"{User.objects.get().last_seen:%H:%M}"


def test_visits_are_noted_every_quarter_of_an_hour(client: Client, ann: User) -> None:
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False) as clock:
        client.force_login(ann)
        client.get("/profile/")
        assert last_seen() == "12:00"
        clock.shift(timedelta(minutes=14, seconds=59))
        client.get("/profile/")
        assert last_seen() == "12:00"
        clock.shift(timedelta(seconds=1))
        client.get("/profile/")
        assert last_seen() == "12:15"


def test_noting_a_visit_forgets_nobody_else(
    ann_at_home: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    other = User.objects.create_user("bo", "bo@example.org")
    lookups.user_by_id(other.pk)
    ann_at_home.get("/profile/")
    with django_assert_num_queries(0):
        assert lookups.user_by_id(other.pk) == other


def test_a_visit_that_cannot_be_noted_costs_no_page(
    ann_at_home: Client, ann: User, caplog: pytest.LogCaptureFixture
) -> None:
    User.objects.update(last_seen=None)
    lookups.user_by_id(ann.pk)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE users_user RENAME TO elsewhere")
    try:
        assert ann_at_home.get("/accounts/login/").headers["Location"] == "/dashboard/"
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO users_user")
    assert "could not be written down" in caplog.text


# On PostgreSQL a connection of a thread that an earlier test ended is at times collected just here.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_an_asynchronous_view_knows_the_member_too(ann: User) -> None:
    from asgiref.sync import async_to_sync
    from django.contrib.auth.models import AnonymousUser

    visitor = AsyncClient()
    async_to_sync(visitor.aforce_login)(ann)
    answer = async_to_sync(visitor.get)("/profile/")
    assert answer.status_code == 200
    user = async_to_sync(answer.asgi_request.auser)()
    assert user == ann
    stranger = async_to_sync(AsyncClient().get)("/")
    assert isinstance(async_to_sync(stranger.asgi_request.auser)(), AnonymousUser)
