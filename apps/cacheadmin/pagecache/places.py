"""Which pages may be files, and where: what a stranger writes in an address leads nowhere else."""

from __future__ import annotations

import re

from django.conf import settings
from django.http.request import validate_host

from cacheadmin import conf
from cacheadmin.pagecache.asked import Asked
from cacheadmin.pagecache.page import Page

NAME = "index.html"
# No port: rules of a web server tell hosts apart, and ports of proxies are not what visitors see.
_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*")
# Letters of any alphabet, digits and what addresses are made of; nothing that begins with a dot.
_SEGMENT = re.compile(r"[\w~-][\w.~-]*")
_LONGEST_SEGMENT, _LONGEST_PATH, _DEEPEST = 200, 1000, 20
# Of what differs from page to page, these say nothing that the page itself does not.
_NOT_MISSED = frozenset({"content-type", "content-language", "strict-transport-security"})


def place_of(asked: Asked, page: Page) -> str | None:
    """Return the path of the page's file, below the directory of all; nothing if it may be none.

    Args:
        asked: what the page answers.
        page: the page.
    """
    if asked.query or not _is_plain_html(page) or not _is_ours(asked.host):
        return None
    try:
        path = asked.path.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return None
    if not _is_harmless(path):
        return None
    return f"{asked.scheme}/{asked.host}{path}{NAME}"


def _is_ours(host: str) -> bool:
    """Whether the site names this host: an asterisk would let strangers fill the disk."""
    named = [pattern for pattern in settings.ALLOWED_HOSTS if pattern != "*"]
    return len(host) <= _LONGEST_SEGMENT and bool(_HOST.fullmatch(host)) and validate_host(host, named)


def _is_harmless(path: str) -> bool:
    """Whether *path* is a plain one that ends in a slash, so that a file in its directory is the page."""
    first, *segments, last = path.split("/") if "/" in path else ("-", "-")
    is_bounded = len(path.encode("utf-8", "replace")) <= _LONGEST_PATH and len(segments) <= _DEEPEST
    return not first and not last and is_bounded and all(map(_is_harmless_segment, segments))


def _is_harmless_segment(segment: str) -> bool:
    is_plain = bool(_SEGMENT.fullmatch(segment)) and not segment.startswith(NAME)
    return is_plain and len(segment.encode()) <= _LONGEST_SEGMENT


def _is_plain_html(page: Page) -> bool:
    """Whether a web server that adds the usual headers sends the same."""
    usual = {name.lower(): _parts(value) for name, value in conf.get("PAGES_DIRECTORY_HEADERS").items()}
    said = {name.lower(): value for name, value in page.headers}
    kind = said.get("content-type", "").lower().replace(" ", "")
    return kind == "text/html;charset=utf-8" and all(
        name in _NOT_MISSED or usual.get(name) == _parts(value) for name, value in said.items()
    )


def _parts(value: str) -> list[str]:
    """Return what a header says; a policy is the same in any order."""
    return sorted(part.strip() for part in value.split(";"))
