"""What this app keeps in the cache.

Two groups, because they age differently: one changed article makes every list doubtful, but
no other article.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from cacheadmin.groups import Group

groups = [
    Group("content", label=_("Articles"), ttl=120),
    Group("lists", label=_("Lists of articles"), ttl=120),
]
