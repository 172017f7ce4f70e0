"""What the site knows about itself, and who did what to it."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import deeds


def validate_time_zone(name: str) -> None:
    """Accept only the name of a time zone that this Python knows, such as ``Europe/Paris``.

    Raises:
        ValidationError: there is no such time zone.
    """
    try:
        zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # unknown; not even a name; a directory of names
        raise ValidationError(
            _("“%(name)s” is not a time zone. Write it as Europe/Paris."),
            params={"name": name},
            code="invalid",
        ) from error


class SiteSettings(models.Model):
    """What the owner says about the site: exactly one row, whose key is always 1."""

    name = models.CharField(_("name"), max_length=80, default="My site")
    tagline = models.CharField(_("tagline"), max_length=160, blank=True)
    language = models.CharField(
        _("language"),
        max_length=8,
        choices=settings.LANGUAGES,
        default="en",
        help_text=_("Pages in this language have the short addresses; the other language has a prefix."),
    )
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        default="UTC",
        validators=[validate_time_zone],
        help_text=_("For example Europe/Paris. Dates and times are shown in it."),
    )
    registration_open = models.BooleanField(
        _("registration open"), default=True, help_text=_("Whether visitors can create an account.")
    )
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("site settings")
        verbose_name_plural = _("site settings")
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="core_one_site_settings_row")]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write the one row, whichever instance it is called on."""
        self.pk = 1
        super().save(*args, **kwargs)


class AdminHistory(models.Model):
    """One thing somebody did in the administration. Never changed afterwards, kept when its people go."""

    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("actor"),
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        db_index=False,  # the index below begins with it
    )
    actor_name = models.CharField(_("actor’s name"), max_length=150, blank=True)
    action = models.CharField(_("action"), max_length=64)
    target_type = models.CharField(_("kind of target"), max_length=100, blank=True)
    target_id = models.CharField(_("target’s key"), max_length=255, blank=True)
    target_repr = models.CharField(_("target"), max_length=200, blank=True)
    detail = models.TextField(_("detail"), blank=True)
    address = models.GenericIPAddressField(_("IP address"), null=True, blank=True)
    timestamp = models.DateTimeField(_("date and time"), auto_now_add=True)

    class Meta:
        verbose_name = _("history entry")
        verbose_name_plural = _("admin history")
        ordering = ["-timestamp", "-id"]
        indexes = [
            models.Index("actor", models.F("timestamp").desc(), name="core_history_actor_time"),
            models.Index(models.F("timestamp").desc(), models.F("id").desc(), name="core_history_time"),
        ]

    def __str__(self) -> str:
        deed = f"{deeds.in_words(self.action)} {self.target_repr}".strip()
        if not self.actor_name:
            return deed
        return gettext("%(name)s: %(deed)s") % {"name": self.actor_name, "deed": deed}
