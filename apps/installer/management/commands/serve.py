"""``manage.py serve``: everything that must be in place, then the production server."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management import BaseCommand, CommandError, call_command
from django.db import DatabaseError, connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.urls import reverse

from installer import server, setup_token, state
from installer.build import BuildError, build
from installer.site_file import SiteFileError


class Command(BaseCommand):
    help = "Build what is out of date, update the database, and serve (HOST, PORT, WEB_CONCURRENCY, WEB_THREADS)."

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare, say where the site is, and become the server."""
        try:
            server.require_free_address()
            build(self.stdout.write)
            is_installed = self._prepare_database()
            address = self._address(is_installed=is_installed)
        except (server.ServerError, BuildError, SiteFileError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            sys.exit(130)
        self._greet(address, is_installed=is_installed)
        connections.close_all()
        server.claim()
        server.become_server(server.environment(is_installed=is_installed))

    def _prepare_database(self) -> bool:
        """Bring an installed site's database up to date; return whether the site is installed."""
        try:
            is_installed = state.installed()
            if is_installed and self._has_pending_migrations():
                self.stdout.write("Updating the database")
                call_command("migrate", interactive=False, verbosity=0)
        except (state.DatabaseUnreachable, DatabaseError) as error:
            # Whoever comes reads 503 until it is back, and the site goes on by itself.
            reason = type(error.__cause__ or error).__name__
            self.stderr.write(
                f"Warning: the database does not answer ({reason}), so it could not be checked for updates. "
                "Once it does, run: manage.py migrate"
            )
            return state.last_known()
        return is_installed

    def _has_pending_migrations(self) -> bool:
        executor = MigrationExecutor(connection)
        return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))

    def _address(self, *, is_installed: bool) -> str:
        if is_installed:
            return f"{server.base_url()}/"
        return f"{server.base_url()}{reverse('installer:start')}?token={setup_token.ensure()}"

    def _greet(self, address: str, *, is_installed: bool) -> None:
        greeting = "The site is at" if is_installed else "Not installed yet. To install it, open"
        self.stdout.write(f"\n{greeting}\n\n    {address}\n\nCtrl-C stops it.\n")
