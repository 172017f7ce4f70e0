"""Light and dark: by preference, by button, and remembered."""

from __future__ import annotations

import pytest

from tests.browser.fixtures import PageMaker
from tests.browser.watched import WatchedPage

pytestmark = [pytest.mark.browser, pytest.mark.server]


def brightness(page: WatchedPage) -> float:
    """How bright the page's ground is, from 0 (black) to 1 (white), as it is painted."""
    # Colours may be computed as rgb(), oklch(), …: a canvas tells what they come to.
    painted: list[int] = page.page.evaluate(
        """() => {
            const canvas = document.createElement('canvas');
            canvas.width = canvas.height = 1;
            const context = canvas.getContext('2d');
            const grounds = [document.body, document.documentElement]
                .map(element => getComputedStyle(element).backgroundColor);
            context.fillStyle = grounds.find(ground => ground !== 'rgba(0, 0, 0, 0)') ?? 'white';
            context.fillRect(0, 0, 1, 1);
            return [...context.getImageData(0, 0, 1, 1).data];
        }"""
    )
    return sum(painted[:3]) / 3 / 255


def is_dark(page: WatchedPage) -> bool:
    """Whether the ground is dark; a ground that is neither light nor dark is an error."""
    ground = brightness(page)
    assert not 0.25 <= ground <= 0.8, ground
    return ground < 0.25


def choose(page: WatchedPage, theme: str) -> None:
    """Press the button until it says *theme*."""
    button = page.page.locator("[data-theme-button]")
    for _ in range(3):
        if button.get_attribute("data-state") == theme:
            return
        button.click()
    assert button.get_attribute("data-state") == theme


def test_a_page_follows_the_preference_of_the_system(new_page: PageMaker) -> None:
    light, dark = new_page(dark=False), new_page(dark=True)
    light.visit("/")
    dark.visit("/")
    assert not is_dark(light)
    assert is_dark(dark)


@pytest.mark.parametrize("system_is_dark", [False, True])
def test_the_button_wins_over_the_system_and_is_remembered(new_page: PageMaker, system_is_dark: bool) -> None:
    page = new_page(dark=system_is_dark)
    page.visit("/")
    for theme in ("light", "dark"):
        choose(page, theme)
        assert is_dark(page) is (theme == "dark")
        page.visit("/articles/")
        assert is_dark(page) is (theme == "dark"), "on the next page"
    choose(page, "auto")
    assert is_dark(page) is system_is_dark


def test_the_button_says_what_it_does(new_page: PageMaker) -> None:
    page = new_page()
    page.visit("/")
    button = page.page.locator("[data-theme-button]")
    seen = set()
    for _ in range(3):
        seen.add(button.get_attribute("aria-label"))
        button.click()
    assert len(seen) == 3
    assert None not in seen


def test_without_a_script_there_is_no_dead_button(new_page: PageMaker) -> None:
    page = new_page(javascript=False)
    page.visit("/")
    assert not page.page.locator("[data-theme-button]").is_visible()
