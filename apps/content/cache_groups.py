"""What this app keeps in the cache, and what fills it.

Two groups, because they age differently: one changed article makes every list doubtful, but
no other article.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from cacheadmin.groups import Group
from cacheadmin.warmers import Warmer
from content import warming

groups = [
    Group("content", label=_("Articles"), ttl=120),
    Group("lists", label=_("Lists of articles"), ttl=120),
]
warmers = [
    Warmer(
        "newest-articles",
        "content",
        label=_("Newest articles"),
        items=warming.newest_articles,
        warm=warming.warm_article,
    ),
    Warmer(
        "first-pages",
        "lists",
        label=_("First pages of the lists"),
        items=warming.first_pages,
        warm=warming.read,
    ),
]
