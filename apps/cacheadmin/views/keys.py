"""The key browser: a search by the beginning of keys, one value at a time, each look written down."""

from __future__ import annotations

from typing import cast
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth import get_permission_codename, get_user_model
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from cacheadmin import browse, signals
from cacheadmin.access import requires
from cacheadmin.backend import AdaptiveCache
from cacheadmin.views.frame import alias_of, frame

_LONGEST = 500


@require_safe
@requires("browse_cache")
def search(request: HttpRequest) -> HttpResponse:
    """Show the keys that begin with ``q``."""
    return _show(request, alias_of(request), request.GET.get("q"))


@require_POST
@requires("browse_cache")
def look(request: HttpRequest) -> HttpResponse:
    """Show the value of ``key``; it is a POST, as it is written down and keys belong in no log of URLs."""
    alias, key = alias_of(request), request.POST.get("key", "")[:_LONGEST]
    entry = browse.look(key, alias, shows_people=_may_see_people(request)) if key else None
    if entry is None:
        messages.info(request, _("There is no entry under this key (any more)."))
    else:
        signals.send("look", alias=alias, key=key, actor=request.user, request=request)
    return _show(request, alias, request.POST.get("q"), entry)


@require_POST
@requires("browse_cache")
def delete(request: HttpRequest) -> HttpResponse:
    """Remove the entry of ``key``: asked first, ``confirm=1`` does it."""
    alias, key = alias_of(request), request.POST.get("key", "")[:_LONGEST]
    if request.POST.get("confirm") != "1":
        return _ask(request, alias, key)
    try:
        was_there = browse.delete(key, alias)
    except ValueError:
        messages.error(request, _("Sessions and rate limits are protected and are not cleared here."))
    else:
        signals.send("delete", alias=alias, key=key, actor=request.user, request=request)
        if was_there:
            messages.success(request, _("The entry is deleted; it is computed anew when it is asked for."))
        else:
            messages.info(request, _("There is no entry under this key (any more)."))
    return _show(request, alias, request.POST.get("q"))


def _ask(request: HttpRequest, alias: str, key: str) -> HttpResponse:
    prefix = request.POST.get("q", "")
    context = {
        **frame(request, alias, _("Delete an entry")),
        "action": reverse("cacheadmin:delete"),
        "cancel": f"{reverse('cacheadmin:keys')}?{urlencode({'alias': alias, 'q': prefix})}",
        "fields": [("key", key), ("q", prefix)],
        "key": key,
        "group": cast(AdaptiveCache, caches[alias]).group_of(key),
    }
    return render(request, "cacheadmin/confirm_delete.html", context)


def _show(
    request: HttpRequest, alias: str, prefix: str | None, entry: browse.Entry | None = None
) -> HttpResponse:
    context = {
        **frame(request, alias, _("Keys")),
        "q": prefix,
        "found": None if prefix is None else browse.search(prefix[:_LONGEST], alias),
        "entry": entry,
    }
    return render(request, "cacheadmin/keys.html", context)


def _may_see_people(request: HttpRequest) -> bool:
    options = get_user_model()._meta
    return request.user.has_perm(f"{options.app_label}.{get_permission_codename('view', options)}")
