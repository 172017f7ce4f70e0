"""The setup in a real browser, on the real server with two workers, from the token to the running site."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser.fixtures import PageMaker
from tests.browser.watched import DESKTOP, NARROWEST, PHONE, WatchedPage
from tests.installer import setting_up
from tests.servers.process import free_port
from tests.servers.redis import RedisServer
from tests.servers.site import ADMIN_PASSWORD, Site
from tests.sites import SiteMaker

pytestmark = [pytest.mark.browser, pytest.mark.server, pytest.mark.slow]


@pytest.fixture
def unset(new_site: SiteMaker) -> Site:
    """A site that is served, and not installed."""
    return new_site().start()


def begin(watched: WatchedPage, site: Site) -> Page:
    """Open the address that the console shows."""
    watched.visit(f"/install/?token={setting_up.token_of(site)}")
    watched.page.wait_for_url("**/install/welcome/")
    assert "token" not in watched.page.url
    return watched.page


def go_on(page: Page, to: str) -> None:
    """Press *Next*, and be at the step *to*."""
    page.locator(".setup__foot button").first.click()
    page.wait_for_url(f"**/install/{to}/")


def look(watched: WatchedPage) -> None:
    """The page fits, and all can use it."""
    assert watched.page.locator("h1").count() == 1
    violations = watched.accessibility_violations()
    assert not violations, "\n".join([watched.page.url, *violations])
    width = (watched.page.viewport_size or {"width": DESKTOP})["width"]
    for pixels in (width, NARROWEST):
        watched.page.set_viewport_size({"width": pixels, "height": 800})
        assert watched.overflow() <= 0, f"{watched.page.url} at {pixels} px: {watched.too_wide()}"
    watched.page.set_viewport_size({"width": width, "height": 800})


def fill_administrator(page: Page) -> None:
    page.locator("[name=admin_username]").fill("owner")
    page.locator("[name=admin_email]").fill("owner@example.org")
    page.locator("[name=admin_password]").fill(ADMIN_PASSWORD)
    page.locator("[name=again]").fill(ADMIN_PASSWORD)


def test_with_a_redis_behind_a_password_in_french_on_a_dark_phone(
    new_page: PageMaker, unset: Site, new_redis: Callable[..., RedisServer]
) -> None:
    redis = new_redis(password="a secret of Redis")
    watched = new_page(of=unset, language="fr", dark=True, width=PHONE)
    page = begin(watched, unset)
    assert page.locator("html").get_attribute("lang") == "fr"
    look(watched)
    go_on(page, "requirements")
    page.locator("[name=custom]").check()
    page.locator("[name=port]").fill(str(free_port()))
    page.locator("[data-test=port-result]").click()
    page.locator("#port-result", has_text="❌ Pas de Redis — on continue avec les fichiers").wait_for()
    page.locator("[name=port]").fill(str(redis.port))
    page.locator("[data-test=port-result]").click()
    page.locator("#port-result", has_text=f"✅ Redis disponible sur le port {redis.port}").wait_for()
    look(watched)
    go_on(page, "database")
    look(watched)
    go_on(page, "site")
    page.locator("[name=site_name]").fill("La Maison")
    look(watched)
    go_on(page, "administrator")
    fill_administrator(page)
    page.locator(".strength__word", has_text="très bon").wait_for()
    look(watched)
    go_on(page, "cache")
    # What was found in step 2 is filled in here; the password is asked for now.
    assert page.locator("[name=port]").input_value() == str(redis.port)
    assert page.locator("[name=engine][value=redis]").is_checked()
    page.locator("[formaction$='test-redis/']").first.click()
    page.locator("#redis-result [data-engine=file]").wait_for()
    assert page.locator("[name=engine][value=file]").is_checked()
    look(watched)
    page.locator("[name=password]").fill("a secret of Redis")
    page.locator("#redis-result button").click()
    page.locator("#redis-result [data-engine=redis]").wait_for()
    assert page.locator("[name=engine][value=redis]").is_checked()
    page.locator("[name=deep]").check()
    page.locator("[formaction$='test-advanced/']").click()
    page.locator("#redis-result .stages li:nth-child(8)").wait_for()
    look(watched)
    go_on(page, "summary")
    look(watched)
    page.locator(".setup__foot button").first.click()
    page.locator("[data-done]").wait_for(timeout=60_000)
    look(watched)
    page.locator(".done--live").wait_for(timeout=60_000)
    ready = unset.readiness()
    assert (ready["cache"]["engine"], ready["cache"]["choice"]) == ("redis", "redis")
    page.locator(".done__links a").first.click()
    page.locator(".brand", has_text="La Maison").wait_for()


def test_without_a_script_back_and_forth_and_skipping_the_cache(new_page: PageMaker, unset: Site) -> None:
    watched = new_page(of=unset, javascript=False)
    page = begin(watched, unset)
    go_on(page, "requirements")
    page.locator("[name=custom]").check()
    page.locator("[name=port]").fill(str(free_port()))
    page.locator("[data-test=port-result]").click()
    page.locator("#port-result", has_text="❌ No Redis — continuing with files").wait_for()
    go_on(page, "database")
    go_on(page, "site")
    page.locator("[name=site_name]").fill("The House")
    page.locator("[name=back]").click()
    page.wait_for_url("**/install/database/")
    go_on(page, "site")
    assert page.locator("[name=site_name]").input_value() == "The House"
    go_on(page, "administrator")
    page.locator("[name=admin_username]").fill("owner")
    page.locator(".setup__foot button").first.click()
    page.locator("[aria-invalid=true]").first.wait_for()
    assert page.locator("[name=admin_username]").input_value() == "owner"
    fill_administrator(page)
    go_on(page, "cache")
    page.locator("[name=port]").fill(str(free_port()))
    page.locator("[formaction$='test-redis/']").first.click()
    page.locator("#redis-result", has_text="Files were selected instead").wait_for()
    page.locator("[name=skip]").click()
    page.wait_for_url("**/install/summary/")
    page.locator(".setup__foot button").first.click()
    page.locator("[data-done]").wait_for(timeout=60_000)
    setting_up.wait_until_new(unset)
    assert unset.readiness()["cache"]["choice"] == "file"
    page.locator(".done__links a").first.click()
    page.locator(".brand", has_text="The House").wait_for()


def test_with_the_keyboard_alone(new_page: PageMaker, unset: Site) -> None:
    watched = new_page(of=unset)
    page = begin(watched, unset)
    look(watched)

    def reach(selector: str) -> None:
        """Press Tab until *selector* has the focus."""
        for _ in range(80):
            if page.locator(selector).first.evaluate("element => element === document.activeElement"):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"{selector} cannot be reached at {page.url}")

    def enter(to: str) -> None:
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/install/{to}/")

    reach("[name=language]")
    enter("requirements")
    look(watched)
    reach(".setup__foot button")
    enter("database")
    reach("[name=engine]")
    page.keyboard.press("ArrowDown")
    assert page.locator("[name=engine][value=postgresql]").is_checked()
    look(watched)
    page.keyboard.press("ArrowUp")
    enter("site")
    reach("[name=site_name]")
    page.keyboard.type("The House")
    look(watched)
    enter("administrator")
    for name, text in (("admin_username", "owner"), ("admin_email", "owner@example.org")):
        reach(f"[name={name}]")
        page.keyboard.type(text)
    for name in ("admin_password", "again"):
        reach(f"[name={name}]")
        page.keyboard.type(ADMIN_PASSWORD)
    enter("cache")
    reach("[name=engine]:checked")
    look(watched)
    enter("summary")
    reach(".setup__foot button")
    page.keyboard.press("Enter")
    # That the links work then, and where they lead, two other ways through the setup have shown.
    page.locator("[data-done]").wait_for(timeout=60_000)
    reach(".done__links a")
