"""What every template knows."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from core import addresses
from core.languages import language_links
from core.site import get_site


def site(request: HttpRequest) -> dict[str, Any]:
    """What is read only when it is used.

    ``site``: the site's settings. ``language_links``: the language switch. ``site_origin``: what stands
    before the path of an absolute address.
    """
    return {
        # On pages of the site and of the administration, the middleware has read it already.
        "site": SimpleLazyObject(lambda: getattr(request, "site_settings", None) or get_site()),
        "language_links": SimpleLazyObject(lambda: language_links(request)),
        "site_origin": SimpleLazyObject(lambda: addresses.origin(request)),
    }
