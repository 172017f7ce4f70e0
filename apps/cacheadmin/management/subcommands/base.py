"""What every subcommand of ``manage.py cache`` has in common."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from cacheadmin import space

MISUSE, INTERRUPTED = 2, 130


class Subcommand(ABC):
    """One word after ``manage.py cache``.

    Args:
        command: what it writes through, in its colours.
    """

    name: ClassVar[str]
    # Its line in the help, in lower case and without a full stop.
    help: ClassVar[str]
    # What --alias is unless it is given; None means all.
    usual_alias: ClassVar[str | None] = "default"

    def __init__(self, command: BaseCommand) -> None:
        self.stdout, self.stderr, self.style = command.stdout, command.stderr, command.style

    @classmethod  # noqa: B027 (many take nothing more)
    def add_arguments(cls, parser: CommandParser) -> None:
        """Declare what it takes beside ``--alias`` and ``--json``."""

    @abstractmethod
    def run(self, options: dict[str, Any]) -> None:
        """Do it.

        Raises:
            CommandError: it failed (exit code 1), or was misused (2).
        """

    def print_json(self, data: dict[str, Any]) -> None:
        """Print *data* for programs."""
        self.stdout.write(json.dumps(data, indent=2))


def no_group(name: str) -> CommandError:
    """Return what is said of a group that nobody declared."""
    return CommandError(
        _("There is no group “%(group)s”. `manage.py cache status` lists the groups.") % {"group": name},
        returncode=MISUSE,
    )


def no_cache(alias: str) -> CommandError:
    """Return what is said of an alias that is no adaptive cache."""
    known = ", ".join(space.aliases()) or _("none")
    return CommandError(
        _("There is no adaptive cache “%(alias)s” in CACHES (there are: %(known)s).")
        % {"alias": alias, "known": known},
        returncode=MISUSE,
    )


def at_address(address: str) -> str:
    """Return how a Redis is named that is told of: by its address, unless nobody can read that."""
    return _("Redis at this address") if address == "?" else _("Redis at %(address)s") % {"address": address}


def not_saved(what: str, error: Exception, instead: str) -> CommandError:
    """Return what is said where *what* happened, for want of a table, and what can be done *instead*."""
    return CommandError(
        _(
            "%(what)s (%(error)s): the database is out of reach, or has no table for it yet. "
            "Run `manage.py migrate`, or %(instead)s."
        )
        % {"what": what, "error": type(error).__name__, "instead": instead}
    )
