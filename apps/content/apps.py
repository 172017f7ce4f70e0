"""The app that holds what people read."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ContentConfig(AppConfig):
    """Articles: written in the admin, read everywhere else."""

    name = "content"
    verbose_name = _("Content")

    def ready(self) -> None:
        """Let changed articles, tags and authors find their cached copies."""
        from content import signals

        signals.connect()
