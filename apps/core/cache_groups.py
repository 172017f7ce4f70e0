"""The cache group of what the owner says about the site, and what fills it."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from cacheadmin.groups import Group
from cacheadmin.warmers import Warmer
from core.site import warm_site

groups = [Group("settings", label=_("Site settings"), ttl=600)]
warmers = [
    Warmer("settings", "settings", label=_("Site settings"), items=lambda: [None], warm=warm_site),
]
