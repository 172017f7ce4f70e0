"""What a page costs whoever opens it: how much is fetched, what keeps it from being painted, what jumps."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.fixtures import PageMaker
from tests.browser.watched import DESKTOP, PHONE, WatchedPage

pytestmark = [pytest.mark.browser, pytest.mark.server]

BUDGET = 60_000  # bytes on the wire
MOST_SHIFT = 0.02

# Collected from before the first paint on; read by `shifted`.
WATCH_SHIFTS = """
    window.shifts = 0;
    new PerformanceObserver(list => {
        for (const entry of list.getEntries()) window.shifts += entry.value;
    }).observe({type: 'layout-shift', buffered: true});
"""
RESOURCES = """() => performance.getEntriesByType('resource')
    .concat(performance.getEntriesByType('navigation'))
    .map(({name, initiatorType, transferSize, renderBlockingStatus}) =>
        ({name, initiatorType, transferSize, renderBlockingStatus}))"""
ON_SCREEN = """() => [...document.images].filter(image => {
        const box = image.getBoundingClientRect();
        return box.top < innerHeight && box.bottom > 0;
    }).map(image => image.currentSrc)"""

# With `object-fit: cover` a picture may be drawn larger than its box, and cut.
DRAWN = """() => [...document.querySelectorAll('main img[srcset]')].map(image => {
        const {width, height} = image.getBoundingClientRect();
        const condition = /^\\(.*?\\)/;
        const rule = image.sizes.split(',').map(part => part.trim())
            .find(part => !condition.test(part) || matchMedia(part.match(condition)[0]).matches);
        const probe = document.createElement('div');
        document.body.append(probe);
        probe.style.width = rule.replace(condition, '').trim();
        const said = probe.getBoundingClientRect().width;
        probe.remove();
        const ratio = image.getAttribute('width') / image.getAttribute('height');
        return {rule, said, box: width, drawn: Math.max(width, height * ratio)};
    })"""

lists = pytest.mark.parametrize("path", ["/", "/articles/"])
widths = pytest.mark.parametrize("width", [PHONE, DESKTOP])


def fetched(page: WatchedPage) -> list[dict[str, Any]]:
    """Everything the page has fetched, as its browser's ``performance`` tells it."""
    found: list[dict[str, Any]] = page.page.evaluate(RESOURCES)
    return found


def settle(page: WatchedPage) -> None:
    """Wait for the fonts and for the pictures on the screen."""
    page.page.evaluate("document.fonts.ready")
    # A function: an expression would be evaluated as a string, which the policy of the site forbids.
    page.page.wait_for_function(
        """() => [...document.images].every(
            image => image.complete || image.getBoundingClientRect().top > innerHeight)"""
    )


@widths
def test_the_home_page_is_small(width: int, new_page: PageMaker) -> None:
    page = new_page(width=width)
    page.visit("/")
    settle(page)
    seen = page.page.evaluate(ON_SCREEN)
    costs = {
        one["name"]: one["transferSize"]
        for one in fetched(page)
        # What is below waits until somebody scrolls there, or the browser has nothing else to do.
        if one["initiatorType"] != "img" or one["name"] in seen
    }
    assert seen
    assert min(costs.values()) > 0
    assert sum(costs.values()) < BUDGET, costs


@lists
def test_one_style_sheet_and_one_deferred_script(path: str, new_page: PageMaker) -> None:
    page = new_page()
    page.visit(path)
    scripts = page.page.locator("script")
    assert scripts.count() == 1
    assert scripts.first.evaluate(
        "script => script.defer && Boolean(script.src) && !script.hasAttribute('blocking')"
    )
    assert page.page.locator("link[rel=stylesheet]").count() == 1
    assert page.page.locator("style").count() == 0
    blocking = [one["name"] for one in fetched(page) if one["renderBlockingStatus"] == "blocking"]
    assert [name.endswith(".css") for name in blocking] == [True]


@widths
@pytest.mark.parametrize("path", ["/", "/articles/", "an article"])
def test_nothing_jumps_while_a_page_loads_and_is_scrolled(path: str, width: int, new_page: PageMaker) -> None:
    page = new_page(width=width)
    page.page.add_init_script(WATCH_SHIFTS)
    page.visit("/" if path == "an article" else path)
    if path == "an article":
        page.visit(page.page.locator(".featured h2 a").get_attribute("href") or "")
    settle(page)
    pictures = page.page.locator("main img")
    for index in range(pictures.count()):
        pictures.nth(index).scroll_into_view_if_needed()
    settle(page)
    # A frame later the last shifts have been counted.
    page.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.page.evaluate("window.shifts") < MOST_SHIFT


@pytest.mark.parametrize("width", [PHONE, 800, DESKTOP])
@pytest.mark.parametrize("path", ["/", "an article"])
def test_a_picture_is_fetched_as_large_as_it_is_drawn(path: str, width: int, new_page: PageMaker) -> None:
    page = new_page(width=width)
    page.visit("/")
    if path == "an article":
        page.visit(page.page.locator(".featured h2 a").get_attribute("href") or "")
    settle(page)
    drawn = page.page.evaluate(DRAWN)
    assert drawn
    for one in drawn:
        assert one["box"] * 0.9 <= one["said"] <= one["drawn"] * 1.25, one
