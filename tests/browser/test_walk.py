"""Every page, in both languages, light and dark, on a phone and at a desk: it fits, and all can use it.

Each visit fails on errors of the console, of the CSP and of the network by itself (``new_page``).
"""

from __future__ import annotations

from collections import Counter
from urllib.parse import urlsplit

import pytest

from tests.browser.fixtures import PageMaker
from tests.browser.pages import ADMIN, DJANGO_ADMIN, MEMBERS, PUBLIC, Stop
from tests.browser.watched import DESKTOP, NARROWEST, PHONE
from tests.servers.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.server]

OURS = [*PUBLIC, *MEMBERS, *ADMIN]
both_languages = pytest.mark.parametrize("tongue", ["en", "fr"])


@both_languages
@pytest.mark.parametrize("stop", OURS, ids=lambda stop: stop.name)
def test_a_page_is_quiet_fits_and_is_open_to_all(
    stop: Stop, tongue: str, new_page: PageMaker, site: Site
) -> None:
    for width, dark in ((DESKTOP, False), (PHONE, True)):
        page = new_page(width=width, dark=dark, language=tongue, owner=stop.owner)
        page.expected.add(stop.status)
        response = page.visit(stop.address(site, tongue))
        where = f"{stop.name} in {tongue} at {width} px"
        assert response.status == stop.status, where
        assert page.page.locator("html").get_attribute("lang") == tongue, where
        assert page.page.locator("h1").count() == 1, where
        violations = page.accessibility_violations()
        assert not violations, "\n".join([where, *violations])
        assert page.overflow() <= 0, f"{where}: {page.too_wide()}"
        page.page.set_viewport_size({"width": NARROWEST, "height": 800})
        assert page.overflow() <= 0, f"{where}, made {NARROWEST} px wide: {page.too_wide()}"


@both_languages
@pytest.mark.parametrize("stop", DJANGO_ADMIN, ids=lambda stop: stop.name)
def test_the_administration_is_quiet(stop: Stop, tongue: str, new_page: PageMaker, site: Site) -> None:
    for dark in (False, True):
        page = new_page(dark=dark, language=tongue, owner=True)
        assert page.visit(stop.address(site, tongue)).status == 200
        assert page.page.locator("html").get_attribute("lang") == tongue


@pytest.mark.parametrize("stop", PUBLIC[:3], ids=lambda stop: stop.name)
def test_a_page_can_be_magnified(stop: Stop, new_page: PageMaker, site: Site) -> None:
    page = new_page()
    page.visit(stop.address(site, "en"))
    said = page.page.locator("meta[name=viewport]").get_attribute("content") or ""
    assert "user-scalable" not in said
    assert "maximum-scale" not in said
    # Text twice as large (WCAG 1.4.4) must not push the page apart.
    page.page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert page.overflow() <= 0, page.too_wide()


@pytest.mark.parametrize("stop", [PUBLIC[0], PUBLIC[2], PUBLIC[8]], ids=lambda stop: stop.name)
def test_no_file_is_fetched_twice(stop: Stop, new_page: PageMaker, site: Site) -> None:
    page = new_page()
    fetched: Counter[str] = Counter()
    page.page.on("request", lambda request: fetched.update([urlsplit(request.url).path]))
    page.visit(stop.address(site, "en"))
    page.page.evaluate("document.fonts.ready")
    assert {path: times for path, times in fetched.items() if times > 1} == {}


def test_every_picture_of_the_home_page_is_there(new_page: PageMaker) -> None:
    page = new_page()
    page.visit("/")
    page.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    pictures = page.page.locator("main img")
    assert pictures.count() > 0
    for index in range(pictures.count()):
        picture = pictures.nth(index)
        picture.scroll_into_view_if_needed()
        page.page.wait_for_function("image => image.complete", arg=picture.element_handle())
        assert picture.evaluate("image => image.naturalWidth") > 0, picture.get_attribute("src")
        assert picture.get_attribute("width"), "its place must be kept free while it loads"
        assert picture.get_attribute("alt") is not None
