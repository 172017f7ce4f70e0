"""The cache group of what the owner says about the site."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from cacheadmin.groups import Group

groups = [Group("settings", label=_("Site settings"), ttl=600)]
