"""What all parts of the cache page have in common: whose cache it is about, and the frame around it."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import admin
from django.core.cache import caches
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from cacheadmin import space
from cacheadmin.backend import AdaptiveCache
from cacheadmin.space import Space

DEFAULT = "default"


def alias_of(request: HttpRequest) -> str:
    """Return which cache the request is about: its field ``alias``, or the default one.

    Raises:
        Http404: there is no such adaptive cache.
    """
    given = request.POST.get("alias") or request.GET.get("alias")
    known = space.aliases()
    alias = given or (DEFAULT if DEFAULT in known or not known else known[0])
    if alias not in known:
        raise Http404
    return alias


def space_of(alias: str) -> Space:
    """Return the space of *alias*."""
    return cast(AdaptiveCache, caches[alias]).space


def frame(request: HttpRequest, alias: str, title: str = "") -> dict[str, Any]:
    """Return what every page here needs.

    Args:
        request: the request.
        alias: the cache it is about.
        title: of a page behind the cache page; empty for that itself.
    """
    return {
        **admin.site.each_context(request),
        "title": title or _("Cache"),
        "alias": alias,
        "aliases": space.aliases(),
        "back": address(alias),
    }


def address(alias: str, part: str = "") -> str:
    """Return where the cache page of *alias* is.

    Args:
        alias: the cache.
        part: the id of one of its sections.
    """
    query = "" if alias == DEFAULT else f"?{urlencode({'alias': alias})}"
    return f"{reverse('cacheadmin:page')}{query}{f'#{part}' if part else ''}"


def back(alias: str, part: str = "") -> HttpResponse:
    """Lead back to a section of the page, once something is done."""
    return redirect(address(alias, part))


def no_group(name: str) -> str:
    """Return what is said of a group that nobody declared."""
    return _("There is no group “%(name)s”.") % {"name": name[:100]}


def wants_json(request: HttpRequest) -> bool:
    """Whether a program asks."""
    return "application/json" in request.headers.get("Accept", "")
