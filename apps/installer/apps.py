"""The app that brings the site up: before it is installed, while it is, and each time it starts."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.utils.autoreload import BaseReloader, autoreload_started
from django.utils.translation import gettext_lazy as _


class InstallerConfig(AppConfig):
    """The guard in front of everything, the installation, the start of the server, the health pages."""

    name = "installer"
    verbose_name = _("Installation")

    def ready(self) -> None:
        """Have the development server follow the configuration, as it follows the code."""
        autoreload_started.connect(watch_configuration, dispatch_uid="installer")


def watch_configuration(sender: BaseReloader, **_arguments: Any) -> None:
    """Restart ``runserver`` when the configuration is written."""
    sender.extra_files.add(settings.SITE_FILE)
