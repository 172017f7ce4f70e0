"""One page as it is kept, and the answers that are made of it."""

from __future__ import annotations

import gzip
import hashlib
import math
import time
from collections.abc import Iterable
from email.utils import formatdate
from typing import NamedTuple

from cacheadmin import conf
from cacheadmin.pagecache.asked import Asked
from cacheadmin.pagecache.marks import Held

Headers = list[tuple[str, str]]

HIT, MISS, BYPASS = (f"cacheadmin; {how}" for how in ("hit", "fwd=miss", "fwd=bypass"))
STATUS = "Cache-Status"
LARGEST = 4_000_000
# Smaller ones become no smaller, or only in name.
_COMPRESS_FROM = 200
_TEXTUAL = ("text/", "application/json", "application/xml", "application/javascript")
# What each answer gets anew.
_OWN = frozenset(
    {
        *("content-length", "etag", "last-modified", "vary", "cache-control", "expires", "age"),
        *("date", "server", "connection", "keep-alive", "x-accel-expires", "cache-status"),
    }
)
# A page that says one of these is not for everybody.
_PERSONAL = frozenset({"set-cookie", "content-encoding", "www-authenticate", "content-range"})


class Page(NamedTuple):
    """A page.

    Args:
        held: what it was made from.
        ends_at: when it is another page by itself, in seconds since 1970.
        made_at: seconds since 1970.
        dated: the same as headers have it.
        tag: what its ETag is made of.
        headers: its own ones.
        body: compressed if ``encoding`` says so.
        encoding: ``gzip`` or nothing.
    """

    held: Held
    ends_at: float
    made_at: int
    dated: str
    tag: str
    headers: Headers
    body: bytes
    encoding: str


class Answer(NamedTuple):
    """What is sent."""

    status: int
    headers: Headers
    body: bytes


class Manners:
    """How long whom may keep a page, as the settings say it."""

    def __init__(self) -> None:
        cdn, nginx = conf.get("PAGES_CDN_SECONDS"), conf.get("PAGES_NGINX_SECONDS")
        # Browsers ask each time, and mostly hear that nothing has changed. A CDN that is told "no-cache"
        # would do the same.
        life = f"max-age=0, must-revalidate, s-maxage={cdn}" if cdn else "no-cache"
        self._always: Headers = [("Cache-Control", life), ("Vary", "Accept-Encoding")]
        if nginx:
            # First: before 1.23, nginx follows whichever of the two it reads first.
            self._always.insert(0, ("X-Accel-Expires", str(nginx)))

    def answer(self, page: Page, asked: Asked, how: str) -> Answer:
        """Return what is sent to somebody who *asked* for *page*."""
        _held, _ends_at, made_at, dated, tag, headers, body, encoding = page
        sent = encoding if encoding == asked.encoding else ""
        own_tag = f'"{tag}-{sent}"' if sent else f'"{tag}"'
        shown = [*self._always, (STATUS, how), ("ETag", own_tag)]
        # Another page may be made within the same second, and who has this one would not notice.
        is_dated = time.time() >= made_at + 1
        if is_dated:
            shown.append(("Last-Modified", dated))
        if asked.tags or asked.since:
            is_known = _knows(asked.tags, tag) if asked.tags else is_dated and asked.since == dated
            if is_known:
                return Answer(304, shown, b"")
        if encoding and not sent:
            body = gzip.decompress(body)
        shown += headers
        if sent:
            shown.append(("Content-Encoding", sent))
        shown.append(("Content-Length", str(len(body))))
        return Answer(200, shown, b"" if asked.is_head else body)


def _knows(tags: str, tag: str) -> bool:
    """Whether the header If-None-Match names the page, in whichever encoding."""
    if tags == f'"{tag}-gzip"' or tags.strip() == "*":
        return True
    for one in tags.split(","):
        name = one.strip().removeprefix("W/").strip('"')
        if name.removesuffix("-gzip") == tag:
            return True
    return False


def is_for_everybody(status: int, headers: Iterable[tuple[str, str]]) -> bool:
    """Whether an answer may be given to others too, as far as it says itself."""
    if status != 200:
        return False
    is_whole = False
    for name, value in headers:
        low, said = name.lower(), value.lower()
        if low in _PERSONAL or (low == "cache-control" and ("private" in said or "no-store" in said)):
            return False
        # What it depends on besides the address has no place in the key.
        if low == "vary" and said.replace(" ", "") not in ("", "accept-encoding"):
            return False
        is_whole = is_whole or low == "content-length"
    # Streams have no length.
    return is_whole


def make(headers: Iterable[tuple[str, str]], body: bytes, made_at: float, stamp: str) -> Page:
    """Return the page that an answer of Django's is; it holds no marks yet.

    Args:
        headers: those of the answer.
        body: uncompressed.
        made_at: when it was begun, in seconds since 1970.
        stamp: that of the release: with another one, headers may be others.
    """
    own = [(name, value) for name, value in headers if name.lower() not in _OWN]
    kind = next((value for name, value in own if name.lower() == "content-type"), "")
    digest = hashlib.blake2b(f"{stamp}\0{kind}\0".encode() + body, digest_size=12).hexdigest()
    kept, encoding = body, ""
    if len(body) >= _COMPRESS_FROM and _is_textual(kind):
        smaller = gzip.compress(body, 6, mtime=0)
        if len(smaller) < len(body):
            kept, encoding = smaller, "gzip"
    return Page((), math.inf, int(made_at), formatdate(made_at, usegmt=True), digest, own, kept, encoding)


def _is_textual(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind.startswith(_TEXTUAL) or kind.endswith(("+xml", "+json"))
