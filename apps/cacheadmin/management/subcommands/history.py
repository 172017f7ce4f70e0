"""``manage.py cache history`` and ``rollback``: what happened, and back to what was saved before it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone
from django.utils.translation import gettext as _

from cacheadmin import history
from cacheadmin.events import COMMAND
from cacheadmin.management.subcommands.base import MISUSE, Subcommand, at_address, not_saved
from cacheadmin.management.subcommands.status import Status
from cacheadmin.models import CacheEvent


class History(Subcommand):
    """Show the events of one cache, newest first."""

    name = "history"
    help = "what happened to the cache: who did what, when, from where"

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Declare how many."""
        parser.add_argument(
            "-n", type=int, default=20, metavar="N", help="so many events (default: %(default)s)"
        )

    def run(self, options: dict[str, Any]) -> None:
        """Read them, and print."""
        if options["n"] < 1:
            raise CommandError(_("Say -n with a number of 1 or more."), returncode=MISUSE)
        try:
            found = history.events(options["alias"], options["n"])
        except (DatabaseError, ImproperlyConfigured) as error:
            raise not_saved(_("The history cannot be read"), error, _("read the log")) from error
        if options["json"]:
            self.print_json({"alias": options["alias"], "events": [event.as_json() for event in found]})
            return
        if not found:
            self.stdout.write(_("Nothing has happened yet. Changes, clears and outages will stand here."))
        for event in found:
            self.stdout.write(_line(event))


def _line(event: CacheEvent) -> str:
    when = timezone.localtime(event.at).strftime("%Y-%m-%d %H:%M:%S %Z")
    took = "" if event.ms is None else f" ({_duration(event.ms)})"
    origin = ", ".join(filter(None, [event.who, event.address, event.machine]))
    label = _("%(title)s:") % {"title": event.label} if event.sentence else str(event.label)
    words = f"{label} {event.sentence}".rstrip()
    return f"{event.pk:>5}  {when}  {words}{took}  [{origin}]"


def _duration(ms: float) -> str:
    return f"{ms:.1f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


class Rollback(Status):
    """Restore what was saved, then show what came of it."""

    name = "rollback"
    help = "restore choice, address and lifetimes as they were before an event of the history"

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Declare the event."""
        parser.add_argument("event", type=int, metavar="EVENT_ID", help="its number in `cache history`")
        parser.add_argument("--force", action="store_true", help="restore an address that does not work too")

    def run(self, options: dict[str, Any]) -> None:
        """Go back, unless the address from then is of no use."""
        try:
            history.roll_back(options["event"], alias=options["alias"], force=options["force"], actor=COMMAND)
        except CacheEvent.DoesNotExist as error:
            raise CommandError(
                _("There is no event %(event)d of this cache. `manage.py cache history` lists them.")
                % {"event": options["event"]},
                returncode=MISUSE,
            ) from error
        except history.NothingToRestore as error:
            raise CommandError(_("There is nothing to restore: %(why)s") % {"why": error}) from error
        except history.AddressRefused as error:
            raise CommandError(
                _(
                    "%(redis)s, which was used then, cannot be used: %(why)s. "
                    "Nothing was changed. Say --force to do it all the same."
                )
                % {"redis": at_address(error.test.address), "why": error.test.verdict.label}
            ) from error
        except (DatabaseError, ImproperlyConfigured) as error:
            instead = _("set OPTIONS['ENGINE'] in CACHES")
            raise not_saved(_("The settings cannot be saved"), error, instead) from error
        if not options["json"]:
            self.stdout.write(_("Restored as it was before event %(event)d.") % {"event": options["event"]})
        super().run(options)
