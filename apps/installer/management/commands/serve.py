"""``manage.py serve``: everything that must be in place, then the production server."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command
from django.db import DatabaseError, connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.urls import reverse

from installer import databases, server, setup_token, state
from installer.build import BuildError, build
from installer.site_file import SiteFileError


class Command(BaseCommand):
    help = "Build what is out of date, update the database, and serve on HOST and PORT."

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare, say where the site is, and become the server."""
        try:
            server.require_free_address()
            build(self._say)
            is_installed = self._prepare_database()
            # Another one may have come up while this one was building.
            server.require_free_address()
            environment = server.environment(is_installed=bool(is_installed))
            if is_installed is False:
                self._greet("Not installed yet. To install it, open", self._install_address(environment))
            else:
                self._greet("The site is at", f"{server.base_url()}/")
        except (server.ServerError, BuildError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            sys.exit(130)
        connections.close_all()
        server.claim()
        server.become_server(environment)

    def _prepare_database(self) -> bool | None:
        """Bring an installed site's database up to date.

        Returns:
            Whether the site is installed; None where only the database could tell and is away.
        """
        try:
            is_installed = state.installed()
            if is_installed:
                self._update_database()
        except (state.DatabaseUnreachable, DatabaseError) as error:
            cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
            # Whoever comes reads 503 until it is back, and the site goes on by itself.
            self.stderr.write(
                f"Warning: {databases.in_words(cause)} The site is served, and says that it "
                "is unavailable. When the database is back, run `manage.py migrate`: it may need an update."
            )
            return True if settings.INSTALLED else None
        return is_installed

    def _update_database(self) -> None:
        databases.require_answer()
        if self._has_pending_migrations():
            self._say("Updating the database")
            call_command("migrate", interactive=False, verbosity=0)

    def _say(self, words: str) -> None:
        self.stdout.write(words)
        self.stdout.flush()  # not only when it is all over, where the console is a file

    def _has_pending_migrations(self) -> bool:
        executor = MigrationExecutor(connection)
        return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))

    def _install_address(self, environment: dict[str, str]) -> str:
        try:
            token = setup_token.ensure()
        except SiteFileError:
            # Nothing can be kept here: a token for as long as this server runs.
            token = environment[setup_token.VARIABLE] = setup_token.new()
        return f"{server.base_url()}{reverse('installer:start')}?token={token}"

    def _greet(self, words: str, address: str) -> None:
        self.stdout.write(f"\n{words}\n\n    {address}\n\nCtrl-C stops it.\n")
