"""The group of the number that is looked at."""

from __future__ import annotations

from cacheadmin.groups import Group

groups = [Group("numbers", ttl=120)]
