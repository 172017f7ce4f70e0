"""``manage.py cache claim``: the answer to "moved or copied?"."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError
from django.utils.translation import gettext as _

from cacheadmin import moving
from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.management.subcommands.base import not_saved
from cacheadmin.management.subcommands.status import Status


class Claim(Status):
    """Say whose keys these are, then show what came of it."""

    name = "claim"
    help = "say whether an installation whose keys in Redis are taken was moved or copied"

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Declare the answer."""
        parser.add_argument(
            "answer",
            choices=("moved", "copied"),
            help="moved: take the keys over, the other installation is no more; "
            "copied: get keys of its own, the other one goes on",
        )

    def run(self, options: dict[str, Any]) -> None:
        """Do what the answer asks for."""
        try:
            (moving.moved if options["answer"] == "moved" else moving.copied)(actor="manage.py")
        except EngineUnavailable as error:
            raise CommandError(
                _("Redis cannot be reached: %(why)s. Nothing was changed.") % {"why": error.verdict.label}
            ) from error
        except (DatabaseError, ImproperlyConfigured, RuntimeError) as error:
            instead = _("give this installation a KEY_PREFIX of its own")
            raise not_saved(_("The answer cannot be saved"), error, instead) from error
        super().run(options)
