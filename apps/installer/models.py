"""The mark that an installation leaves in its database."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Installation(models.Model):
    """One row, whose key is always 1: the site in this database is installed.

    It is what closes the installer for good when the configuration file is lost, and what makes the
    second of two installations that meet in one database fail: both cannot insert it.
    """

    installed_at = models.DateTimeField(_("installed at"), auto_now_add=True)

    class Meta:
        verbose_name = _("installation")
        verbose_name_plural = _("installations")
        default_permissions = ()
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="installer_one_installation")]

    def __str__(self) -> str:
        return f"{self.installed_at:%Y-%m-%d %H:%M}"
