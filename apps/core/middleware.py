"""Refuses what is no text; activates the language and the time zone of each request."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.middleware.http import ConditionalGetMiddleware
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers, set_response_etag
from django.utils.deprecation import MiddlewareMixin

from core import languages
from core.site import get_site
from core.views import bad_request

# Where signed-in people work: there the member's preference counts.
PERSONAL_AREAS = frozenset({"admin", "cacheadmin"})


class PlainTextMiddleware(MiddlewareMixin):
    """Refuses an address with a NUL in it: nothing has such a name, and PostgreSQL fails to look for one."""

    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:
        """Answer 400 where the path or the query, as they are read, hold a NUL."""
        if "\0" in request.path_info or _has_nul(request):
            return bad_request(request, BadRequest())
        return None


class ConditionalMiddleware(ConditionalGetMiddleware):
    """Django's, for HEAD as well: up to here its answer has the body that GET would be given.

    Each ETag is a weak one, whether the answer is compressed on its way or not: small ones now and then
    are, and would have two names by turns.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Give the answer its ETag; answer 304 to whoever has it already."""
        method = request.method
        if method == "HEAD":
            request.method = "GET"
        try:
            if request.method == "GET" and self.needs_etag(response):
                _set_weak_tag(response)
            return super().process_response(request, response)
        finally:
            request.method = method


class LanguageMiddleware(MiddlewareMixin):
    """By URL on site pages; by member, cookie, browser and site, in this order, everywhere else."""

    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:
        """Activate language and time zone; send ``/en/…`` on where English needs no prefix."""
        site_language = _follow_site(request)
        if not languages.is_site_page(request.path_info):
            activate_language(request, languages.choose_language(request))
            return None
        activate_language(request, languages.url_language(request.path_info))
        if languages.split_path(request.path_info)[0] == site_language:
            return _redirect_to_short_address(request, site_language)
        return None

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: Any, kwargs: Any
    ) -> None:
        """In the administration, follow the member, who is known by now."""
        match = request.resolver_match
        if match is None or PERSONAL_AREAS.isdisjoint(match.namespaces):
            return
        if settings.SESSION_COOKIE_NAME not in request.COOKIES:
            return
        if preferred := languages.supported(getattr(request.user, "language", "")):
            activate_language(request, preferred)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Say which language the answer is in, and leave none behind for the next request."""
        by_url = languages.is_site_page(request.path_info)
        if by_url or response.headers.get("Content-Type", "").startswith(("text/html", "application/json")):
            response.headers.setdefault(
                "Content-Language", translation.get_language() or settings.LANGUAGE_CODE
            )
            if not by_url:
                patch_vary_headers(response, ("Accept-Language",))
        translation.deactivate()
        timezone.deactivate()
        return response


def _set_weak_tag(response: HttpResponseBase) -> None:
    if response.has_header("ETag"):
        return
    set_response_etag(response)
    # What is streamed has none.
    if response.has_header("ETag"):
        response.headers["ETag"] = f"W/{response.headers['ETag']}"


def activate_language(request: HttpRequest, code: str) -> None:
    """Speak *code* for the rest of this request."""
    translation.activate(code)
    request.LANGUAGE_CODE = code


def _has_nul(request: HttpRequest) -> bool:
    # As it is decoded, not as it is written: the encoding is for the client to say.
    return any("\0" in text for name, values in request.GET.lists() for text in (name, *values))


def _follow_site(request: HttpRequest) -> str:
    """Take over time zone and language of the site as they are now; return the language."""
    site = get_site()
    request.site_settings = site  # type: ignore[attr-defined]
    try:
        timezone.activate(zoneinfo.ZoneInfo(site.time_zone))
    except (KeyError, ValueError, OSError):  # the row was written past its validation
        timezone.deactivate()
    return languages.follow_site_language(site)


def _redirect_to_short_address(request: HttpRequest, code: str) -> HttpResponseBase:
    url = languages.localized_path(request.path_info, code)
    query = request.META.get("QUERY_STRING", "")
    # What was posted is posted again.
    posted = request.method not in {"GET", "HEAD"}
    return HttpResponseRedirect(f"{url}?{query}" if query else url, preserve_request=posted)
