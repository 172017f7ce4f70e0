"""The absolute addresses that the site gives of itself, to feeds, search engines and programs."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest


def origin(request: HttpRequest) -> str:
    """Return what stands before the path of every address of the site: ``https://www.example.org``.

    It is that of SITE_URL where the owner has said one, under whichever name the site was asked;
    else it is as the request came, through a trusted proxy too.

    Raises:
        DisallowedHost: there is no SITE_URL, and the host of the request is none of ours.
    """
    if settings.SITE_URL:
        parts = urlsplit(settings.SITE_URL)
        return f"{parts.scheme}://{parts.netloc}"
    return f"{request.scheme}://{request.get_host()}"


def absolute(request: HttpRequest, path: str) -> str:
    """Return the absolute address of *path*, which is encoded and begins with the script prefix."""
    return origin(request) + path
