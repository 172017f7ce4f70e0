"""Thin receivers: what is forgotten when site settings change, what is recorded of the cache."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest

from cacheadmin.signals import cache_event
from core import history
from core.languages import forget_site_language
from core.models import SiteSettings
from core.site import forget_site


@receiver([post_save, post_delete], sender=SiteSettings)
def _site_changed(using: str, **kwargs: Any) -> None:
    transaction.on_commit(forget_site, using=using)
    transaction.on_commit(forget_site_language, using=using)


@receiver(cache_event)
def _cache_action(
    kind: str, request: HttpRequest | None = None, groups: Iterable[str] = (), detail: str = "", **kwargs: Any
) -> None:
    # The rest (an outage, a switch) happens to the cache; nobody does it.
    if kind in {"clear", "choice"}:
        history.record(request, f"cache-{kind}", detail=detail or ", ".join(groups))
