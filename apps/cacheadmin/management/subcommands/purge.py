"""``manage.py cache purge``: remove every trace of the app."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from cacheadmin import purging, space
from cacheadmin.management.subcommands.base import MISUSE, Subcommand, no_cache
from cacheadmin.purging import Purged

AFTERWARDS = gettext_lazy(
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
            raise no_cache(alias)
        chosen = known if alias is None else [alias]
        if not options["yes"]:
            self._ask(chosen)
        done = purging.purge(chosen, tables=alias is None)
        if options["json"]:
            self.print_json(_as_json(done))
        else:
            self._print(done, is_all=alias is None)
        if not done.is_complete:
            raise CommandError(_("Not everything could be removed; see above."))

    def _ask(self, chosen: list[str]) -> None:
        if not sys.stdin.isatty():
            raise CommandError(_("This removes everything. Say --yes if that is meant."), returncode=MISUSE)
        self.stdout.write(
            _(
                "This removes the cache (%(aliases)s) from Redis, disk and database, with all settings, "
                "statistics and history. Stop the site first: running workers would begin anew."
            )
            % {"aliases": ", ".join(chosen) or _("none")}
        )
        if not self._has_agreed():
            raise CommandError(_("Nothing was removed."))

    def _has_agreed(self) -> bool:
        try:
            return input(_("Type “yes” to go on:") + " ").strip() == "yes"
        except EOFError:
            # Ctrl-D is a no.
            return False

    def _print(self, done: Purged, *, is_all: bool) -> None:
        for one in done.redis:
            keys = ngettext("%(count)d key", "%(count)d keys", one.removed) % {"count": one.removed}
            where = {"address": one.address, "keys": keys, "names": f"{one.namespace}:*"}
            problem = f" {one.problem}" if one.problem else ""
            self.stdout.write(_("Redis %(address)s: %(keys)s under %(names)s.") % where + problem)
        for path in done.paths:
            self.stdout.write(_("Disk: %(path)s") % {"path": path})
        for table, number in done.rows.items():
            rows = ngettext("%(count)d row", "%(count)d rows", number) % {"count": number}
            self.stdout.write(_("Database: %(rows)s of %(table)s") % {"rows": rows, "table": table})
        for problem in done.problems:
            self.stdout.write(self.style.WARNING(problem))
        if is_all:
            self.stdout.write(str(AFTERWARDS))


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
