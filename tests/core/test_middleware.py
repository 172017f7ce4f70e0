"""The language and the time zone of a request."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone, translation

from core import languages
from core.models import SiteSettings
from core.site import forget_site
from tests.core.conftest import MemberMaker, SettingsMaker

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "path", ["/", "/articles/", "/sitemap.xml", "/articles/feed/", "/search/?q=rain", "/api/v1/site/"]
)
def test_head_tells_the_same_etag_as_get_and_answers_304(client: Client, path: str) -> None:
    page, head = client.get(path), client.head(path)
    assert head.content == b""
    assert head.headers["ETag"] == page.headers["ETag"]
    assert head.headers["Content-Length"] == page.headers["Content-Length"]
    known = client.head(path, headers={"If-None-Match": page.headers["ETag"]})
    assert known.status_code == 304
    assert known.headers["ETag"] == page.headers["ETag"]


def test_what_is_not_to_be_stored_has_no_etag(client: Client, new_member: MemberMaker) -> None:
    client.force_login(new_member())
    assert "ETag" not in client.head("/dashboard/").headers
    assert "ETag" not in client.get("/dashboard/").headers


def test_pages_of_the_site_look_at_their_address_alone(client: Client) -> None:
    client.cookies["django_language"] = "fr"
    page = client.get("/", headers={"Accept-Language": "fr"})
    assert page.headers["Content-Language"] == "en"
    assert "Accept-Language" not in page.headers.get("Vary", "")
    assert "Cookie" not in page.headers.get("Vary", "")


@pytest.mark.parametrize(
    ("accepted", "spoken"),
    [
        ("fr", "fr"),
        ("fr-CA,en;q=0.5", "fr"),
        ("de,fr;q=0.8,en;q=0.5", "fr"),
        ("en;q=0.4,fr;q=0.9", "fr"),
        ("fr;q=0,en", "en"),
        ("de", "en"),
        ("*", "en"),
        ("", "en"),
        (";;;", "en"),
        ("fr" * 1000, "en"),
    ],
)
def test_technical_pages_speak_the_language_of_the_browser(
    client: Client, accepted: str, spoken: str
) -> None:
    page = client.get("/admin/login/", headers={"Accept-Language": accepted})
    assert page.headers["Content-Language"] == spoken
    assert "Accept-Language" in page.headers["Vary"]


def test_where_the_browser_wishes_nothing_technical_pages_speak_the_sites_language(
    client: Client, site_settings: SettingsMaker
) -> None:
    site_settings(language="fr")
    assert client.get("/admin/login/").headers["Content-Language"] == "fr"


def test_the_cookie_counts_more_than_the_browser(client: Client) -> None:
    client.cookies["django_language"] = "fr"
    page = client.get("/admin/login/", headers={"Accept-Language": "en"})
    assert page.headers["Content-Language"] == "fr"


@pytest.mark.parametrize("cookie", ["xx", "", "../../etc", "f" * 5000])
def test_a_cookie_without_sense_is_passed_over(client: Client, cookie: str) -> None:
    client.cookies["django_language"] = cookie
    assert client.get("/admin/login/").headers["Content-Language"] == "en"


def test_in_the_administration_the_member_counts_most(client: Client, new_member: MemberMaker) -> None:
    client.force_login(new_member("ann", language="fr", is_staff=True))
    client.cookies["django_language"] = "en"
    page = client.get("/admin/", headers={"Accept-Language": "en"})
    assert page.headers["Content-Language"] == "fr"
    assert '<html lang="fr"' in page.content.decode()


def test_a_member_without_a_preference_gets_the_language_of_the_browser(
    client: Client, new_member: MemberMaker
) -> None:
    client.force_login(new_member("ann", is_staff=True))
    assert client.get("/admin/", headers={"Accept-Language": "fr"}).headers["Content-Language"] == "fr"


def test_times_are_shown_in_the_sites_time_zone(
    client: Client, new_member: MemberMaker, site_settings: SettingsMaker
) -> None:
    site_settings(time_zone="Pacific/Kiritimati")
    client.force_login(new_member("ann", is_superuser=True, is_staff=True))
    page = client.get("/admin/core/sitesettings/1/change/")
    assert timezone.get_current_timezone_name() == "UTC"
    shown = page.context["original"].updated_at.astimezone(timezone.get_fixed_timezone(14 * 60))
    assert f"{shown:%-I:%M}" in page.content.decode()


def test_a_time_zone_that_does_not_exist_breaks_no_page(client: Client, site_settings: SettingsMaker) -> None:
    site_settings(time_zone="Mars/Olympus")
    assert client.get("/").status_code == 200


def test_a_request_leaves_no_language_behind_for_the_next(client: Client) -> None:
    client.get("/fr/")
    assert translation.get_language() == "en"


def test_files_have_no_language(client: Client) -> None:
    robots = client.get("/robots.txt", headers={"Accept-Language": "fr"})
    assert "Content-Language" not in robots.headers
    assert "Accept-Language" not in robots.headers.get("Vary", "")


@pytest.mark.parametrize(
    "address",
    [
        "/?q=%00",
        "/?a=1&x%00y=2",
        "/articles/%00/",
        "/authors/a%00da/",
        "/media/%00",
        "/admin/content/article/?status__exact=%00",
        "/admin/users/user/?email=%00",
        "/admin/autocomplete/?app_label=content&model_name=article&field_name=tags&term=%00",
        "/accounts/password-reset/%00/x-y/",
    ],
)
def test_a_nul_in_an_address_is_refused_in_words(
    client: Client, new_member: MemberMaker, address: str
) -> None:
    client.force_login(new_member("boss", is_superuser=True, is_staff=True))
    answer = client.get(address)
    assert answer.status_code == 400
    assert "could not be understood" in answer.content.decode()


def test_a_nul_hidden_in_another_encoding_is_found(client: Client) -> None:
    answer = client.get("/search/?q=a%2BAAA-b", CONTENT_TYPE="text/plain; charset=utf-7")
    assert answer.status_code == 400


def test_what_only_looks_like_a_nul_is_let_through(client: Client) -> None:
    assert client.get("/search/?q=%2500").status_code == 200


def test_a_refusal_is_in_the_language_of_its_address(client: Client) -> None:
    assert '<html lang="fr"' in client.get("/fr/search/?q=%00").content.decode()


@pytest.mark.parametrize("address", ["/sitemap.xml", "/api/v1/site/", "/robots.txt"])
def test_another_process_hears_of_a_new_language_with_a_technical_page_too(
    client: Client, site_settings: SettingsMaker, address: str
) -> None:
    site_settings(language="en")
    before = client.get(address).content.decode()
    # As another process would leave it: the row and the cache are new, this process has heard nothing.
    SiteSettings.objects.update(language="fr")
    forget_site()
    assert languages.site_language() == "en"
    after = client.get(address).content.decode()
    assert languages.site_language() == "fr"
    assert after != before
