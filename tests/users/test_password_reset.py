"""Replacing a forgotten password."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
from django.contrib.sessions.models import Session
from django.core import mail
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from tests.users.conftest import PASSWORD, MemberMaker, SettingsMaker
from users.models import User

pytestmark = pytest.mark.django_db

NEW = {"new_password1": "seven green pears", "new_password2": "seven green pears"}


def ask(client: Client, email: str, prefix: str = "") -> HttpResponse:
    answer = client.post(f"{prefix}/accounts/password-reset/", {"email": email})
    assert isinstance(answer, HttpResponse)
    return answer


def link() -> str:
    found = re.search(r"http://testserver(/\S+)", str(mail.outbox[-1].body))
    assert found is not None
    return found[1]


def test_the_link_of_the_mail_replaces_the_password(client: Client, ann: User) -> None:
    assert ask(client, "ANN@example.org").headers["Location"] == "/accounts/password-reset/done/"
    form = client.get(link(), follow=True)
    assert form.context["validlink"] is True
    address = form.redirect_chain[-1][0]
    done = client.post(address, NEW)
    assert done.headers["Location"] == "/accounts/password-reset/complete/"
    assert client.get(done.headers["Location"]).status_code == 200
    ann.refresh_from_db()
    assert ann.check_password("seven green pears")


def test_the_link_works_once(client: Client, ann: User) -> None:
    ask(client, "ann@example.org")
    client.post(client.get(link(), follow=True).redirect_chain[-1][0], NEW)
    again = Client().get(link())
    assert again.status_code == 200
    assert again.context["validlink"] is False


@pytest.mark.parametrize("address", ["MQ/set-password", "MQ/no-token", "%F0%28/x-y", "OTk5OTk5/x-y"])
def test_a_made_up_link_opens_nothing_and_makes_no_session(client: Client, ann: User, address: str) -> None:
    answer = client.get(f"/accounts/password-reset/{address}/")
    assert answer.status_code == 200
    assert answer.context["validlink"] is False
    assert not Session.objects.exists()


def test_the_mail_goes_to_the_address_of_the_account_and_names_the_site(
    client: Client, new_member: MemberMaker, site_settings: SettingsMaker
) -> None:
    site_settings(name="Herbs & spices")
    new_member("bo", email="Bo@example.org", first_name="Bo", last_name="O'Hara")
    ask(client, "bo@EXAMPLE.org")
    (message,) = mail.outbox
    assert message.to == ["Bo@example.org"]
    assert message.subject == "Choose a new password for Herbs & spices"
    assert "Hello Bo O'Hara," in message.body
    assert "72 hours" in message.body
    assert "&#x27;" not in message.body


@pytest.mark.parametrize(
    ("chosen", "prefix", "expected"),
    [("fr", "", "fr"), ("", "/fr", "fr"), ("en", "/fr", "en"), ("", "", "en")],
)
def test_the_mail_speaks_the_members_language_else_that_of_the_page(
    client: Client, new_member: MemberMaker, chosen: str, prefix: str, expected: str
) -> None:
    new_member("bo", language=chosen)
    ask(client, "bo@example.org", prefix)
    start = "/fr/accounts/password-reset/" if expected == "fr" else "/accounts/password-reset/"
    assert link().startswith(start)
    assert mail.outbox[0].body.startswith("Bonjour" if expected == "fr" else "Hello")


def test_the_link_leads_to_the_address_the_owner_gave_the_site(
    client: Client, ann: User, settings: Settings
) -> None:
    settings.SITE_URL = "https://www.example.org"
    ask(client, "ann@example.org")
    assert "https://www.example.org/accounts/password-reset/" in mail.outbox[0].body


@pytest.mark.parametrize("prefix", ["", "/fr"])
def test_the_answer_does_not_tell_whether_there_is_such_an_account(
    client: Client, new_member: MemberMaker, prefix: str
) -> None:
    new_member("ann")
    new_member("gone", is_active=False)
    unusable = new_member("sso")
    unusable.set_unusable_password()
    unusable.save()
    answers = [ask(client, f"{name}@example.org", prefix) for name in ("ann", "gone", "sso", "nobody")]
    assert len({(answer.status_code, answer.headers["Location"], answer.content) for answer in answers}) == 1
    assert len({tuple(sorted(answer.headers)) for answer in answers}) == 1
    assert [message.to for message in mail.outbox] == [["ann@example.org"]]


def test_the_mail_is_sent_after_the_answer(client: Client, ann: User) -> None:
    from django.test import RequestFactory

    from users.views.password import PasswordResetView

    request = RequestFactory().post("/accounts/password-reset/", {"email": "ann@example.org"})
    answer = PasswordResetView.as_view()(request)
    assert answer.status_code == 302
    assert mail.outbox == []
    answer.close()
    assert len(mail.outbox) == 1
    answer.close()
    assert len(mail.outbox) == 1


def test_a_mail_server_that_is_down_is_the_owners_trouble_not_the_visitors(
    client: Client, ann: User, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    with caplog.at_level(logging.ERROR):
        assert ask(client, "ann@example.org").status_code == 302
    assert "ConnectionRefusedError" in caplog.text


def test_a_forgotten_password_is_no_key_for_old_sessions(ann_at_home: Client, ann: User) -> None:
    stranger = Client()
    ask(stranger, "ann@example.org")
    stranger.post(stranger.get(link(), follow=True).redirect_chain[-1][0], NEW)
    assert stranger.get("/profile/").status_code == 302


@pytest.mark.parametrize("email", ["", "not an address", "a\0b@example.org", "x" * 300 + "@example.org"])
def test_what_is_no_address_is_refused(client: Client, email: str) -> None:
    answer = client.post("/accounts/password-reset/", {"email": email})
    assert answer.status_code == 200
    assert set(answer.context["form"].errors) == {"email"}


def test_an_address_of_the_net_can_ask_five_times_an_hour(client: Client) -> None:
    answers = [ask(client, f"a{n}@example.org").status_code for n in range(6)]
    assert answers == [302] * 5 + [429]


def test_nobody_is_flooded_with_mails_from_many_places(client: Client, ann: User) -> None:
    def ask_from(address: str, email: str) -> int:
        return client.post("/accounts/password-reset/", {"email": email}, REMOTE_ADDR=address).status_code

    answers = [
        ask_from(f"203.0.113.{n}", "Ann@example.org" if n % 2 else "ann@example.org ") for n in range(6)
    ]
    assert answers == [302] * 5 + [429]
    assert len(mail.outbox) == 5
    assert ask_from("203.0.113.99", "nobody@example.org") == 302


def test_the_old_password_still_works_until_the_new_one_is_chosen(client: Client, ann: User) -> None:
    ask(client, "ann@example.org")
    assert client.login(username="ann", password=PASSWORD)
