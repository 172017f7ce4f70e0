"""The cache page, and what its buttons do."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from cacheadmin import clear as clearing
from cacheadmin import groups
from cacheadmin.access import requires
from cacheadmin.report import report


@require_safe
@requires("view_cache")
def page(request: HttpRequest) -> HttpResponse:
    """Show the true state of the cache."""
    context = {
        **_frame(request),
        "report": report(),
        "may_clear": request.user.has_perm("cacheadmin.clear_cache"),
    }
    return render(request, "cacheadmin/page.html", context)


@require_POST
@requires("clear_cache")
def clear(request: HttpRequest) -> HttpResponse:
    """Clear all, or the groups named in ``group``; HTML asks first, ``confirm=1`` and JSON act."""
    wants_json = "application/json" in request.headers.get("Accept", "")
    known = {group.name: group for group in groups.every()}
    names = request.POST.getlist("group")
    if request.POST.get("all"):
        names = [name for name, group in known.items() if not group.protected]
    problem = _problem(names, known)
    if problem:
        if wants_json:
            return JsonResponse({"ok": False, "error": problem}, status=400)
        messages.error(request, problem)
        return redirect("cacheadmin:page")
    if not wants_json and request.POST.get("confirm") != "1":
        context = {
            **_frame(request),
            "cleared": [known[name] for name in names],
            "spared": [group for name, group in known.items() if name not in names],
            "is_all": bool(request.POST.get("all")),
        }
        return render(request, "cacheadmin/confirm_clear.html", context)
    result = clearing.clear(names, actor=request.user, request=request)
    if wants_json:
        return JsonResponse(
            {"ok": True, "cleared": result.groups, "spared": result.spared, "ms": round(result.ms, 1)}
        )
    labels = ", ".join(str(known[name].label or name) for name in result.groups)
    messages.success(request, _("Cleared: %(groups)s. It fills again by itself.") % {"groups": labels})
    return redirect("cacheadmin:page")


def _problem(names: list[str], known: dict[str, groups.Group]) -> str:
    if not names:
        return _("Nothing was chosen. Say which groups to clear, or all.")
    unknown = [name for name in names if name not in known]
    if unknown:
        return _("There is no group “%(name)s”.") % {"name": unknown[0][:100]}
    if any(known[name].protected for name in names):
        return _("Sessions and rate limits are protected and are not cleared here.")
    return ""


def _frame(request: HttpRequest) -> dict[str, Any]:
    return {**admin.site.each_context(request), "title": _("Cache")}
