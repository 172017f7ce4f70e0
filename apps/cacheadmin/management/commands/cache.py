"""``manage.py cache``: look at the cache, choose its engine and lifetimes, empty it."""

from __future__ import annotations

import contextlib
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from cacheadmin import events, space, upkeep
from cacheadmin.management.subcommands import ALL
from cacheadmin.management.subcommands.base import MISUSE


class Command(BaseCommand):
    """The actions of the cache page, for people and for scripts."""

    help = "Show the state of the cache, choose its engine and lifetimes, or clear it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the subcommands."""
        subcommands = parser.add_subparsers(dest="subcommand", required=True, metavar="SUBCOMMAND")
        for subcommand in ALL:
            text = subcommand.help
            sub = subcommands.add_parser(
                subcommand.name, help=text, description=f"{text[0].upper()}{text[1:]}."
            )
            usual = subcommand.usual_alias
            what = f"an alias of CACHES (default: {usual or 'all'})"
            sub.add_argument("--alias", default=usual, help=what)
            sub.add_argument("--json", action="store_true", help="print JSON for programs")
            subcommand.add_arguments(sub)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run one subcommand."""
        chosen = next(one for one in ALL if one.name == options["subcommand"])
        # What is for all aliases looks itself for those that it knows.
        if chosen.usual_alias is not None and options["alias"] not in space.aliases():
            raise CommandError(
                f"There is no adaptive cache {options['alias']!r} in CACHES (there are: "
                f"{', '.join(space.aliases()) or 'none'}).",
                returncode=MISUSE,
            )
        upkeep.tick()
        try:
            chosen(self).run(options)
        finally:
            # What was done within a transaction, or noticed on the way; there is no answer to wait for.
            with contextlib.suppress(Error):
                events.keep_house()
