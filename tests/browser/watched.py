"""A page of the site in Chromium, with somebody who writes down every complaint."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    StorageState,
)

from tests.browser import axe
from tests.servers.site import ADMIN, ADMIN_PASSWORD, Site

PHONE, DESKTOP, NARROWEST = 390, 1280, 320


@dataclass
class WatchedPage:
    """A page and what went wrong on it.

    Attributes:
        expected: statuses that the test asks for on purpose, for instance ``{404}``.
    """

    page: Page
    context: BrowserContext
    site: Site
    expected: set[int] = field(default_factory=set)
    _complaints: list[str] = field(default_factory=list)

    def visit(self, path: str) -> Response:
        """Go to *path*, follow redirects, wait until everything is loaded."""
        response = self.page.goto(self.site.url(path), wait_until="load")
        assert response is not None, f"{path} gave no answer"
        return response

    def log_in_as_owner(self) -> StorageState:
        """Fill in the login as the administrator; return the cookies of that."""
        self.visit("/accounts/login/")
        self.page.locator("input[name=username]").fill(ADMIN)
        self.page.locator("input[name=password]").fill(ADMIN_PASSWORD)
        self.page.locator("input[name=password]").press("Enter")
        self.page.wait_for_url("**/dashboard/")
        return self.context.storage_state()

    def complaints(self) -> list[str]:
        """Console errors and warnings, CSP violations, exceptions of scripts, failed requests."""
        return list(self._complaints)

    def overflow(self) -> int:
        """By how many pixels the page can be scrolled sideways."""
        measured = self.page.evaluate(
            "() => document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"
        )
        return int(measured)

    def too_wide(self) -> list[str]:
        """The elements that stick out on the right, for the message of a failing test."""
        found: list[str] = self.page.evaluate(
            """() => [...document.querySelectorAll('body *')]
                 .filter(element => element.getBoundingClientRect().right > innerWidth + 1)
                 .slice(0, 8)
                 .map(element => element.outerHTML.slice(0, 120))"""
        )
        return found

    def accessibility_violations(self) -> list[str]:
        """What axe-core finds, one line each; nothing is excepted."""
        return axe.violations(self.page)

    def style(self, selector: str, name: str) -> str:
        """A computed style."""
        return str(
            self.page.locator(selector).first.evaluate(
                "(element, name) => getComputedStyle(element)[name]", name
            )
        )

    def watch(self) -> None:
        """Begin to write down complaints."""
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self._complaints.append(f"script: {error}"))
        self.page.on("requestfailed", self._on_failed)
        self.page.on("response", self._on_response)

    def _on_console(self, message: ConsoleMessage) -> None:
        # A status is judged in _on_response, where expected ones are known.
        if message.type in {"error", "warning"} and "the server responded with a status" not in message.text:
            self._complaints.append(f"console {message.type} on {self.page.url}: {message.text}")

    def _on_failed(self, request: Request) -> None:
        # A page that is left takes its unfinished requests with it.
        if request.failure != "net::ERR_ABORTED":
            self._complaints.append(f"request failed: {request.url} ({request.failure})")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.expected:
            self._complaints.append(f"{response.status} for {response.url}")


def open_page(
    browser: Browser,
    site: Site,
    *,
    width: int = DESKTOP,
    dark: bool = False,
    language: str = "en",
    javascript: bool = True,
    login: StorageState | None = None,
) -> WatchedPage:
    """A fresh page with a visitor's own address, in a window of *width* CSS pixels."""
    options: dict[str, Any] = {"storage_state": login} if login else {}
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
        locale="fr-FR" if language == "fr" else "en-GB",
        java_script_enabled=javascript,
        extra_http_headers={"X-Forwarded-For": f"198.19.{random.randrange(256)}.{random.randrange(1, 255)}"},
        **options,
    )
    context.set_default_timeout(15_000)
    watched = WatchedPage(page=context.new_page(), context=context, site=site)
    watched.watch()
    return watched
