"""Diagnostics to copy or to save: text, and JSON for programs."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from cacheadmin import diagnostics
from cacheadmin.access import requires
from cacheadmin.advice import advise
from cacheadmin.report import report
from cacheadmin.statistics import statistics
from cacheadmin.views.frame import alias_of, wants_json


@require_safe
@requires("view_cache")
def show(request: HttpRequest) -> HttpResponse:
    """Show them as text, or as JSON with ``format=json``."""
    alias = alias_of(request)
    data = diagnostics.collected(report(alias), statistics(alias, hours=24), advise(alias))
    if wants_json(request) or request.GET.get("format") == "json":
        return JsonResponse(data, json_dumps_params={"indent": 2})
    return HttpResponse(diagnostics.as_text(data) + "\n", content_type="text/plain; charset=utf-8")
