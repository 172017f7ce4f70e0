"""The cache group of accounts, and what fills it."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from cacheadmin.groups import Group
from cacheadmin.warmers import Warmer
from users.warming import active_members, warm_member

groups = [Group("users", label=_("Members"), ttl=300)]
warmers = [
    Warmer("active-members", "users", label=_("Active members"), items=active_members, warm=warm_member),
]
