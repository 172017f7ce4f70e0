"""Measuring the engines of this host from the page, beside the live cache."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from cacheadmin import benchmark, limit
from cacheadmin.access import requires
from cacheadmin.views.connection import too_often
from cacheadmin.views.frame import alias_of, back, frame, space_of, wants_json

# Seconds that are measured: as long as somebody waits for a page. And how often in a minute.
LENGTH = 3.0
MOST, WINDOW = 4, 60


@require_POST
@requires("test_cache")
def measure(request: HttpRequest) -> HttpResponse:
    """Measure for some seconds, and show the figures and what can be said of them."""
    alias = alias_of(request)
    wait = limit.retry_after("benchmark", request.user.pk, most=MOST, seconds=WINDOW)
    if wait:
        return _refuse(request, alias, wait)
    result = benchmark.run(space_of(alias), LENGTH)
    if wants_json(request):
        return JsonResponse(result.as_json())
    context = {
        **frame(request, alias, _("Benchmark of the engines")),
        "result": result,
        "mix": result.rulings[benchmark.MIX],
        "shared": result.rulings[benchmark.SHARED],
    }
    return render(request, "cacheadmin/benchmark_result.html", context)


def _refuse(request: HttpRequest, alias: str, wait: int) -> HttpResponse:
    if not wants_json(request):
        messages.error(request, too_often(wait))
        return back(alias, "benchmark")
    return JsonResponse({"error": too_often(wait)}, status=429, headers={"Retry-After": str(wait)})
