"""How the tests set up a real, running site over HTTP."""

from __future__ import annotations

import re
import time
import urllib.error
from urllib.parse import urlsplit

from tests.installer.wizard import GOOD
from tests.servers.site import Site
from tests.servers.visitor import Answer, Visitor

PATIENCE = 60


def token_of(site: Site) -> str:
    """The token that the console shows, or that the environment sets."""
    if "SETUP_TOKEN" in site.environment:
        return site.environment["SETUP_TOKEN"]
    found = re.search(r"/install/\?token=(\S+)", site.said())
    assert found, site.said()
    return found[1]


def owner_of(site: Site) -> Visitor:
    """Somebody who has shown the token."""
    visitor = site.visitor()
    assert visitor.get(f"/install/?token={token_of(site)}").status == 302
    return visitor


def walk(visitor: Visitor, **steps: dict[str, str]) -> None:
    """Answer every step before the last as usual, but for what *steps* says."""
    for slug, usual in GOOD.items():
        fields = {**usual, **({"site_url": visitor.origin} if slug == "site" else {}), **steps.get(slug, {})}
        answer = visitor.post(f"/install/{slug}/", fields)
        assert answer.status == 302, (slug, answer.text)


def fields_of(url: str, password: str) -> dict[str, str]:
    """What is typed into step 3 for a PostgreSQL at *url*."""
    parts = urlsplit(url)
    return {
        "engine": "postgresql",
        "host": parts.hostname or "",
        "port": str(parts.port),
        "name": parts.path.strip("/"),
        "user": parts.username or "",
        "password": password,
    }


def install(visitor: Visitor) -> Answer:
    """Press the button."""
    return visitor.post("/install/summary/", {})


def wait_until_new(site: Site, generation: int = 1) -> None:
    """Wait until both workers answer with the new configuration."""
    deadline, in_a_row = time.monotonic() + PATIENCE, 0
    while in_a_row < 10:
        assert time.monotonic() < deadline, site.said()
        in_a_row = in_a_row + 1 if _is_new(site, generation) else 0
        time.sleep(0.1)


def is_shown(site: Site) -> bool:
    """Whether the front page is there; a server that is just being restarted may be away for a moment."""
    try:
        return site.visitor().get("/").status == 200
    except (urllib.error.URLError, ConnectionError):
        return False


def _is_new(site: Site, generation: int) -> bool:
    try:
        found = site.readiness()
    except (urllib.error.URLError, ConnectionError):
        return False
    return bool(found["installed"]) and int(found["generation"]) >= generation
