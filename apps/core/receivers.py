"""Thin receivers: what is forgotten when site settings change."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from cacheadmin import pagecache
from core.languages import forget_site_language
from core.models import SiteSettings
from core.site import forget_site


@receiver([post_save, post_delete], sender=SiteSettings)
def _site_changed(using: str, **kwargs: Any) -> None:
    transaction.on_commit(forget_site, using=using)
    transaction.on_commit(forget_site_language, using=using)
    # Each of them shows the name of the site; last, as they are made from the above.
    transaction.on_commit(pagecache.forget_all, using=using)
