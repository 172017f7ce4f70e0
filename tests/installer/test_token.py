from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from installer import setup_token, site_file
from tests.installer.conftest import TOKEN

pytestmark = pytest.mark.django_db

START = "/install/"


def test_without_a_token_the_page_asks_for_it_and_names_three_ways_to_it(
    client: Client, not_installed: Path
) -> None:
    page = client.get(START).content.decode()
    assert 'name="token"' in page
    assert "manage.py setup_token" in page.replace("&#x27;", "")
    assert str(not_installed) in page
    assert "SETUP_TOKEN" in page
    assert TOKEN not in page


def test_the_token_is_exchanged_for_a_cookie_and_leaves_the_address(
    client: Client, not_installed: Path
) -> None:
    response = client.get(f"{START}?token={TOKEN}")
    assert (response.status_code, response["Location"]) == (302, START)
    cookie = response.cookies[setup_token.COOKIE]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == START
    assert TOKEN not in cookie.value
    page = client.get(START, follow=True)
    assert page.redirect_chain == [("/install/welcome/", 302)]
    assert TOKEN not in page.content.decode()


def test_a_typed_token_does_the_same(client: Client, not_installed: Path) -> None:
    response = client.post(START, {"token": f"  {TOKEN}\n"}, follow=True)
    assert response.redirect_chain[-1] == ("/install/welcome/", 302)


def test_it_needs_no_csrf_token_because_behind_an_unknown_proxy_that_would_lock_the_owner_out(
    not_installed: Path,
) -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.post(START, {"token": TOKEN}, headers={"origin": "https://www.example.org"})
    assert response.status_code == 302


@pytest.mark.parametrize("wrong", ["", "x", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "é\x00\ud7ff"])
def test_a_wrong_token_opens_nothing(client: Client, not_installed: Path, wrong: str) -> None:
    response = client.post(START, {"token": wrong})
    assert response.status_code == (200 if not wrong else 403)
    assert setup_token.COOKIE not in response.cookies
    assert client.get("/install/welcome/")["Location"] == START


def test_where_there_is_no_token_the_empty_one_does_not_match(
    client: Client, not_installed: Path, settings: Settings
) -> None:
    settings.SETUP_TOKEN = ""
    for nothing in ("", "%20"):
        response = client.get(f"{START}?token={nothing}")
        assert response.status_code == 403
        assert setup_token.COOKIE not in response.cookies


def test_a_cookie_of_another_token_or_another_key_is_worth_nothing(
    client: Client, not_installed: Path, settings: Settings
) -> None:
    client.get(f"{START}?token={TOKEN}")
    settings.SETUP_TOKEN = "another-token-of-another-day"
    assert 'name="token"' in client.get(START).content.decode()
    settings.SETUP_TOKEN = TOKEN
    assert client.get(START)["Location"] == "/install/welcome/"
    client.cookies[setup_token.COOKIE] = "forged:1a2b3c:signature"
    assert 'name="token"' in client.get(START).content.decode()


def test_guessing_is_limited_for_right_guesses_too(client: Client, not_installed: Path) -> None:
    for _ in range(10):
        assert client.post(START, {"token": "a guess"}).status_code == 403
    response = client.post(START, {"token": TOKEN})
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0
    elsewhere = client.post(START, {"token": TOKEN}, REMOTE_ADDR="203.0.113.9")
    assert elsewhere.status_code == 302


def test_the_pages_speak_the_language_of_the_browser(client: Client, not_installed: Path) -> None:
    response = client.post(START, {"token": "x"}, headers={"accept-language": "fr"})
    assert "Ce n’est pas le jeton de ce site." in response.content.decode()
    assert response["Content-Language"] == "fr"


def test_the_pages_are_kept_by_nobody(client: Client, not_installed: Path) -> None:
    assert "no-store" in client.get(reverse("installer:start"))["Cache-Control"]


def test_a_first_token_is_made_where_there_is_none_and_kept(not_installed: Path, settings: Settings) -> None:
    settings.SETUP_TOKEN = ""
    made = setup_token.ensure()
    assert len(made) >= 32
    assert site_file.read(not_installed)["setup_token"] == made
    assert setup_token.ensure() == made
