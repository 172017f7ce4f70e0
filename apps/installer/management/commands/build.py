"""``manage.py build``: catalogues and static files, made where they are out of date."""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from installer.build import BuildError, build


class Command(BaseCommand):
    help = "Compile the translations, collect and compress the static files; does nothing twice."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the flags."""
        parser.add_argument("--force", action="store_true", help="make everything anew")

    def handle(self, *, force: bool, **options: Any) -> None:
        """Build, telling what is made."""
        try:
            build(self.stdout.write, force=force)
        except BuildError as error:
            raise CommandError(str(error)) from error
