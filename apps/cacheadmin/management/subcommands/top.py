"""``manage.py cache top``: the keys that are read most."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from cacheadmin.management.subcommands.base import MISUSE, Subcommand
from cacheadmin.management.subcommands.stats import days_in
from cacheadmin.statistics import top_keys


class Top(Subcommand):
    """Show the keys read most, of groups that hold data."""

    name = "top"
    help = "the keys that are read most, from samples; never those of sessions and rate limits"

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Declare how many, and how far to look back."""
        parser.add_argument("-n", type=int, default=10, dest="number", help="how many (default: %(default)s)")
        parser.add_argument("--days", type=int, default=1, help="days to look back (default: %(default)s)")

    def run(self, options: dict[str, Any]) -> None:
        """Sum up, and print."""
        number, days = options["number"], days_in(options)
        if number < 1:
            raise CommandError(_("Say -n with a number of 1 or more."), returncode=MISUSE)
        found = top_keys(options["alias"], number=number, days=days)
        if options["json"]:
            keys = [{"key": one.key, "group": one.group, "reads": one.reads} for one in found]
            self.print_json({"alias": options["alias"], "days": days, "keys": keys})
            return
        for one in found:
            self.stdout.write(f"{one.reads:>10}  {one.group}  {one.key}")
        if not found:
            self.stdout.write(_("No key was read yet. They appear some seconds after the first visit."))
