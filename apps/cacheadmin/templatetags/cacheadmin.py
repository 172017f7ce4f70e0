"""The cache in a card, for the first page of the administration."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.formats import number_format

from cacheadmin import space
from cacheadmin.views.frame import DEFAULT, space_of

register = template.Library()


@register.filter
def grouped(number: int) -> str:
    """Return a whole number as people write it, such as 1,245 or 1 245."""
    return str(number_format(number, use_l10n=True, force_grouping=True))


@register.inclusion_tag("cacheadmin/card.html", takes_context=True)
def cache_card(context: template.Context) -> dict[str, Any]:
    """Show how the cache is to those who may see its page."""
    request = context.get("request")
    if request is None or not request.user.has_perm("cacheadmin.view_cache"):
        return {}
    try:
        address = reverse("cacheadmin:page")
    except NoReverseMatch:
        # The project has the app, and not its page.
        return {}
    known = space.aliases()
    if not known:
        return {}
    alias = DEFAULT if DEFAULT in known else known[0]
    return {"status": space_of(alias).selector.status(), "address": address}
