"""``manage.py cache stats``: what the cache was used for, how well it served, and what it holds."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cacheadmin import conf
from cacheadmin.holdings import Holdings, holdings
from cacheadmin.management import held
from cacheadmin.management.subcommands.base import MISUSE, Subcommand
from cacheadmin.statistics import Counts, Latency, Statistics, statistics

_COLUMNS = (
    gettext_lazy("Hits"),
    gettext_lazy("Misses"),
    gettext_lazy("Writes"),
    gettext_lazy("Deletes"),
    gettext_lazy("Errors"),
    gettext_lazy("Fallbacks"),
    gettext_lazy("Hit rate"),
    gettext_lazy("Entries"),
    gettext_lazy("Size"),
)


class Stats(Subcommand):
    """Show the sums over all workers and machines, and what is held."""

    name = "stats"
    help = "hits, misses, writes and errors of all workers by group, and the entries that are held"

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Declare how far to look back."""
        parser.add_argument("--days", type=int, default=1, help="days to look back (default: %(default)s)")

    def run(self, options: dict[str, Any]) -> None:
        """Sum up, and print."""
        counted = statistics(options["alias"], hours=24 * days_in(options))
        found = holdings(options["alias"])
        if options["json"]:
            self.print_json({**counted.as_json(), "holdings": found.as_json()})
        else:
            self._print(counted, found)

    def _print(self, counted: Statistics, found: Holdings) -> None:
        if not counted.is_on:
            self.stdout.write(
                self.style.WARNING(_("Statistics are switched off: CACHEADMIN['STATISTICS'] is False."))
            )
        if counted.problem:
            self.stdout.write(self.style.WARNING(_problem(counted.problem)))
        if counted.since is not None:
            since = f"{timezone.localtime(counted.since):%Y-%m-%d %H:%M %Z}"
            self.stdout.write(_("Counted since %(since)s") % {"since": since})
            self.stdout.write(
                _("Hit rate: %(rate)s (sessions and rate limits are no part of it)")
                % {"rate": _rate(counted.total)}
            )
            self.stdout.write(_("Reads took: %(times)s") % {"times": _in_words(counted.latency)})
        elif counted.is_on:
            self.stdout.write(
                _("Nothing was counted yet. Figures appear some seconds after the first visit.")
            )
        for line in held.lines(found):
            self.stdout.write(line)
        for line in _table(counted, found):
            self.stdout.write(line)


def _problem(name: str) -> str:
    return _(
        "The saved statistics cannot be read (%(error)s): run `manage.py migrate`, or see whether the "
        "database answers. What follows is of this process alone."
    ) % {"error": name}


def _table(counted: Statistics, found: Holdings) -> list[str]:
    """Return a line for each group that was used or holds anything, under its headings."""
    names = sorted({*counted.groups, *(found.groups or ())})
    rows = [["", *map(str, _COLUMNS)]]
    rows += [[name, *_cells(counted.groups.get(name, Counts()), found, name)] for name in names]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows if names
    ]


def _cells(counts: Counts, found: Holdings, group: str) -> list[str]:
    one = (found.groups or {}).get(group)
    numbers = [str(number) for number in counts.as_json().values()]
    rate = "-" if counts.hit_rate is None else f"{counts.hit_rate:.1%}"
    if one is None:
        # Where a group has nothing, that is known; where nobody can look, it is not.
        entries = "-" if found.groups is None else "0"
        return [*numbers, rate, entries, held.size(None if found.groups is None else 0)]
    return [*numbers, rate, str(one.entries), held.size(one.size)]


def _rate(counts: Counts) -> str:
    return _("no reads yet") if counts.hit_rate is None else f"{counts.hit_rate:.1%}"


def _in_words(latency: Latency) -> str:
    if latency.p50 is None:
        return _("nothing was timed yet")
    return ", ".join(f"{name} {ms:g} ms" for name, ms in latency.as_json().items())


def days_in(options: dict[str, Any]) -> int:
    """Return the days to look back.

    Raises:
        CommandError: nothing is kept for so long.
    """
    most, days = conf.get("STATISTICS_DAYS"), int(options["days"])
    if not 1 <= days <= most:
        raise CommandError(
            _("Say 1 to %(most)d days: that is how long statistics are kept (STATISTICS_DAYS).")
            % {"most": most},
            returncode=MISUSE,
        )
    return days
