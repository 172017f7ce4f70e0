"""Writes the admin history: who did what to what, from where, when."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Model
from django.http import HttpRequest
from django.utils.text import Truncator

from core.client_ip import client_ip
from core.models import AdminHistory


def record(
    request: HttpRequest | None, action: str, target: Model | None = None, detail: str = ""
) -> AdminHistory:
    """Write down one action; *request* is None for what was done without one (a command).

    *action* is a short word: ``add``, ``change``, ``delete``, or the name of a special action.
    """
    entry = _entry(request, action, target, detail)
    entry.save()
    _count(request)
    return entry


def record_many(request: HttpRequest | None, action: str, targets: Iterable[Model]) -> None:
    """Write down the same action on many targets, an entry for each (in two or three statements)."""
    AdminHistory.objects.bulk_create(
        [_entry(request, action, target, "") for target in targets], batch_size=500
    )
    _count(request)


def recorded_during(request: HttpRequest) -> int:
    """Return how often something was recorded for this request so far."""
    return int(getattr(request, "history_records", 0))


def _count(request: HttpRequest | None) -> None:
    if request is not None:
        request.history_records = recorded_during(request) + 1  # type: ignore[attr-defined]


def _entry(request: HttpRequest | None, action: str, target: Model | None, detail: str) -> AdminHistory:
    actor = getattr(request, "user", None)
    entry = AdminHistory(
        action=action, detail=detail, address=(client_ip(request) if request else "") or None
    )
    if isinstance(actor, AbstractBaseUser):
        entry.actor_id = actor.pk
        entry.actor_name = actor.get_username()
    if target is not None:
        entry.target_type = target._meta.label_lower
        entry.target_id = str(target.pk)
        entry.target_repr = Truncator(str(target)).chars(200)
    return entry
