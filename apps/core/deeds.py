"""The actions of the admin history, in words."""

from __future__ import annotations

from django.utils.translation import pgettext_lazy

NAMES = {
    "add": pgettext_lazy("history", "Added"),
    "change": pgettext_lazy("history", "Changed"),
    "delete": pgettext_lazy("history", "Deleted"),
    "publish": pgettext_lazy("history", "Published"),
    "withdraw": pgettext_lazy("history", "Withdrawn"),
    "clear cache": pgettext_lazy("history", "Cache cleared"),
    "choose cache engine": pgettext_lazy("history", "Cache engine chosen"),
    "change cache lifetime": pgettext_lazy("history", "Cache lifetime changed"),
    "take over cache keys": pgettext_lazy("history", "Cache keys taken over"),
    "take cache keys of its own": pgettext_lazy("history", "Cache given keys of its own"),
    "install": pgettext_lazy("history", "Site installed"),
}


def in_words(action: str) -> str:
    """Return what people call *action*; one that is none of ours keeps its own name."""
    return str(NAMES.get(action, action))
