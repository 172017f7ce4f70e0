"""The app that every other one of the site builds on."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CoreConfig(AppConfig):
    """Site settings, admin history, languages, limits, error pages."""

    name = "core"
    verbose_name = _("Site")

    def ready(self) -> None:
        """Connect the receivers, register the checks."""
        from core import cache_history, checks, receivers  # noqa: F401
