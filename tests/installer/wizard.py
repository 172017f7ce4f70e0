"""How the tests go through the wizard, inside the process."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.test import Client

from tests.installer.conftest import TOKEN

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

FORM_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
PASSWORD = "correct horse battery staple"
# What is typed into each step, in order.
GOOD: dict[str, dict[str, str]] = {
    "welcome": {"language": "en"},
    "requirements": {},
    "database": {"engine": "sqlite"},
    "site": {
        "site_name": "The House",
        "tagline": "Rooms with a view",
        "language": "en",
        "time_zone": "Europe/Paris",
        "site_url": "https://www.example.org",
        "answers_here": "on",
        "samples": "12",
    },
    "administrator": {
        "admin_username": "owner",
        "admin_email": "owner@example.org",
        "admin_password": PASSWORD,
        "again": PASSWORD,
    },
    "cache": {"engine": "file"},
}


class Walker:
    """Somebody with the setup token, in front of the wizard."""

    def __init__(self, *, knows_token: bool = True) -> None:
        self.client = Client(enforce_csrf_checks=True)
        if knows_token:
            self.client.get(f"/install/?token={TOKEN}")

    def page(self, slug: str) -> str:
        """A page, in words."""
        return self.client.get(f"/install/{slug}/").content.decode()

    def send(self, slug: str, *, to: str = "", **fields: str) -> Response:
        """Send the form of a step as it is on its page, with *fields* typed in."""
        found = FORM_TOKEN.search(self.page(slug))
        token = {"csrfmiddlewaretoken": found[1]} if found else {}
        return self.client.post(f"/install/{to or slug}/", {**token, **fields})

    def answer(self, slug: str, **changes: str) -> Response:
        """Answer a step as usual, but for *changes*."""
        return self.send(slug, **{**GOOD[slug], **changes})

    def walk(self, *, until: str = "summary") -> None:
        """Answer everything before the step *until*."""
        for slug in GOOD:
            if slug == until:
                return
            response = self.answer(slug)
            assert response.status_code == 302, (slug, response.content.decode())

    def is_led_to(self, slug: str, instead_of: str) -> bool:
        """Whether asking for one step leads to another one."""
        response: Any = self.client.get(f"/install/{instead_of}/")
        return bool(response.status_code == 302 and response["Location"] == f"/install/{slug}/")
