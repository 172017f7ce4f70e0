"""Compresses answers where that makes them smaller."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

TEXTUAL = frozenset(
    {"application/javascript", "application/json", "application/manifest+json", "application/xml"}
)


class TextGZipMiddleware(GZipMiddleware):
    """Django's, for text alone: pictures are compressed already, and only cost time.

    Pages with a secret in them are sent as they are: how much smaller a page becomes tells of what is
    in it (BREACH), and a visitor may be made to ask for it again and again.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Compress pages, JSON, XML; hand on everything else as it is."""
        has_secret = "CSRF_COOKIE_NEEDS_UPDATE" in request.META
        if has_secret or not is_textual(response.headers.get("Content-Type", "")):
            return response
        # Returns what it is given, changed in place.
        super().process_response(request, response)
        return response


def is_textual(content_type: str) -> bool:
    """Return whether *content_type*, parameters and all, is of something made of letters."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind.startswith("text/") or kind in TEXTUAL or kind.endswith(("+xml", "+json"))
