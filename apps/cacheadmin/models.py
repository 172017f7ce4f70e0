"""What is saved: one row for each alias whose choice somebody has made."""

from __future__ import annotations

import contextlib

from django.db import connections, models, transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from cacheadmin import conf, encryption
from cacheadmin.state import SavedChoice
from cacheadmin.verdicts import ENGINE_LABELS


class CacheSettings(models.Model):
    """The saved choice of an alias; it governs the aliases with the same LOCATION too."""

    alias = models.CharField(_("alias"), max_length=100, primary_key=True)
    engine = models.CharField(_("engine"), max_length=10, choices=list(ENGINE_LABELS.items()), default="auto")
    # The whole address, encrypted: it may hold a password.
    encrypted_location = models.TextField(blank=True, default="", editable=False)
    revision = models.PositiveBigIntegerField(default=1, editable=False)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("cache")
        verbose_name_plural = _("cache")
        default_permissions = ()
        permissions = [
            ("view_cache", _("Can see the cache page")),
            ("configure_cache", _("Can change the cache settings")),
            ("test_cache", _("Can test connections")),
            ("clear_cache", _("Can clear the cache")),
            ("warm_cache", _("Can warm up the cache")),
            ("browse_cache", _("Can look at keys")),
        ]

    def __str__(self) -> str:
        return self.alias


def load_choices() -> dict[str, SavedChoice]:
    """Read all rows; what ``state`` calls, at most once a second."""
    database = conf.get("DATABASE")
    # Inside somebody's transaction a failing query would spoil it: there a savepoint keeps it whole.
    is_inside = connections[database].in_atomic_block
    with transaction.atomic(using=database) if is_inside else contextlib.nullcontext():
        rows = list(
            CacheSettings.objects.using(database).values_list(
                "alias", "engine", "encrypted_location", "revision"
            )
        )
    return {
        alias: SavedChoice(engine, encryption.decrypt(token), revision)
        for alias, engine, token, revision in rows
    }


def save_choice(alias: str, engine: str, location: str) -> None:
    """Write the choice for *alias* and raise its revision; what ``state`` calls."""
    with transaction.atomic(using=conf.get("DATABASE")):
        row, is_new = CacheSettings.objects.using(conf.get("DATABASE")).get_or_create(
            alias=alias, defaults={"engine": engine, "encrypted_location": encryption.encrypt(location)}
        )
        if not is_new:
            row.engine = engine
            row.encrypted_location = encryption.encrypt(location)
            row.save(update_fields=["engine", "encrypted_location", "updated_at"])
            CacheSettings.objects.using(conf.get("DATABASE")).filter(pk=alias).update(
                revision=F("revision") + 1
            )
