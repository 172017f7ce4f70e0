"""What a visitor asks for, as far as a page can depend on it, and who gets a page of their own."""

from __future__ import annotations

import fnmatch
import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.module_loading import import_string

from cacheadmin import conf

# Whoever sends one of these wants something else than the whole page as it is.
_UNUSUAL = ("HTTP_AUTHORIZATION", "HTTP_IF_MATCH", "HTTP_IF_UNMODIFIED_SINCE", "HTTP_TRANSFER_ENCODING")
# In lower case only: each way to write a name would be a page of its own.
_HOST = re.compile(r"[a-z0-9.:\[\]-]{1,255}")
_PLAIN = re.compile(r"[\x21-\x7e]{1,150}")
_LONGEST = 2000
_METHODS = frozenset({"GET", "HEAD"})


class Asked(NamedTuple):
    """One request for a page.

    Args:
        scheme: http or https, as Django will see it.
        host: as it was sent.
        path: with the script's own name, decoded as WSGI does it.
        query: normalised: sorted by name, without parameters that change no page.
        is_exact: whether the query was sent just so.
        is_head: whether only the headers are wanted.
        encoding: ``gzip`` where that may be sent, or nothing.
        tags: the header If-None-Match.
        since: the header If-Modified-Since.
    """

    scheme: str
    host: str
    path: str
    query: str
    is_exact: bool
    is_head: bool
    encoding: str
    tags: str
    since: str

    def key(self, stamp: str) -> str:
        """Return the key of the page; *stamp* is that of the release."""
        address = f"{stamp}:{self.scheme}://{self.host}{self.path}?{self.query}"
        if _PLAIN.fullmatch(address):
            return f"pages:{address}"
        digest = hashlib.blake2b(address.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        return f"pages:#{digest}"

    def parameters(self) -> set[str]:
        """Return the names in the query, as they are written there."""
        return {part.partition("=")[0] for part in self.query.split("&")} if self.query else set()


class Rules:
    """Who is answered from the cache, as the settings say it."""

    def __init__(self) -> None:
        wanted = conf.get("PAGES")
        self._is_on = not settings.DEBUG if wanted is None else bool(wanted)
        cookies = {
            settings.SESSION_COOKIE_NAME,
            settings.LANGUAGE_COOKIE_NAME,
            "messages",
            *conf.get("PAGES_COOKIES"),
        }
        names = "|".join(re.escape(name) for name in sorted(cookies))
        self._own_page = re.compile(rf"(?:^|;)\s*(?:{names})\s*=")
        ignored = "|".join(fnmatch.translate(name) for name in conf.get("PAGES_IGNORED_PARAMETERS"))
        self._ignored = re.compile(ignored or r"(?!)")
        self._secure = settings.SECURE_PROXY_SSL_HEADER
        trust = conf.get("PAGES_TRUST")
        # Remembered: behind a proxy each hit asks, and always about the same peers.
        self._is_trusted = lru_cache(maxsize=256)(import_string(trust)) if trust else None
        self._names_host = settings.USE_X_FORWARDED_HOST
        local = [urlsplit(str(url or "")) for url in (settings.STATIC_URL, settings.MEDIA_URL)]
        served = [url.path for url in local if not url.netloc and url.path.strip("/")]
        self._except = (*served, *conf.get("PAGES_EXCEPT"))

    def read(self, environ: Mapping[str, Any]) -> Asked | None:
        """Return what is asked for; nothing where the answer cannot be a page for everybody."""
        get = environ.get
        method = environ["REQUEST_METHOD"]
        if not self._is_on or method not in _METHODS or self._is_personal(environ):
            return None
        host = get("HTTP_HOST", "")
        if self._names_host and "HTTP_X_FORWARDED_HOST" in environ:
            host = environ["HTTP_X_FORWARDED_HOST"]
        path = get("SCRIPT_NAME", "") + get("PATH_INFO", "")
        sent = query = get("QUERY_STRING", "")
        if not _HOST.fullmatch(host) or len(path) + len(query) > _LONGEST or path.startswith(self._except):
            return None
        if sent:
            query = self._normalised(sent)
        return Asked(
            self._scheme(environ),
            host,
            path,
            query,
            query == sent,
            method == "HEAD",
            encoding_for(get("HTTP_ACCEPT_ENCODING", "")),
            get("HTTP_IF_NONE_MATCH", ""),
            get("HTTP_IF_MODIFIED_SINCE", ""),
        )

    def _is_personal(self, environ: Mapping[str, Any]) -> bool:
        cookies = environ.get("HTTP_COOKIE")
        if cookies and self._own_page.search(cookies):
            return True
        if environ.get("CONTENT_LENGTH") not in (None, "", "0"):
            return True
        return any(name in environ for name in _UNUSUAL)

    def _scheme(self, environ: Mapping[str, Any]) -> str:
        # As HttpRequest.scheme reads it, once the site has taken away what a stranger claims.
        if self._secure:
            said = environ.get(self._secure[0])
            if said is not None and self._may_say(environ):
                return "https" if said.split(",", 1)[0].strip() == self._secure[1] else "http"
        return str(environ.get("wsgi.url_scheme", "http"))

    def _may_say(self, environ: Mapping[str, Any]) -> bool:
        return self._is_trusted is None or self._is_trusted(environ.get("REMOTE_ADDR", ""))

    def _normalised(self, query: str) -> str:
        parts = [part for part in query.split("&") if not self._ignored.fullmatch(part.partition("=")[0])]
        # Stable: what comes twice stays in its order.
        return "&".join(sorted(parts, key=lambda part: part.partition("=")[0]))


@lru_cache(maxsize=256)
def encoding_for(accepted: str) -> str:
    """Return ``gzip`` if the header Accept-Encoding allows it, else nothing."""
    allowed = {}
    for part in accepted.lower().split(","):
        name, _semicolon, quality = part.partition(";")
        allowed[name.strip()] = not re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", quality)
    return "gzip" if allowed.get("gzip", allowed.get("*", False)) else ""
