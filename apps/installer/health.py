"""What programs ask to know whether the site lives (`/health/`) and can work (`/health/ready/`)."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from cacheadmin.health import cache_health
from installer import state


@never_cache
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is asked."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Database and cache. 503 only when the database is gone; a degraded cache is still 200."""
    database = _database()
    cache = cache_health()
    status = "degraded" if cache["degraded"] else "ok"
    if not database["ok"]:
        status = "failed"
    facts = {
        "status": status,
        "installed": _installed(),
        "generation": settings.GENERATION,
        "database": database,
        "cache": cache,
    }
    return JsonResponse(facts, status=503 if status == "failed" else 200)


# These answer for any host name and are never redirected: load balancers ask by address.
PROBES = {"/health/": live, "/health": live, "/health/ready/": ready, "/health/ready": ready}


def _database() -> dict[str, Any]:
    facts: dict[str, Any] = {"engine": connection.vendor, "ok": True, "exists": state.database_exists()}
    if facts["exists"]:
        begun = time.perf_counter()
        facts["ok"] = state.database_answers()
        facts["ms"] = round((time.perf_counter() - begun) * 1000, 1)
    return facts


def _installed() -> bool:
    try:
        return state.installed()
    except state.DatabaseUnreachable:
        return False
