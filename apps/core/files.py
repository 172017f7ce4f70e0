"""Uploaded files, and robots.txt."""

from __future__ import annotations

import mimetypes

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import get_script_prefix, reverse
from django.views.decorators.http import require_safe
from django.views.static import serve

from core.addresses import absolute
from core.languages import localized_path

# An uploaded file keeps its name for good, but not its content for certain: no year, no `immutable`.
MEDIA_CACHE_CONTROL = "public, max-age=86400"
# Whatever somebody managed to upload, it runs nothing in the name of the site.
MEDIA_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
NOT_FOR_SEARCH_ENGINES = ["/accounts/", "/dashboard/", "/profile/", "/search/"]


@require_safe
def media(request: HttpRequest, path: str) -> HttpResponseBase:
    """Serve an uploaded file; what is not an image is offered as a download.

    Raises:
        Http404: there is no such file.
    """
    try:
        response = serve(request, path, document_root=str(settings.MEDIA_ROOT))
    except (Http404, SuspiciousFileOperation, ValueError, OSError):
        # Not there, outside, a NUL byte, a name too long for the disk. Django's words name the directory.
        raise Http404 from None
    response.headers["Cache-Control"] = MEDIA_CACHE_CONTROL
    response.headers["Content-Security-Policy"] = MEDIA_POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    kind = mimetypes.guess_type(path)[0] or ""
    if not kind.startswith("image/") or kind == "image/svg+xml":
        response.headers["Content-Disposition"] = "attachment"
    return response


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Tell search engines where there is nothing for them, and where the list of pages is."""
    private = [reverse("admin:index")]
    for code, _name in settings.LANGUAGES:
        private += [localized_path(path, code) for path in NOT_FOR_SEARCH_ENGINES]
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in private)]
    sitemap = absolute(request, f"{get_script_prefix()}sitemap.xml")
    return HttpResponse(
        "\n".join([*lines, "", f"Sitemap: {sitemap}", ""]), content_type="text/plain; charset=utf-8"
    )
