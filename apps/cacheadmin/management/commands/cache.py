"""``manage.py cache``: look at the cache, choose its engine and lifetimes, empty it."""

from __future__ import annotations

import contextlib
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error
from django.utils.translation import gettext as _

from cacheadmin import events, space, upkeep
from cacheadmin.management import language
from cacheadmin.management.subcommands import ALL
from cacheadmin.management.subcommands.base import INTERRUPTED, no_cache


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
        """Run one subcommand, in the language of the terminal."""
        with language.spoken():
            self._run(options)

    def _run(self, options: dict[str, Any]) -> None:
        chosen = next(one for one in ALL if one.name == options["subcommand"])
        # What is for all aliases looks itself for those that it knows.
        if chosen.usual_alias is not None and options["alias"] not in space.aliases():
            raise no_cache(options["alias"])
        upkeep.tick()
        try:
            chosen(self).run(options)
        except KeyboardInterrupt as interrupt:
            raise CommandError(_("Interrupted."), returncode=INTERRUPTED) from interrupt
        finally:
            # What was done within a transaction, or noticed on the way; there is no answer to wait for.
            with contextlib.suppress(Error):
                events.keep_house()
