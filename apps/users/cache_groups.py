"""The cache group of accounts."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from cacheadmin.groups import Group

groups = [Group("users", label=_("Members"), ttl=300)]
