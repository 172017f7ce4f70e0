"""``manage.py cache ttl``: how long entries of each group live."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError
from django.utils.translation import gettext as _

from cacheadmin import state
from cacheadmin.management.subcommands.base import MISUSE, Subcommand, no_group, not_saved
from cacheadmin.report import GroupReport, group_reports


class Ttl(Subcommand):
    """Show the lifetimes, or save one."""

    name = "ttl"
    help = "show how long entries of each group live, or change it for one"

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Declare the group and its seconds."""
        parser.add_argument("group", nargs="?", metavar="GROUP", help="only this group")
        parser.add_argument(
            "seconds",
            nargs="?",
            type=int,
            metavar="SECONDS",
            help=f"save this lifetime, 1 to {state.LONGEST_LIFETIME}; what is stored keeps its own",
        )
        parser.add_argument("--reset", action="store_true", help="go back to the declared lifetime")

    def run(self, options: dict[str, Any]) -> None:
        """Save what is asked for, then show."""
        name, seconds, alias = options["group"], options["seconds"], options["alias"]
        found = {group.name: group for group in group_reports(alias)}
        if name is not None and name not in found:
            raise no_group(name)
        if options["reset"] and (name is None or seconds is not None):
            raise CommandError(_("Say --reset with one group and no seconds."), returncode=MISUSE)
        if options["reset"] or seconds is not None:
            _save_lifetime(name, seconds, alias)
            found = {group.name: group for group in group_reports(alias)}
        shown = [group for group in found.values() if name in (None, group.name)]
        if options["json"]:
            self.print_json({"alias": alias, "groups": {group.name: group.as_json() for group in shown}})
            return
        for group in shown:
            self.stdout.write(_("%(title)s:") % {"title": group.name} + f" {in_words(group)}")


def in_words(group: GroupReport) -> str:
    """Return the lifetime of *group* and where it comes from."""
    declared = _("as the alias says") if group.declared is None else f"{group.declared} s"
    if group.saved is None:
        return declared
    return _("%(saved)d s, saved (declared: %(declared)s)") % {"saved": group.saved, "declared": declared}


def _save_lifetime(name: str, seconds: int | None, alias: str) -> None:
    try:
        state.save_lifetime(name, seconds, alias=alias, actor="manage.py")
    except ValueError as error:
        raise CommandError(str(error), returncode=MISUSE) from error
    except (DatabaseError, ImproperlyConfigured) as error:
        instead = _("declare it in cache_groups.py")
        raise not_saved(_("The lifetime cannot be saved"), error, instead) from error
