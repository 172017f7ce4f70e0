"""Clearing from the page: asked first, with what will be gone and what stays."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from cacheadmin import clear as clearing
from cacheadmin import groups
from cacheadmin.access import requires
from cacheadmin.views.emptying import emptying
from cacheadmin.views.frame import address, alias_of, back, frame, no_group, wants_json


@require_POST
@requires("clear_cache")
def clear(request: HttpRequest) -> HttpResponse:
    """Clear all, or the groups named in ``group``; HTML asks first, ``confirm=1`` and JSON act."""
    alias = alias_of(request)
    known = {group.name: group for group in groups.every()}
    names = request.POST.getlist("group")
    if request.POST.get("all"):
        names = [name for name, group in known.items() if not group.protected]
    problem = _problem(names, known)
    if problem:
        if wants_json(request):
            return JsonResponse({"ok": False, "error": problem}, status=400)
        messages.error(request, problem)
        return back(alias, "actions")
    if not wants_json(request) and request.POST.get("confirm") != "1":
        return _ask(request, alias, [known[name] for name in dict.fromkeys(names)])
    result = clearing.clear(names, alias=alias, actor=request.user, request=request)
    if wants_json(request):
        return JsonResponse(
            {"ok": True, "cleared": result.groups, "spared": result.spared, "ms": round(result.ms, 1)}
        )
    labels = ", ".join(str(known[name].label or name) for name in result.groups)
    messages.success(request, _("Cleared: %(groups)s. It fills again by itself.") % {"groups": labels})
    return back(alias, "actions")


def _ask(request: HttpRequest, alias: str, doomed: list[groups.Group]) -> HttpResponse:
    names = [group.name for group in doomed]
    found = emptying(alias, names)
    context = {
        **frame(request, alias, _("Clear the cache")),
        "action": reverse("cacheadmin:clear"),
        "cancel": address(alias, "actions"),
        "fields": [("group", name) for name in names],
        "cleared": [
            (group, None if found.groups is None else found.groups.get(group.name, 0)) for group in doomed
        ],
        "spared": [group for group in groups.every() if group.name not in names],
        **found.context(),
    }
    return render(request, "cacheadmin/confirm_clear.html", context)


def _problem(names: list[str], known: dict[str, groups.Group]) -> str:
    if not names:
        return _("Nothing was chosen. Say which groups to clear, or all.")
    unknown = [name for name in names if name not in known]
    if unknown:
        return no_group(unknown[0])
    if any(known[name].protected for name in names):
        return _("Sessions and rate limits are protected and are not cleared here.")
    return ""
