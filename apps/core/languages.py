"""Which language a page is in, and the address it has in the others.

What people read carries its language in the URL: the site's own language has none, the other
one a prefix (``/fr/``). The site's language is a row in the database and may change any time.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TypedDict

from django.conf import settings
from django.http import HttpRequest
from django.urls import URLPattern, URLResolver, clear_url_caches, get_resolver, get_script_prefix
from django.urls.exceptions import Resolver404
from django.urls.resolvers import LocalePrefixPattern
from django.utils import translation
from django.utils.encoding import iri_to_uri
from django.utils.translation.trans_real import parse_accept_lang_header

from core.models import SiteSettings
from core.site import get_site

AnyPattern = URLPattern | URLResolver


class LanguageLink(TypedDict):
    """One entry of the language switch."""

    code: str
    name: str  # in the language itself
    url: str  # path, with the script prefix
    current: bool
    alternate: bool  # whether it is the same page, and so deserves a hreflang link


class _SiteLanguage:
    """The site's language as this process last saw it.

    ``reverse()`` keeps prefixes for the life of the process, so they are dropped when the language
    changes. It is remembered here, not read from the cache on every match, so that all URLs of a
    process agree with what ``reverse()`` kept.
    """

    def __init__(self) -> None:
        self._code: str | None = None
        self._lock = threading.Lock()

    def get(self) -> str:
        """Return it as it was seen last."""
        return self._code or self.follow()

    def follow(self, site: SiteSettings | None = None) -> str:
        """Take it from *site*, or read it anew."""
        code = (site or get_site()).language
        if code not in dict(settings.LANGUAGES):
            code = settings.LANGUAGE_CODE
        if code != self._code:
            with self._lock:
                self._code = code
                clear_url_caches()
        return code

    def forget(self) -> None:
        """Read it anew when it is needed next."""
        with self._lock:
            self._code = None
            clear_url_caches()


_site_language = _SiteLanguage()
site_language = _site_language.get
follow_site_language = _site_language.follow
forget_site_language = _site_language.forget


class SitePrefixPattern(LocalePrefixPattern):
    """Nothing in the site's language, ``fr/`` or ``en/`` in the other."""

    @property
    def language_prefix(self) -> str:
        """The prefix of the active language."""
        return language_prefix(translation.get_language() or site_language())


def site_patterns(*patterns: AnyPattern) -> list[AnyPattern]:
    """Return URL patterns for pages that people read; only for the root URLconf."""
    return [URLResolver(SitePrefixPattern(), list(patterns))]


def language_prefix(code: str) -> str:
    """Return what stands before the path of a page in that language: nothing, or ``fr/``."""
    return "" if code == site_language() else f"{code}/"


def split_path(path_info: str) -> tuple[str | None, str]:
    """Return the language that *path_info* begins with, if it does, and the path without it.

    ``/fr/articles/`` → ``("fr", "/articles/")``; ``/articles/`` → ``(None, "/articles/")``.
    """
    first, slash, rest = path_info.removeprefix("/").partition("/")
    if first in dict(settings.LANGUAGES):
        return first, f"/{rest}" if slash else ""
    return None, path_info


def is_site_page(path_info: str) -> bool:
    """Return whether *path_info* belongs to the pages whose language is in their URL.

    Everything does that no technical area (admin, API, installer, media, …) claims, so that a
    page that does not exist is told in the language of its neighbours.
    """
    path = path_info.removeprefix("/")
    for pattern in get_resolver().url_patterns:
        if isinstance(pattern.pattern, SitePrefixPattern):
            continue
        match = pattern.pattern.match(path)
        if match and (match[0] != path or _resolves(pattern, path)):
            return False
    return True


def _resolves(pattern: AnyPattern, path: str) -> bool:
    try:
        return pattern.resolve(path) is not None
    except Resolver404:
        return False


def choose_language(request: HttpRequest) -> str:
    """Return the language for a page whose URL names none: by cookie, by browser, else the site's."""
    for wanted in (request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, ""), *_accepted(request)):
        if code := supported(wanted):
            return code
    return site_language()


def _accepted(request: HttpRequest) -> list[str]:
    header = request.META.get("HTTP_ACCEPT_LANGUAGE", "")
    return [code for code, quality in parse_accept_lang_header(header) if quality]


def supported(wanted: str) -> str:
    """Return our language that serves *wanted* (``fr-CA`` → ``fr``), or an empty string."""
    try:
        return translation.get_supported_language_variant(wanted)
    except (LookupError, ValueError):
        return ""


def url_language(path_info: str) -> str:
    """Return the language that the URL of a site page says."""
    return split_path(path_info)[0] or site_language()


def localized_path(path_info: str, code: str) -> str:
    """Return the address (with the script prefix) that a site page has in the language *code*."""
    _language, rest = split_path(path_info)
    # A leading // or /\ would be read as the name of another host.
    return iri_to_uri(get_script_prefix() + language_prefix(code) + rest.lstrip("/\\"))


def language_links(request: HttpRequest, elsewhere: str | None = None) -> Sequence[LanguageLink]:
    """Return the language switch for the current page; empty on technical pages.

    *elsewhere* is for a page that exists in its own language only: the path (as in
    ``/articles/``, without a language) where readers of the others are led instead.
    """
    if not is_site_page(request.path_info):
        return []
    current = url_language(request.path_info)
    links: list[LanguageLink] = []
    for code, _name in settings.LANGUAGES:
        same_page = elsewhere is None or code == current
        links.append(
            {
                "code": code,
                "name": str(translation.get_language_info(code)["name_local"]).capitalize(),
                "url": localized_path(request.path_info if same_page else elsewhere or "/", code),
                "current": code == current,
                "alternate": same_page,
            }
        )
    return links
