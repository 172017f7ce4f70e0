"""What visitors and members come for."""

from __future__ import annotations

import re
import secrets

import pytest

from tests.browser.fixtures import PageMaker
from tests.browser.pages import words
from tests.servers.site import ADMIN, ADMIN_PASSWORD, Site

pytestmark = [pytest.mark.browser, pytest.mark.server]


def test_a_reader_changes_the_language_and_stays_where_they_are(new_page: PageMaker) -> None:
    page = new_page()
    page.visit("/articles/")
    page.page.locator("a[hreflang=fr], a[lang=fr]").first.click()
    page.page.wait_for_url("**/fr/articles/")
    assert page.page.locator("html").get_attribute("lang") == "fr"
    page.page.locator("a[hreflang=en], a[lang=en]").first.click()
    page.page.wait_for_url(page.site.url("/articles/"))


def test_a_reader_leafs_forward_and_back(new_page: PageMaker) -> None:
    page = new_page()
    page.visit("/articles/")
    titles = page.page.locator("main article h2, main article h3").all_inner_texts()
    assert titles
    page.page.locator("main a[rel=next]").first.click()
    page.page.wait_for_url("**/articles/?cursor=*")
    older = page.page.locator("main article h2, main article h3").all_inner_texts()
    assert older
    assert not set(titles) & set(older)
    page.page.locator("main a[rel=prev]").first.click()
    page.page.wait_for_function("titles => document.body.innerText.includes(titles[0])", arg=titles)
    assert page.page.locator("main article h2, main article h3").all_inner_texts() == titles


def test_a_reader_searches_and_opens_what_was_found(new_page: PageMaker, site: Site) -> None:
    page = new_page()
    page.visit("/")
    page.page.locator("input[name=q]").first.fill(words(site, "en")["word"])
    page.page.locator("input[name=q]").first.press("Enter")
    page.page.wait_for_url("**/search/?q=*")
    page.page.locator("main article a").first.click()
    page.page.wait_for_url("**/articles/*/")
    assert page.page.locator("h1").inner_text()


def test_a_reader_without_a_script_reads_searches_and_logs_in(new_page: PageMaker, site: Site) -> None:
    page = new_page(javascript=False)
    page.visit(f"/articles/{words(site, 'en')['article']}/")
    page.page.locator("[data-account]").click()
    page.page.wait_for_url(re.compile("/accounts/login/"))
    page.page.locator("input[name=username]").fill(ADMIN)
    page.page.locator("input[name=password]").fill(ADMIN_PASSWORD)
    page.page.locator("input[name=password]").press("Enter")
    page.page.wait_for_url("**/dashboard/")


def test_a_wrong_password_is_told_beside_the_form_and_keeps_the_name(new_page: PageMaker) -> None:
    page = new_page()
    page.visit("/accounts/login/")
    page.page.locator("input[name=username]").fill("somebody")
    page.page.locator("input[name=password]").fill("wrong")
    page.page.locator("input[name=password]").press("Enter")
    page.page.locator("[role=alert], .errors, [aria-invalid=true]").first.wait_for()
    assert page.page.locator("input[name=username]").input_value() == "somebody"
    assert page.page.locator("input[name=password]").input_value() == ""
    assert page.accessibility_violations() == []


def test_a_newcomer_registers_and_the_account_link_knows(new_page: PageMaker) -> None:
    page = new_page()
    page.visit("/")
    assert page.page.locator("[data-account]").inner_text().strip() == "Log in"
    name = f"newcomer{secrets.token_hex(4)}"
    password = secrets.token_urlsafe(12)
    page.visit("/accounts/register/")
    page.page.locator("input[name=username]").fill(name)
    page.page.locator("input[name=email]").fill(f"{name}@example.org")
    for field in page.page.locator("input[type=password]").all():
        field.fill(password)
    page.page.locator("main form button[type=submit]").click()
    page.page.wait_for_url("**/dashboard/")
    page.visit("/")
    assert page.page.locator("[data-account]").inner_text().strip() == "My account"
    page.visit("/dashboard/")
    page.page.locator("form[action$='/accounts/logout/'] button").first.click()
    page.page.wait_for_load_state()
    page.visit("/")
    assert page.page.locator("[data-account]").inner_text().strip() == "Log in"


def test_the_owner_sees_the_true_state_of_the_cache(new_page: PageMaker, site: Site) -> None:
    page = new_page(owner=True)
    page.visit("/admin/cache/")
    assert site.readiness()["cache"]["engine"] == "redis"
    assert "redis" in page.page.locator("#content, main").first.inner_text().lower()
