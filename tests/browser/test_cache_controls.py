"""Each control of the cache page, on each engine, in both languages and themes, on a phone and a desk, by
keyboard and without a script: pairwise, or every combination with ``--everything``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.fixtures import PageMaker
from tests.browser.pairing import meetings, pairwise
from tests.browser.watched import DESKTOP, PHONE, WatchedPage
from tests.combinations import ENGINES, LANGUAGES
from tests.servers.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.server]
PAGE = "/admin/cache/"
FACTORS = (ENGINES, LANGUAGES, (False, True), (DESKTOP, PHONE), (True, False), (False, True))
LABELS = {"redis": "Redis", "file": "(Files|Fichiers)", "memory": "(Memory|Mémoire)"}


class Way(NamedTuple):
    """How somebody uses the page."""

    engine: str
    language: str
    dark: bool
    width: int
    script: bool
    keyboard: bool

    def __str__(self) -> str:
        theme, place = "dark" if self.dark else "light", "phone" if self.width == PHONE else "desk"
        means = "keys" if self.keyboard else "mouse"
        return f"{self.engine}-{self.language}-{theme}-{place}-{'js' if self.script else 'nojs'}-{means}"


class Hand:
    """Whoever uses the page, with a mouse or with keys alone."""

    def __init__(self, watched: WatchedPage, *, keyboard: bool) -> None:
        self.watched, self.page, self.keyboard = watched, watched.page, keyboard

    def press(self, found: str | Locator) -> None:
        """Use a button, a link or a summary."""
        self._use(found, "Enter")

    def tick(self, found: str | Locator) -> None:
        """Use a radio button or a checkbox."""
        self._use(found, "Space")

    def _use(self, found: str | Locator, key: str) -> None:
        target = (self.page.locator(found) if isinstance(found, str) else found).first
        if not self.keyboard:
            target.click()
            return
        target.focus()
        expect(target).to_be_focused()
        self.page.keyboard.press(key)

    def open(self, path: str = PAGE) -> Page:
        """Go to the page."""
        self.watched.visit(path)
        return self.page

    def sees_message(self) -> None:
        """Something was done, and the page says so."""
        expect(self.page.locator(".messagelist li").first).to_be_visible()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give ``way`` its values."""
    if "way" in metafunc.fixturenames:
        everything = metafunc.config.getoption("--everything")
        rows = product(*FACTORS) if everything else pairwise(FACTORS)
        metafunc.parametrize("way", [Way(*row) for row in rows], ids=str)  # type: ignore[arg-type]


@pytest.fixture
def hand(way: Way, new_page: PageMaker, site: Site) -> Iterator[Hand]:
    """Somebody on the page, who has chosen the engine there; it is as before afterwards."""
    watched = new_page(
        owner=True, language=way.language, dark=way.dark, width=way.width, javascript=way.script
    )
    # After a change of engine and a clear the site warms up by itself, and then does not do it twice.
    watched.expected = {409}
    made = Hand(watched, keyboard=way.keyboard)
    _choose(made, way.engine)
    yield made
    site.manage("cache", "use", "auto")


def _choose(hand: Hand, engine: str) -> None:
    page = hand.open()
    if engine == "memory":
        hand.press("#engine summary")
    hand.tick(f"#cacheadmin-engine-{engine}")
    hand.press("#engine .cacheadmin-actions button[type=submit]")
    expect(page.locator("#content-main form button.default")).to_be_visible()
    hand.press("#content-main form button.default")
    hand.sees_message()


def test_each_control_does_what_it_says(hand: Hand, way: Way) -> None:
    page = hand.page
    expect(page.locator("html")).to_have_attribute("lang", way.language)
    expect(page.locator("#cacheadmin-status-title")).to_contain_text(re.compile(LABELS[way.engine]))
    following = page.locator("[data-following]")
    expect(following).to_have_attribute("aria-live", "polite")
    expect(following).to_contain_text(re.compile(r"\d\d:\d\d:\d\d"))
    assert hand.watched.overflow() == 0, hand.watched.too_wide()
    if way.script:
        expect(page.locator("[data-chart] canvas")).to_be_visible()
        assert hand.watched.accessibility_violations() == []
    _test_connections(hand, way)
    _look_at_statistics(hand)
    _clear_and_warm(hand, way)
    _change_a_lifetime(hand)
    _look_at_keys(hand, way)
    _read_on(hand, way)


