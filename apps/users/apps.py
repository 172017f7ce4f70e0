"""Members of the site: their accounts, their way in, their preferences."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class UsersConfig(AppConfig):
    """Accounts and everything members do with them."""

    name = "users"
    verbose_name = _("Members")

    def ready(self) -> None:
        """Connect the receivers."""
        from users import receivers  # noqa: F401
