"""What is saved: a row for each choice of an engine that somebody made, and one for each lifetime."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from django.db import connections, models, transaction
from django.db.models import BigIntegerField, CharField, F, TextField, Value
from django.db.models.functions import Cast
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cacheadmin import conf, encryption, places, snapshot
from cacheadmin.saved_settings import ANY, Change, ChangedMeanwhile, SavedSettings
from cacheadmin.snapshot import Saved, SavedChoice
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


class Installation(models.Model):
    """The one row that says which state of the database this is, and whether it is a copy."""

    revision = models.PositiveBigIntegerField(default=0)
    # A restored database may come to the same revision by another way; not to the same number.
    nonce = models.PositiveBigIntegerField(default=0)
    suffix = models.CharField(max_length=20, blank=True, default="")
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.revision}"


class Generation(models.Model):
    """What a machine cut off from its Redis has made void: the others hear of it here."""

    namespace = models.CharField(max_length=200)
    group = models.CharField(max_length=100)
    number = models.PositiveBigIntegerField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["namespace", "group"], name="cacheadmin_one_generation")
        ]

    def __str__(self) -> str:
        return f"{self.namespace}: {self.group}"


# How long a state of the database may look like an older one.
REVISION_LIFE = timedelta(hours=1)
_CHOICE, _LIFETIME, _GENERATION, _INSTALLATION = "choice", "lifetime", "generation", "installation"
_place = ""


def load_saved() -> Saved:
    """Read all rows in one query; what ``state`` calls, at most once a second."""
    database = conf.get("DATABASE")
    choices: dict[str, SavedChoice] = {}
    lifetimes: dict[str, dict[str, int]] = {}
    generations: dict[tuple[str, str], int] = {}
    installation = snapshot.Installation()
    # Inside somebody's transaction a failing query would spoil it: there a savepoint keeps it whole.
    is_inside = connections[database].in_atomic_block
    with transaction.atomic(using=database) if is_inside else contextlib.nullcontext():
        rows = list(_all_rows(database))
    # Where two aliases at one LOCATION have a lifetime for one group, the one saved last counts.
    for kind, first, second, word, text, number, saved_at in sorted(rows, key=lambda row: row[-1]):
        if kind == _CHOICE:
            choices[first] = SavedChoice(word, encryption.decrypt(text), number)
        elif kind == _LIFETIME:
            lifetimes.setdefault(first, {})[second] = number
        elif kind == _GENERATION:
            generations[first, second] = number
        else:
            installation = snapshot.Installation(number, int(text), first, raised_at=saved_at)
    return Saved(
        MappingProxyType(dict(sorted(choices.items()))),
        MappingProxyType(lifetimes),
        MappingProxyType(generations),
        replace(installation, place=_find_place(database)),
    )


def _find_place(database: str) -> str:
    """Return which database this is; found out once for each process."""
    global _place
    _place = _place or places.place_of(database)
    return _place


def _all_rows(database: str) -> Any:
    def rows(model: type[models.Model], kind: str, *columns: Any) -> Any:
        return model._default_manager.using(database).values_list(_text(kind), *columns, "updated_at")

    return rows(CacheSettings, _CHOICE, "alias", _text(""), "engine", "encrypted_location", "revision").union(
        rows(GroupLifetime, _LIFETIME, "alias", "group", _text(""), _long_text(""), _whole("seconds")),
        rows(Generation, _GENERATION, "namespace", "group", _text(""), _long_text(""), "number"),
        rows(
            Installation,
            _INSTALLATION,
            "suffix",
            _text(""),
            _text(""),
            Cast("nonce", TextField()),
            "revision",
        ),
        all=True,
    )


def _text(value: str) -> Value:
    return Value(value, output_field=CharField())


def _long_text(value: str) -> Value:
    return Value(value, output_field=TextField())


def _whole(column: str) -> Cast:
    return Cast(column, BigIntegerField())


def load_choices() -> dict[str, SavedChoice]:
    """Read the choices alone, by alias."""
    return dict(load_saved().choices)


# Each begins with what writes: on SQLite, a transaction that begins with a read may not wait for its turn.


def save_choice(aliases: list[str], engine: str, location: str) -> Change:
    """Write the choice for the first of *aliases*, in the place of any that the others have.

    Args:
        aliases: those at one LOCATION.
        engine: the engine.
        location: the address of Redis, or an empty string for the configured one.
    """
    values = {"engine": engine, "encrypted_location": encryption.encrypt(location)}

    def write(database: str) -> None:
        rows = CacheSettings.objects.using(database)
        raised = {**values, "revision": F("revision") + 1, "updated_at": timezone.now()}
        if not rows.filter(alias=aliases[0]).update(**raised):
            rows.update_or_create(alias=aliases[0], defaults=values)
        rows.filter(alias__in=aliases[1:]).delete()

    return _change(aliases, write)


def save_lifetime(
    aliases: list[str], group: str, seconds: int | None, *, was: int | bool | None = ANY
) -> Change:
    """Write the lifetime of *group* for the first of *aliases*, in the place of any that the others have.

    Args:
        aliases: those at one LOCATION.
        group: the group's name.
        seconds: ``None`` forgets what was saved.
        was: what has to be saved now, or nothing is changed; ``ANY`` for anything.

    Raises:
        ChangedMeanwhile: something else is.
    """

    def write(database: str) -> None:
        rows = GroupLifetime.objects.using(database)
        known = (
            rows.filter(group=group, alias__in=aliases)
            .order_by("updated_at")
            .values_list("seconds", flat=True)
        )
        # The one saved last counts.
        if was is not ANY and known.last() != was:
            raise ChangedMeanwhile
        if seconds is None:
            rows.filter(group=group, alias__in=aliases).delete()
            return
        own = rows.filter(alias=aliases[0], group=group)
        if not own.update(seconds=seconds, updated_at=timezone.now()):
            rows.update_or_create(alias=aliases[0], group=group, defaults={"seconds": seconds})
        rows.filter(group=group, alias__in=aliases[1:]).delete()

    return _change(aliases, write)


def restore(aliases: list[str], settings: SavedSettings) -> Change:
    """Write *settings* in the place of all that is saved for *aliases*.

    Args:
        aliases: those at one LOCATION.
        settings: what was saved for them once.
    """

    def write(database: str) -> None:
        CacheSettings.objects.using(database).filter(alias__in=aliases).delete()
        GroupLifetime.objects.using(database).filter(alias__in=aliases).delete()
        CacheSettings.objects.using(database).bulk_create(_choice_rows(settings))
        GroupLifetime.objects.using(database).bulk_create(
            GroupLifetime(alias=alias, group=group, seconds=seconds)
            for alias, lives in settings.lifetimes.items()
            for group, seconds in lives.items()
        )

    return _change(aliases, write)


def restore_choices(
    aliases: list[str], settings: SavedSettings, revisions: Mapping[str, int]
) -> Change | None:
    """Write the choices of *settings* in the place of those that are saved for *aliases*; lifetimes stay.

    Args:
        aliases: those at one LOCATION.
        settings: what was saved for them once.
        revisions: of the choices that are to be replaced, by alias.

    Returns:
        ``None`` if other choices are saved by now: nothing was changed.
    """
    with _changing() as database:
        rows = CacheSettings.objects.using(database).filter(alias__in=aliases)
        if dict(rows.values_list("alias", "revision")) != dict(revisions):
            return None
        before = _settings_of(database, aliases)
        highest = max(revisions.values(), default=0)
        rows.delete()
        CacheSettings.objects.using(database).bulk_create(_choice_rows(settings, highest + 1))
        return Change(before, _settings_of(database, aliases))


def _choice_rows(settings: SavedSettings, revision: int = 1) -> list[CacheSettings]:
    return [
        CacheSettings(
            alias=alias, engine=engine, encrypted_location=encryption.encrypt(location), revision=revision
        )
        for alias, (engine, location) in settings.choices.items()
    ]


def _change(aliases: list[str], write: Callable[[str], None]) -> Change:
    """Do *write*; since all changes wait for one another, nothing else happens between before and after."""
    with _changing() as database:
        before = _settings_of(database, aliases)
        write(database)
        return Change(before, _settings_of(database, aliases))


def _settings_of(database: str, aliases: list[str]) -> SavedSettings:
    choices = CacheSettings.objects.using(database).filter(alias__in=aliases)
    lifetimes: dict[str, dict[str, int]] = {}
    for row in GroupLifetime.objects.using(database).filter(alias__in=aliases):
        lifetimes.setdefault(row.alias, {})[row.group] = row.seconds
    return SavedSettings(
        {row.alias: (row.engine, encryption.decrypt(row.encrypted_location)) for row in choices}, lifetimes
    )


def save_suffix(suffix: str) -> None:
    """Write what this installation, a copy, adds to its prefixes."""
    with _changing() as database:
        Installation.objects.using(database).filter(pk=1).update(suffix=suffix)


def save_generations(namespace: str, numbers: Mapping[str, int]) -> None:
    """Tell the other machines which groups of *namespace* were changed here, out of reach of Redis."""
    with _changing() as database:
        for group, number in numbers.items():
            Generation.objects.using(database).update_or_create(
                namespace=namespace, group=group, defaults={"number": number}
            )


def raise_revision_if_due(known: snapshot.Installation) -> None:
    """Raise the revision if nobody has for an hour, so that an older state of the database shows.

    Args:
        known: what was read last; as long as that is young, nothing is asked and nothing locked.
    """
    database = conf.get("DATABASE")
    before = timezone.now() - REVISION_LIFE
    is_young = known.raised_at is not None and known.raised_at >= before
    if not is_young and not connections[database].in_atomic_block:
        _raise_revision(database, before=None if known.raised_at is None else before)


@contextlib.contextmanager
def _changing() -> Iterator[str]:
    """Change what is saved, all or nothing, and raise the revision with it."""
    database = conf.get("DATABASE")
    with transaction.atomic(using=database):
        _raise_revision(database)
        yield database


def _raise_revision(database: str, before: datetime | None = None) -> None:
    rows = Installation.objects.using(database)
    fresh = {"nonce": secrets.randbits(62), "updated_at": timezone.now()}
    due = rows.filter(pk=1) if before is None else rows.filter(pk=1, updated_at__lt=before)
    if not due.update(revision=F("revision") + 1, **fresh) and before is None:
        rows.update_or_create(
            pk=1, defaults={"revision": F("revision") + 1, **fresh}, create_defaults={"revision": 1, **fresh}
        )
