"""503: the answer of a site that cannot answer just now."""

from __future__ import annotations

import logging

from csp.middleware import CSPMiddleware
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.cache import add_never_cache_headers
from django.utils.functional import Promise
from django.utils.html import format_html

from core.languages import choose_language, is_site_page, url_language
from core.views import wants_json

logger = logging.getLogger(__name__)


def unavailable(request: HttpRequest, reason: str | Promise = "", *, retry_after: int = 30) -> HttpResponse:
    """Answer 503: JSON ``{"detail": …}`` to programs, else the page ``503.html``.

    Its context is ``reason`` (translated words, may be empty) and nothing else: the page asks
    neither database nor cache. It carries its own headers, because it stands in front of what
    gives them to other pages.

    A lazily translated *reason* is told in the language of the page; *retry_after* is in seconds.
    """
    with translation.override(_language(request)):
        response = _answer(request, str(reason))
        response["Content-Language"] = translation.get_language() or "en"
    response["Retry-After"] = str(retry_after)
    add_never_cache_headers(response)
    _add_headers(request, response)
    return response


def _answer(request: HttpRequest, reason: str) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"detail": reason or "unavailable"}, status=503)
    try:
        page = render_to_string("503.html", {"reason": reason})
    except Exception:
        # Without built assets there is still something to say.
        logger.exception("503.html could not be rendered; a plain page is sent.")
        page = format_html("<!DOCTYPE html><title>503</title><main><h1>503</h1><p>{}</p></main>", reason)
    return HttpResponse(page, status=503)


def _add_headers(request: HttpRequest, response: HttpResponse) -> None:
    for middleware in (XFrameOptionsMiddleware, CSPMiddleware, SecurityMiddleware):
        middleware(_no_view).process_response(request, response)


def _no_view(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def _language(request: HttpRequest) -> str:
    return url_language(request.path_info) if is_site_page(request.path_info) else choose_language(request)
