"""The site's own settings, read by nearly every request."""

from __future__ import annotations

from django.db import DatabaseError

from cacheadmin import cached
from core.models import SiteSettings


@cached("settings")
def _stored_site() -> SiteSettings:
    return SiteSettings.objects.get(pk=1)


def get_site() -> SiteSettings:
    """Return the settings of the site, from the cache where they are known.

    Where there is no row, no table or no database yet, an unsaved instance with the defaults.
    That stand-in is never cached: the real row counts from the moment it is committed.
    """
    try:
        return _stored_site()
    except (SiteSettings.DoesNotExist, DatabaseError):
        return SiteSettings()


def warm_site(_: object = None) -> None:
    """Have the settings of the site in the cache.

    Raises:
        SiteSettings.DoesNotExist: there are none yet.
        DatabaseError: they cannot be read.
    """
    _stored_site()


def forget_site() -> None:
    """Make the next reader, in whichever process, read the row again."""
    _stored_site.invalidate()
