"""``manage.py cache clear``: empty the cache, or some of its groups."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from cacheadmin import clear
from cacheadmin.management.subcommands.base import MISUSE, Subcommand, no_group


class Clear(Subcommand):
    """Clear, and say what was spared."""

    name = "clear"
    help = "empty the cache, or some of its groups; sessions and rate limits stay"

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Declare the groups."""
        parser.add_argument(
            "--group", action="append", metavar="NAME", help="only this group; may be given several times"
        )

    def run(self, options: dict[str, Any]) -> None:
        """Clear the groups that are named, or all."""
        try:
            cleared = clear.clear(options["group"], alias=options["alias"], actor="manage.py")
        except KeyError as error:
            raise no_group(error.args[0]) from error
        except clear.ProtectedGroup as error:
            raise CommandError(
                _(
                    "The group “%(group)s” is protected in this cache, and nothing was cleared. "
                    "Where it has an alias of its own, name that too: --alias … --group %(group)s."
                )
                % {"group": error.args[0]},
                returncode=MISUSE,
            ) from error
        if options["json"]:
            ms = round(cleared.ms, 1)
            self.print_json({"ok": True, "cleared": cleared.groups, "spared": cleared.spared, "ms": ms})
            return
        names = {"groups": ", ".join(cleared.groups), "ms": cleared.ms}
        self.stdout.write(_("Cleared: %(groups)s (%(ms).1f ms).") % names)
        if cleared.spared:
            self.stdout.write(_("Spared: %(groups)s.") % {"groups": ", ".join(cleared.spared)})
