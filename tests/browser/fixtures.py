"""Fixtures around a real Chromium, driven against the real server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, StorageState, sync_playwright

from tests.browser.watched import WatchedPage, open_page
from tests.servers import chromium
from tests.servers.site import Site

PageMaker = Callable[..., WatchedPage]


class SleepingBrowser:
    """Chromium, and the event loop that Playwright keeps in this thread.

    Django refuses to touch the database where an event loop runs, so the loop is shown only while
    a browser test is at work (:meth:`awake`), and hidden from all others.
    """

    def __init__(self) -> None:
        self._driver = sync_playwright()
        playwright = self._driver.start()
        self._loop = asyncio.get_running_loop()
        self.chromium: Browser = playwright.chromium.launch(
            executable_path=chromium.find_chromium(), args=chromium.arguments()
        )
        asyncio._set_running_loop(None)
        # The owner's cookies, by site: one login for all tests.
        self.logins: dict[str, StorageState] = {}

    @contextmanager
    def awake(self) -> Iterator[Browser]:
        """Show the event loop while the block runs."""
        asyncio._set_running_loop(self._loop)
        try:
            yield self.chromium
        finally:
            asyncio._set_running_loop(None)

    def close(self) -> None:
        """Close the browser and Playwright with it."""
        with self.awake():
            self.chromium.close()
            self._driver.__exit__()


@pytest.fixture(scope="session")
def _sleeping_browser() -> Iterator[SleepingBrowser]:
    browser = SleepingBrowser()
    yield browser
    browser.close()


@pytest.fixture
def browser(_sleeping_browser: SleepingBrowser) -> Iterator[Browser]:
    """A real Chromium; most tests want ``new_page`` instead."""
    with _sleeping_browser.awake() as chromium_browser:
        yield chromium_browser


@pytest.fixture
def new_page(browser: Browser, _sleeping_browser: SleepingBrowser, site: Site) -> Iterator[PageMaker]:
    """Open a page of ``site``, for instance ``new_page(width=320, dark=True, owner=True, javascript=False)``.

    Whatever the console, the CSP or the network complain of while the test runs, fails the test.
    """
    opened: list[WatchedPage] = []

    def make(*, owner: bool = False, of: Site = site, **options: Any) -> WatchedPage:
        login = _owner_login(browser, _sleeping_browser, of) if owner else None
        page = open_page(browser, of, login=login, **options)
        opened.append(page)
        return page

    yield make
    complaints = [complaint for page in opened for complaint in page.complaints()]
    for page in opened:
        page.context.close()
    assert not complaints, "The browser complained:\n" + "\n".join(complaints)


def _owner_login(browser: Browser, sleeping: SleepingBrowser, site: Site) -> StorageState:
    if site.url() not in sleeping.logins:
        page = open_page(browser, site)
        sleeping.logins[site.url()] = page.log_in_as_owner()
        page.context.close()
    return sleeping.logins[site.url()]
