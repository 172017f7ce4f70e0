"""``manage.py cache purge``: remove every trace of the app."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from cacheadmin import purging, space
from cacheadmin.management.subcommands.base import MISUSE, Subcommand
from cacheadmin.purging import Purged

AFTERWARDS = (
    "What is left to do: give CACHES other backends, run `manage.py migrate cacheadmin zero`, take "
    "cacheadmin out of INSTALLED_APPS, and run `manage.py remove_stale_contenttypes`."
)


class Purge(Subcommand):
    """Ask, remove, and say what was removed."""

    name = "purge"
    help = "remove every trace of the app from Redis, disk and database"
    usual_alias = None

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Declare the consent."""
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def run(self, options: dict[str, Any]) -> None:
        """Remove everything; with ``--alias`` what one cache has left in Redis and on the disk."""
        known, alias = space.aliases(), options["alias"]
        if alias is not None and alias not in known:
            raise CommandError(f"There is no adaptive cache {alias!r} in CACHES.", returncode=MISUSE)
        chosen = known if alias is None else [alias]
        if not options["yes"]:
            self._ask(chosen)
        done = purging.purge(chosen, tables=alias is None)
        if options["json"]:
            self.print_json(_as_json(done))
        else:
            self._print(done, is_all=alias is None)
        if not done.is_complete:
            raise CommandError("Not everything could be removed; see above.")

    def _ask(self, chosen: list[str]) -> None:
        if not sys.stdin.isatty():
            raise CommandError("This removes everything. Say --yes if that is meant.", returncode=MISUSE)
        self.stdout.write(
            f"This removes the cache ({', '.join(chosen) or 'none'}) from Redis, disk and database, with all "
            "settings, statistics and history. Stop the site first: running workers would begin anew."
        )
        if input("Type 'yes' to go on: ").strip() != "yes":
            raise CommandError("Nothing was removed.")

    def _print(self, done: Purged, *, is_all: bool) -> None:
        for one in done.redis:
            problem = f" {one.problem}" if one.problem else ""
            self.stdout.write(f"Redis {one.address}: {one.removed} keys under {one.namespace}:*.{problem}")
        for path in done.paths:
            self.stdout.write(f"Disk: {path}")
        for table, number in done.rows.items():
            self.stdout.write(f"Database: {number} rows of {table}")
        for problem in done.problems:
            self.stdout.write(self.style.WARNING(problem))
        if is_all:
            self.stdout.write(AFTERWARDS)


def _as_json(done: Purged) -> dict[str, Any]:
    return {
        "ok": done.is_complete,
        "redis": [
            {
                "address": one.address,
                "namespace": one.namespace,
                "removed": one.removed,
                "problem": one.problem,
            }
            for one in done.redis
        ],
        "disk": done.paths,
        "database": done.rows,
        "problems": done.problems,
    }
