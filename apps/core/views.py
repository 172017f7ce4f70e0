"""What a visitor reads when a page cannot be given: in words, as a page or as JSON.

Each page is the template of its status (``404.html``) with the context ``status`` (int) and
``reason`` (what happened and what to do, translated; may be empty). ``429.html`` is also given
``retry_after`` (whole seconds) and ``wait`` (the same in words: “3 minutes”). Clients that prefer
JSON, and those of the API, get ``{"detail": …}``. All of them answer without database, cache and
templates too.
"""

from __future__ import annotations

import logging
import math
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.core.exceptions import (
    DisallowedHost,
    RequestDataTooBig,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core import languages

logger = logging.getLogger(__name__)

# How much of a host name that nobody knows is worth repeating.
SHOWN_HOST_LENGTH = 100


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400: a request that cannot be read; 413 where it is too large. Template ``400.html``."""
    with _in_its_language(request):
        if isinstance(exception, RequestDataTooBig | TooManyFieldsSent | TooManyFilesSent):
            return _answer(request, 413, "400.html", _("You sent more than this page can take. Send less."))
        reason = _unknown_host(request) if isinstance(exception, DisallowedHost) else ""
        return _answer(request, 400, "400.html", reason)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: not for this person. Template ``403.html``; the reason is what the exception says."""
    with _in_its_language(request):
        return _answer(request, 403, "403.html", _words(exception))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: a form that one of our own pages did not send. Template ``403_csrf.html``."""
    logger.info("A form was refused: %s", reason)
    with _in_its_language(request):
        words = _(
            "This form has expired, or your browser keeps no cookies. Reload the page and send it again."
        )
        return _answer(request, 403, "403_csrf.html", words)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404. Template ``404.html``; the reason is what the exception says."""
    with _in_its_language(request):
        return _answer(request, 404, "404.html", _words(exception))


def too_many_requests(request: HttpRequest, retry_after: int) -> HttpResponse:
    """429 with ``Retry-After``; *retry_after* in whole seconds. Template ``429.html``."""
    with _in_its_language(request):
        wait = in_words(retry_after)
        reason = _("That was too often in a short time. Try again in %(wait)s.") % {"wait": wait}
        response = _answer(request, 429, "429.html", reason, retry_after=retry_after, wait=wait)
    response.headers["Retry-After"] = str(retry_after)
    response.headers["Cache-Control"] = "no-store"
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """500: our mistake. Template ``500.html``."""
    with _in_its_language(request):
        return _answer(request, 500, "500.html", "")


def in_words(seconds: int) -> str:
    """Return a waiting time as people say it: never shorter than it is."""
    if seconds < 100:
        return ngettext("%(number)d second", "%(number)d seconds", seconds) % {"number": seconds}
    minutes = math.ceil(seconds / 60)
    if minutes < 100:
        return ngettext("%(number)d minute", "%(number)d minutes", minutes) % {"number": minutes}
    hours = math.ceil(minutes / 60)
    return ngettext("%(number)d hour", "%(number)d hours", hours) % {"number": hours}


def wants_json(request: HttpRequest) -> bool:
    """Return whether whoever asks is a program that reads JSON."""
    if request.path_info.startswith("/api/"):
        return True
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def _answer(request: HttpRequest, status: int, template: str, reason: str, **context: Any) -> HttpResponse:
    title = _title(status)
    if wants_json(request):
        return JsonResponse({"detail": reason or title}, status=status)
    try:
        page: str = render_to_string(template, {"status": status, "reason": reason, **context}, request)
    except Exception:
        # Whatever keeps a template from rendering (no database, no assets, a host name nobody knows)
        # must not turn a clear answer into none.
        logger.exception("The page %s could not be rendered; a plain one is sent.", template)
        page = _plain_page(title, reason)
    return HttpResponse(page, status=status)


def _plain_page(title: str, reason: str) -> str:
    return format_html(
        '<!DOCTYPE html><html lang="{}"><head><meta charset="utf-8"><title>{}</title></head>'
        "<body><main><h1>{}</h1><p>{}</p></main></body></html>",
        translation.get_language() or "en",
        title,
        title,
        reason,
    )


def _title(status: int) -> str:
    titles = {
        400: _("This request could not be understood"),
        403: _("This is not open to you"),
        404: _("There is nothing at this address"),
        413: _("That is too large"),
        429: _("Too many attempts"),
    }
    return titles.get(status) or _("Something went wrong here. Try again in a moment.")


def _unknown_host(request: HttpRequest) -> str:
    host = request.META.get("HTTP_HOST") or request.META.get("SERVER_NAME", "")
    return _(
        "This site does not answer to the name “%(host)s”. If it is yours, add that name to ALLOWED_HOSTS "
        "(an environment variable, or a line of site.toml) and start it again."
    ) % {"host": host[:SHOWN_HOST_LENGTH]}


def _words(exception: Exception) -> str:
    """What was said to people; what the URL resolver says is a structure for developers."""
    said = exception.args[0] if exception.args else ""
    return said if isinstance(said, str) else ""


def _in_its_language(request: HttpRequest) -> AbstractContextManager[None]:
    """The language of the page, also where the request did not get as far as the middleware."""
    if hasattr(request, "LANGUAGE_CODE"):
        return nullcontext()
    if languages.is_site_page(request.path_info):
        return translation.override(languages.url_language(request.path_info))
    return translation.override(languages.choose_language(request))