def _test_connections(hand: Hand, way: Way) -> None:
    for action, steps in (("test-redis", 4), ("test-advanced", 11)):
        page = hand.open()
        hand.press(f"#redis button[formaction*='{action}']")
        rows = (
            page.locator("[data-result] tbody tr") if way.script else page.locator("#content-main tbody tr")
        )
        expect(rows.nth(3)).to_be_visible()
        assert rows.count() >= steps


def _look_at_statistics(hand: Hand) -> None:
    page = hand.open()
    page.locator("#cacheadmin-hours").select_option("24")
    page.locator("#cacheadmin-group").select_option(index=1)
    hand.press("#statistics form button")
    expect(page).to_have_url(re.compile("hours=24"))
    hand.press("#statistics details summary")
    expect(page.locator("[data-hours] tbody tr")).to_have_count(24)


def _clear_and_warm(hand: Hand, way: Way) -> None:
    for button in (
        "#actions button[name=all]",
        "#actions button[value=lists]",
        "#groups button[value=lists]",
    ):
        page = hand.open()
        hand.press(page.locator(button).and_(page.locator("form[action*=clear] button")))
        expect(page.locator("#content-main form button.default")).to_be_visible()
        hand.press("#content-main form button.default")
        hand.sees_message()
    hand.press("#groups form[action*=warmup] button[value=settings]")
    hand.sees_message()
    page = hand.open()
    for box in page.locator("form[data-warmup] input[type=checkbox]:not([value=settings])").all():
        hand.tick(box)
    hand.press("form[data-warmup] button")
    if way.script:
        expect(page.locator("[data-progress] [role=status]")).to_contain_text(re.compile(r"(Done|Terminé)"))
    else:
        hand.sees_message()


def _change_a_lifetime(hand: Hand) -> None:
    page = hand.open()
    form = page.locator("#groups form", has=page.locator("input[name=group][value=lists]"))
    for seconds in ("130", ""):
        field = form.locator("input[name=seconds]")
        field.fill(seconds)
        hand.press(form.locator("button"))
        hand.sees_message()
        expect(form.locator("input[name=seconds]")).to_have_value(seconds)


def _look_at_keys(hand: Hand, way: Way) -> None:
    page = hand.open()
    hand.press("#top a[href*=keys]")
    hand.press("#content-main form[method=get] button")
    expect(page.locator("#content-main [role=status]")).to_be_visible()
    if way.engine == "memory":
        # Each worker has entries of its own: whose are asked is chance.
        return
    hand.press("#content-main tbody tr button:not([formaction])")
    expect(page.locator("#cacheadmin-entry-title")).to_be_visible()
    hand.press("#content-main tbody tr button[formaction*=delete]")
    expect(page.locator(".cacheadmin-key")).to_be_visible()
    hand.press("#content-main form button.default")
    hand.sees_message()


def _read_on(hand: Hand, way: Way) -> None:
    page = hand.open()
    hand.press("#engine .cacheadmin-learn")
    expect(page.locator(".cacheadmin-help")).to_be_visible()
    for part in ("advice", "top", "history"):
        hand.open(f"{PAGE}?more={part}#{part}")
        expect(page.locator(f"#{part} h2")).to_be_visible()
    hand.press("#history form button")
    expect(page.locator("#content-main form button.default")).to_be_visible()
    hand.press("#content-main form ~ a, #content-main form a")
    hand.press("#diagnostics summary")
    expect(page.locator("#diagnostics pre")).to_be_visible()
    if not way.dark:
        # It may be asked for four times in a minute.
        hand.press("#benchmark button")
        expect(page.locator("#content-main tbody tr, .messagelist li").first).to_be_visible()


def test_pairs_are_complete_and_few() -> None:
    rows = pairwise(FACTORS)
    every = {pair for row in product(*FACTORS) for pair in meetings(row)}
    assert {pair for row in rows for pair in meetings(row)} == every
    assert len(rows) <= 10
