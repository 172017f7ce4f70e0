"""The app that brings the site up: before it is installed, while it is, and each time it starts."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class InstallerConfig(AppConfig):
    """The guard in front of everything, the installation, the start of the server, the health pages."""

    name = "installer"
    verbose_name = _("Installation")
