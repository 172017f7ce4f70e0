"""Everything can be reached and seen with the keyboard alone."""

from __future__ import annotations

import pytest

from tests.browser.fixtures import PageMaker
from tests.browser.pages import PUBLIC, Stop
from tests.browser.watched import DESKTOP, PHONE, WatchedPage
from tests.servers.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.server]

REACHABLE = (
    "a[href], button:not([disabled]), input:not([type=hidden]):not([disabled]), select:not([disabled]), "
    "textarea:not([disabled]), summary"
)
# Numbers what can be used, so that the walk can say what it missed.
NUMBER = """selector => {
    const visible = [...document.querySelectorAll(selector)].filter(
        element => element.checkVisibility() && element.tabIndex >= 0);
    visible.forEach((element, index) => { element.dataset.number = index; });
    return visible.map(element => element.outerHTML.slice(0, 120));
}"""
FOCUSED = """() => {
    const element = document.activeElement;
    if (!element || element === document.body) return null;
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    return {
        number: element.dataset.number ?? null,
        text: element.outerHTML.slice(0, 120),
        marked: (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0)
            || style.boxShadow !== 'none',
        inside: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    };
}"""


def walk(page: WatchedPage) -> set[int]:
    """Press Tab through the page; the numbers of what got the focus, in which each step could be seen."""
    reached: set[int] = set()
    for _ in range(400):
        page.page.keyboard.press("Tab")
        focused = page.page.evaluate(FOCUSED)
        if focused is None:
            # The end of the page; where a form took the focus at once, its beginning is still to come.
            continue
        assert focused["marked"], f"no visible focus: {focused['text']}"
        assert focused["inside"], f"focus out of sight: {focused['text']}"
        if focused["number"] is not None:
            if int(focused["number"]) in reached:
                return reached
            reached.add(int(focused["number"]))
    raise AssertionError("The walk never came to an end")


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
@pytest.mark.parametrize("stop", [PUBLIC[0], PUBLIC[2], PUBLIC[6], PUBLIC[8]], ids=lambda stop: stop.name)
def test_tab_reaches_everything_and_shows_where_it_is(
    stop: Stop, width: int, new_page: PageMaker, site: Site
) -> None:
    page = new_page(width=width)
    page.visit(stop.address(site, "en"))
    usable = page.page.evaluate(NUMBER, REACHABLE)
    reached = walk(page)
    assert not [text for number, text in enumerate(usable) if number not in reached]


def test_the_first_tab_offers_to_skip_to_the_text(new_page: PageMaker) -> None:
    page = new_page()
    page.visit("/articles/")
    page.page.keyboard.press("Tab")
    link = page.page.locator(":focus")
    assert link.get_attribute("href") == "#main"
    box = link.bounding_box()
    assert box is not None
    assert box["y"] >= 0
    page.page.keyboard.press("Enter")
    assert page.page.evaluate("document.activeElement.id") == "main"
    page.page.keyboard.press("Tab")
    assert page.page.evaluate("document.activeElement.closest('main') !== null")
