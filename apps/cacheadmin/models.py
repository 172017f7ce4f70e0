"""What is saved: a row for each choice of an engine that somebody made, and one for each lifetime."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from datetime import datetime
from types import MappingProxyType

from django.db import connections, models, transaction
from django.db.models import BigIntegerField, CharField, F, TextField, Value
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cacheadmin import conf, encryption
from cacheadmin.state import Saved, SavedChoice
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


class GroupLifetime(models.Model):
    """The saved lifetime of one group; a row of its own, so that nobody's save undoes another's."""

    alias = models.CharField(_("alias"), max_length=100)
    group = models.CharField(_("group"), max_length=100)
    seconds = models.PositiveIntegerField(_("seconds"))
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("lifetime")
        verbose_name_plural = _("lifetimes")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["alias", "group"], name="cacheadmin_one_lifetime")]

    def __str__(self) -> str:
        return f"{self.alias}: {self.group}"


def load_saved() -> Saved:
    """Read all rows in one query; what ``state`` calls, at most once a second."""
    database = conf.get("DATABASE")
    choices: dict[str, SavedChoice] = {}
    lifetimes: dict[str, dict[str, int]] = {}
    # Inside somebody's transaction a failing query would spoil it: there a savepoint keeps it whole.
    is_inside = connections[database].in_atomic_block
    with transaction.atomic(using=database) if is_inside else contextlib.nullcontext():
        rows = list(_choices_and_lifetimes(database))
    # Where two aliases at one LOCATION have a lifetime for one group, the one saved last counts.
    for alias, group, engine, token, number, _saved_at in sorted(rows, key=lambda row: row[-1]):
        if group:
            lifetimes.setdefault(alias, {})[group] = number
        else:
            choices[alias] = SavedChoice(engine, encryption.decrypt(token), number)
    return Saved(MappingProxyType(dict(sorted(choices.items()))), MappingProxyType(lifetimes))


def _choices_and_lifetimes(database: str) -> Iterable[tuple[str, str, str, str, int, datetime]]:
    text, nothing = Value("", output_field=TextField()), Value("", output_field=CharField())
    chosen = CacheSettings.objects.using(database).values_list(
        "alias", nothing, "engine", "encrypted_location", "revision", "updated_at"
    )
    lives = GroupLifetime.objects.using(database).values_list(
        "alias", "group", nothing, text, Cast("seconds", BigIntegerField()), "updated_at"
    )
    return chosen.union(lives, all=True)


def load_choices() -> dict[str, SavedChoice]:
    """Read the choices alone, by alias."""
    return dict(load_saved().choices)


# Each begins with what writes: on SQLite, a transaction that begins with a read may not wait for its turn.


def save_choice(alias: str, engine: str, location: str) -> None:
    """Write the choice for *alias* and raise its revision; what ``state`` calls."""
    values = {"engine": engine, "encrypted_location": encryption.encrypt(location)}
    with transaction.atomic(using=conf.get("DATABASE")):
        rows = CacheSettings.objects.using(conf.get("DATABASE"))
        raised = {**values, "revision": F("revision") + 1, "updated_at": timezone.now()}
        if not rows.filter(alias=alias).update(**raised):
            rows.update_or_create(alias=alias, defaults=values)


def save_lifetime(aliases: list[str], group: str, seconds: int | None) -> None:
    """Write the lifetime of *group* for the first of *aliases*, in the place of any that the others have.

    Args:
        aliases: those at one LOCATION.
        group: the group's name.
        seconds: ``None`` forgets what was saved.
    """
    with transaction.atomic(using=conf.get("DATABASE")):
        rows = GroupLifetime.objects.using(conf.get("DATABASE"))
        if seconds is None:
            rows.filter(group=group, alias__in=aliases).delete()
            return
        own = rows.filter(alias=aliases[0], group=group)
        if not own.update(seconds=seconds, updated_at=timezone.now()):
            rows.update_or_create(alias=aliases[0], group=group, defaults={"seconds": seconds})
        rows.filter(group=group, alias__in=aliases[1:]).delete()
