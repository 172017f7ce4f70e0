"""What happened to the caches, a row for each event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import models, transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cacheadmin import conf, encryption
from cacheadmin.engines.redis import without_password
from cacheadmin.events import Event
from cacheadmin.models.event_words import sentence
from cacheadmin.saved_settings import SavedSettings

KINDS: dict[str, Promise] = {
    "switch": _("Engine changed"),
    "outage": _("Engine lost"),
    "return": _("Engine back"),
    "choice": _("Engine chosen"),
    "lifetime": _("Lifetime changed"),
    "clear": _("Cleared"),
    "warm": _("Warmed up"),
    "refused": _("Activation refused"),
    "rollback": _("Settings restored"),
    "undone": _("Choice taken back"),
    "moved": _("Keys taken over"),
    "copied": _("Keys of its own"),
    "restored": _("Another database"),
    "look": _("Entry looked at"),
    "delete": _("Entry deleted"),
}
# After so long, an address says nothing any more that anybody needs to know.
ADDRESS_LIFE = timedelta(days=30)
_LONGEST = 150


class CacheEvent(models.Model):
    """One event; rows are made by ``events`` and never changed, but for the end of an outage."""

    kind = models.CharField(_("event"), max_length=20, choices=list(KINDS.items()))
    alias = models.CharField(_("alias"), max_length=100, blank=True)
    actor_id = models.CharField(max_length=64, blank=True)
    # Empty for what the cache does of itself.
    actor_name = models.CharField(_("who"), max_length=_LONGEST, blank=True)
    address = models.CharField(_("address"), max_length=45, blank=True)
    machine = models.CharField(_("machine"), max_length=255, blank=True)
    at = models.DateTimeField(_("when"))
    # Of an outage, once it is over.
    ended_at = models.DateTimeField(_("end"), null=True, blank=True)
    ms = models.FloatField(_("milliseconds"), null=True, blank=True)
    details = models.JSONField(default=dict)
    # What was saved before and after, as people may see it, and what it takes to go back, encrypted.
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    encrypted_before = models.TextField(blank=True, default="", editable=False)

    class Meta:
        verbose_name = _("cache event")
        verbose_name_plural = _("cache events")
        default_permissions = ()
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.at:%Y-%m-%d %H:%M:%S}"

    @property
    def label(self) -> str:
        """What happened, in a word or two."""
        return str(KINDS.get(self.kind, self.kind))

    @property
    def who(self) -> str:
        """Who did it."""
        return self.actor_name or gettext("the cache itself")

    @property
    def sentence(self) -> str:
        """What happened, in words; empty where the label says all."""
        return sentence(self.kind, self.details, self.before)

    def settings_before(self) -> SavedSettings:
        """Return what was saved before it, with its secrets.

        Raises:
            ValueError: it changed nothing that is saved, or another SECRET_KEY wrote it.
        """
        return SavedSettings.loads(encryption.decrypt(self.encrypted_before))

    def as_json(self) -> dict[str, Any]:
        """Return what the command prints of it."""
        return {
            "id": self.pk,
            "kind": self.kind,
            "alias": self.alias,
            "at": self.at.isoformat(),
            "ended_at": self.ended_at.isoformat() if self.ended_at else None,
            "ms": None if self.ms is None else round(self.ms, 1),
            "who": self.actor_name,
            "address": self.address,
            "machine": self.machine,
            "details": self.details,
            "before": self.before,
            "after": self.after,
        }


def save_events(events: Sequence[Event]) -> None:
    """Write *events*, and with the end of an outage its end."""
    with transaction.atomic(using=conf.get("DATABASE")):
        for event in events:
            _save(event)


def _save(event: Event) -> None:
    rows = CacheEvent.objects.using(conf.get("DATABASE"))
    details, ms = event.details, event.ms
    if event.kind in ("return", "switch") and not details.get("is_degraded"):
        began = _end_outages(event)
        if event.kind == "return" and began is not None:
            ms = (event.at - began).total_seconds() * 1000
    elif event.kind in ("outage", "switch") and _is_in_outage(event):
        # The engine that stood in was lost too: it is the same outage still.
        return
    rows.create(
        kind=event.kind,
        alias=event.alias,
        actor_id=event.actor_id[:64],
        actor_name=event.actor_name[:_LONGEST],
        address=event.address[:45],
        machine=event.machine[:255],
        at=event.at,
        ms=ms,
        details=details,
        before=_shown(event.before),
        after=_shown(event.after),
        encrypted_before="" if event.before is None else encryption.encrypt(event.before.dumps()),
    )


def _open_outages(event: Event) -> models.QuerySet[CacheEvent]:
    rows = CacheEvent.objects.using(conf.get("DATABASE"))
    return rows.filter(kind="outage", alias=event.alias, machine=event.machine[:255], ended_at=None)


def _is_in_outage(event: Event) -> bool:
    return _open_outages(event).exists()


def _end_outages(event: Event) -> datetime | None:
    """Write the end of this machine's outage; return when it began."""
    began = None
    for outage in _open_outages(event):
        began = outage.at
        outage.ended_at = event.at
        outage.ms = (event.at - outage.at).total_seconds() * 1000
        outage.save(update_fields=["ended_at", "ms"])
    return began


def _shown(settings: SavedSettings | None) -> dict[str, Any] | None:
    if settings is None:
        return None
    engine, address = settings.choice or ("", "")
    lifetimes: dict[str, int] = {}
    for saved in settings.lifetimes.values():
        lifetimes.update(saved)
    return {
        "engine": engine,
        "address": without_password(address) if address else "",
        "lifetimes": lifetimes,
    }


def trim_events(most: int) -> None:
    """Remove all but the *most* youngest events, and addresses that are older than 30 days."""
    rows = CacheEvent.objects.using(conf.get("DATABASE"))
    oldest = rows.order_by("-id").values_list("id", flat=True)[most : most + 1].first()
    if oldest is not None:
        rows.filter(id__lte=oldest).delete()
    rows.filter(at__lt=timezone.now() - ADDRESS_LIFE).exclude(address="").update(address="")
