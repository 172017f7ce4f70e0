"""``manage.py setup_token``: the token that the installer asks for."""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand, CommandError

from installer import setup_token, state
from installer.site_file import SiteFileError


class Command(BaseCommand):
    help = "Print the token that the installer asks for."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Print it, and nothing else."""
        try:
            if state.installed():
                raise CommandError("The site is installed: there is no setup token any more.")
            self.stdout.write(setup_token.ensure())
        except state.DatabaseUnreachable as error:
            raise CommandError(
                "The database does not answer, so nobody can tell whether one is needed."
            ) from error
        except SiteFileError as error:
            raise CommandError(str(error)) from error
