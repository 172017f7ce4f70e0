"""``manage.py cache use``: choose the engine."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError
from django.utils.translation import gettext as _

from cacheadmin import history, state
from cacheadmin.events import COMMAND
from cacheadmin.management.subcommands.base import at_address, not_saved
from cacheadmin.management.subcommands.status import Status

_ENGINES = ("auto", "redis", "file", "memory", "off")


class Use(Status):
    """Save a choice, then show what came of it."""

    name = "use"
    help = "choose the engine"

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Declare the engine and its address."""
        parser.add_argument("engine", choices=_ENGINES)
        parser.add_argument("--redis-url", default="", help="the address of Redis; kept encrypted")
        parser.add_argument("--force", action="store_true", help="save an address that does not work")

    def run(self, options: dict[str, Any]) -> None:
        """Save the choice, unless its address is of no use."""
        engine, address = options["engine"], options["redis_url"]
        is_tested = engine == "redis" or (engine == "auto" and address)
        if is_tested and not options["force"]:
            _refuse_dead_address(options["alias"], address)
        try:
            state.save_choice(options["alias"], engine=engine, location=address, actor=COMMAND)
        except (DatabaseError, ImproperlyConfigured) as error:
            instead = _("set OPTIONS['ENGINE'] in CACHES")
            raise not_saved(_("The choice cannot be saved"), error, instead) from error
        super().run(options)


def _refuse_dead_address(alias: str, address: str) -> None:
    try:
        history.refuse_dead_address(alias, address, actor=COMMAND)
    except history.AddressRefused as error:
        raise CommandError(
            _(
                "%(redis)s cannot be used. %(message)s "
                "Nothing was changed. Mend the address, or say --force to save it all the same."
            )
            % {"redis": at_address(error.test.address), "message": error.test.message}
        ) from error
