"""The cache page in a browser: its controls in place, without a script, by keyboard, in two languages."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.fixtures import PageMaker

pytestmark = [pytest.mark.browser, pytest.mark.server]
PAGE = "/admin/cache/"


def test_an_owner_tests_warms_and_reads_the_chart_in_place(new_page: PageMaker) -> None:
    watched = new_page(owner=True)
    # Where the engine was changed a moment ago, the site warms up by itself; then nobody does it twice.
    watched.expected = {409}
    watched.visit(PAGE)
    page = watched.page
    button = page.get_by_role("button", name="Advanced test")
    # By the keyboard: the focus stays where it was, and what comes of it is announced.
    button.focus()
    page.keyboard.press("Enter")
    result = page.locator("[data-result]")
    expect(result.locator("table")).to_be_visible()
    expect(result).to_contain_text("Redis works")
    expect(result.locator("tbody th").nth(6)).to_have_text("Read over a second connection")
    expect(result).to_have_attribute("aria-live", "polite")
    expect(button).to_be_focused()
    page.get_by_role("button", name="Warm up", exact=True).first.click()
    expect(page.locator("[data-progress] [role=status]")).to_contain_text("Done:", timeout=60_000)
    watched.visit(PAGE)
    expect(page.locator("[data-chart] canvas")).to_be_visible()
    page.get_by_text("The same as a table").click()
    expect(page.locator("[data-hours] tbody tr")).to_have_count(168)
    assert watched.accessibility_violations() == []


def test_an_address_that_the_environment_fixes_is_tested_and_not_typed(new_page: PageMaker) -> None:
    watched = new_page(owner=True, language="fr", dark=True)
    watched.visit(PAGE)
    page = watched.page
    expect(page.locator("#redis")).to_contain_text("REDIS_URL")
    expect(page.locator("[name=port]")).to_be_disabled()
    page.get_by_role("button", name="Tester la connexion").click()
    result = page.locator("[data-result]")
    expect(result.locator("tbody tr")).to_have_count(4)
    expect(result).to_contain_text("S’identifier auprès de Redis")
    assert watched.accessibility_violations() == []


def test_everything_works_without_a_script(new_page: PageMaker) -> None:
    watched = new_page(owner=True, javascript=False)
    watched.visit(PAGE)
    page = watched.page
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#cacheadmin-test-title")).to_contain_text("Redis works")
    page.get_by_role("link", name="Back to the cache").click()
    page.get_by_role("button", name="Clear Articles").click()
    expect(page.get_by_role("heading", name="Clear these groups?")).to_be_visible()
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.locator(".messagelist")).to_contain_text("Cleared: Articles")
    page.locator("input[aria-label='Lifetime of lists in seconds']").fill("130")
    page.get_by_role("button", name="Save the lifetime of lists").click()
    expect(page.locator(".messagelist")).to_contain_text("is saved")
    page.locator("input[aria-label='Lifetime of lists in seconds']").fill("")
    page.get_by_role("button", name="Save the lifetime of lists").click()
    expect(page.locator(".messagelist")).to_contain_text("is saved")
    page.get_by_role("button", name="Change the engine").click()
    expect(page.locator("#content-main")).to_contain_text("nothing would change")
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("link", name="Look for keys").click()
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#content-main")).to_contain_text("looked at")
    page.get_by_role("button", name="Look at").first.click()
    expect(page.locator("#cacheadmin-entry-title")).to_be_visible()
    watched.visit(f"{PAGE}diagnostics/")
    expect(page.locator("body")).to_contain_text("cache.engine: redis")
