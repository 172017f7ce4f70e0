"""The documentation of the page, in the language of the page: it comes with the app and needs no network."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from cacheadmin.access import requires
from cacheadmin.views.frame import alias_of, frame


@require_safe
@requires("view_cache")
def show(request: HttpRequest) -> HttpResponse:
    """Show what the words of the page mean, a part for each of its sections."""
    return render(
        request, "cacheadmin/help.html", frame(request, alias_of(request), _("How the cache works"))
    )
