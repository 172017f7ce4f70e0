"""Which language a page is in, and where it is in the other."""

from __future__ import annotations

import pytest
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import translation
from pytest_django import Settings

from core import languages
from core.models import SiteSettings
from tests.core.conftest import SettingsMaker

pytestmark = pytest.mark.django_db


def test_the_sites_language_has_short_addresses_and_the_other_a_prefix(site_settings: SettingsMaker) -> None:
    site_settings(language="en")
    with translation.override("en"):
        assert reverse("content:articles") == "/articles/"
    with translation.override("fr"):
        assert reverse("content:articles") == "/fr/articles/"


def test_a_french_site_has_its_english_pages_under_a_prefix(site_settings: SettingsMaker) -> None:
    site_settings(language="fr")
    with translation.override("fr"):
        assert reverse("users:login") == "/accounts/login/"
    with translation.override("en"):
        assert reverse("users:login") == "/en/accounts/login/"


def test_a_changed_language_moves_the_pages_at_once(client: Client, site_settings: SettingsMaker) -> None:
    site_settings(language="en")
    assert client.get("/").headers["Content-Language"] == "en"
    assert client.get("/fr/").headers["Content-Language"] == "fr"
    site_settings(language="fr")
    assert client.get("/").headers["Content-Language"] == "fr"
    assert client.get("/en/").headers["Content-Language"] == "en"
    redirect = client.get("/fr/articles/")
    assert (redirect.status_code, redirect.headers["Location"]) == (302, "/articles/")


@pytest.mark.django_db(transaction=True)
def test_links_follow_a_language_that_is_saved_without_any_request_in_between(
    site_settings: SettingsMaker,
) -> None:
    row = site_settings(language="en")
    with translation.override("fr"):
        assert reverse("content:home") == "/fr/"
        row.language = "fr"
        row.save()
        assert reverse("content:home") == "/"


@pytest.mark.django_db(transaction=True)
def test_another_process_hears_of_a_new_language_with_its_next_page(
    client: Client, site_settings: SettingsMaker
) -> None:
    site_settings(language="en")
    client.get("/")
    # As another process would leave it: the row and the cache are new, this process has heard nothing.
    SiteSettings.objects.update(language="fr")
    from core.site import forget_site

    forget_site()
    assert languages.site_language() == "en"
    page = client.get("/")
    assert page.headers["Content-Language"] == "fr"
    assert 'href="/en/"' in page.content.decode()


def test_the_prefix_of_the_sites_own_language_leads_to_the_short_address(client: Client) -> None:
    redirect = client.get("/en/search/?q=caf%C3%A9&cursor=x")
    assert redirect.status_code == 302
    assert redirect.headers["Location"] == "/search/?q=caf%C3%A9&cursor=x"
    assert client.get("/en").headers["Location"] == "/"


def test_what_was_posted_to_the_long_address_is_posted_again(client: Client) -> None:
    assert client.post("/en/accounts/login/", {"username": "ann"}).status_code == 307


@pytest.mark.parametrize(
    "path", ["/en//evil.example/", "/en///evil.example", "/en/\\evil.example", "/en/%5cevil.example"]
)
def test_the_way_to_the_short_address_never_leaves_the_site(client: Client, path: str) -> None:
    target = client.get(path).headers["Location"]
    assert target.startswith("/")
    assert not target.startswith(("//", "/\\"))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", True),
        ("/articles/", True),
        ("/fr/articles/", True),
        ("/no/such/page/", True),
        ("/fr/admin/", True),
        ("/admin/", False),
        ("/admin/no/such/page/", False),
        ("/api/v1/articles/", False),
        ("/media/cover.webp", False),
        ("/robots.txt", False),
        ("/health/", False),
    ],
)
def test_what_counts_as_a_page_with_its_language_in_the_url(path: str, expected: bool) -> None:
    assert languages.is_site_page(path) is expected


def test_a_page_that_does_not_exist_is_told_in_the_language_of_its_address(client: Client) -> None:
    missing = client.get("/fr/il-n-y-a-rien/", headers={"Accept-Language": "en"})
    assert missing.status_code == 404
    assert missing.headers["Content-Language"] == "fr"
    assert '<html lang="fr"' in missing.content.decode()


def test_the_language_switch_leads_to_the_same_page(rf: RequestFactory) -> None:
    links = languages.language_links(rf.get("/fr/articles/"))
    assert [(link["code"], link["name"], link["url"]) for link in links] == [
        ("en", "English", "/articles/"),
        ("fr", "Français", "/fr/articles/"),
    ]
    assert [link["current"] for link in links] == [False, True]
    assert all(link["alternate"] for link in links)


def test_a_page_of_one_language_leads_readers_of_the_other_elsewhere(rf: RequestFactory) -> None:
    english, french = languages.language_links(rf.get("/fr/articles/recette/"), elsewhere="/articles/")
    assert (english["url"], english["alternate"]) == ("/articles/", False)
    assert (french["url"], french["alternate"]) == ("/fr/articles/recette/", True)


def test_the_language_switch_knows_of_a_site_in_a_folder(rf: RequestFactory) -> None:
    from django.urls import set_script_prefix

    set_script_prefix("/blog/")
    try:
        request = rf.get("/fr/articles/", SCRIPT_NAME="/blog")
        assert [link["url"] for link in languages.language_links(request)] == [
            "/blog/articles/",
            "/blog/fr/articles/",
        ]
    finally:
        set_script_prefix("/")


def test_technical_pages_have_no_language_switch(rf: RequestFactory) -> None:
    assert languages.language_links(rf.get("/admin/")) == []


def test_a_language_that_the_row_should_not_hold_is_passed_over(
    client: Client, site_settings: SettingsMaker, settings: Settings
) -> None:
    site_settings(language="xx")
    assert client.get("/").headers["Content-Language"] == settings.LANGUAGE_CODE
