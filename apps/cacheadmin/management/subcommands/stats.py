"""``manage.py cache stats``: what the cache was used for, and how well it served."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from cacheadmin import conf
from cacheadmin.management.subcommands.base import MISUSE, Subcommand
from cacheadmin.statistics import Counts, Latency, Statistics, statistics

_COLUMNS = ("hits", "misses", "writes", "deletes", "errors", "fallbacks")


class Stats(Subcommand):
    """Show the sums over all workers and machines."""

    name = "stats"
    help = "hits, misses, writes and errors of all workers, by group and hour"

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Declare how far to look back."""
        parser.add_argument("--days", type=int, default=1, help="days to look back (default: %(default)s)")

    def run(self, options: dict[str, Any]) -> None:
        """Sum up, and print."""
        found = statistics(options["alias"], hours=24 * days_in(options))
        if options["json"]:
            self.print_json(found.as_json())
        else:
            self._print(found)

    def _print(self, found: Statistics) -> None:
        if not found.is_on:
            self.stdout.write(self.style.WARNING("Statistics are switched off: CACHEADMIN['STATISTICS']."))
        if found.problem:
            self.stdout.write(
                self.style.WARNING(
                    f"The saved statistics cannot be read ({found.problem}): run `manage.py migrate`, or see "
                    "whether the database answers. What follows is of this process alone."
                )
            )
        if found.since is None:
            self.stdout.write("Nothing was counted yet. Figures appear some seconds after the first visit.")
            return
        self.stdout.write(f"Counted since {timezone.localtime(found.since):%Y-%m-%d %H:%M %Z}")
        rate = "no reads yet" if found.total.hit_rate is None else f"{found.total.hit_rate:.1%}"
        self.stdout.write(f"Hit rate: {rate} (sessions and rate limits are not part of it)")
        self.stdout.write(f"Reads took: {_in_words(found.latency)}")
        width = max((len(name) for name in found.groups), default=0)
        self.stdout.write(" ".join([" " * width, *(f"{name:>10}" for name in _COLUMNS), f"{'rate':>7}"]))
        for name, counts in found.groups.items():
            self.stdout.write(f"{name:<{width}} {_row(counts)}")


def _row(counts: Counts) -> str:
    rate = "-" if counts.hit_rate is None else f"{counts.hit_rate:.1%}"
    return " ".join([*(f"{getattr(counts, name):>10}" for name in _COLUMNS), f"{rate:>7}"])


def _in_words(latency: Latency) -> str:
    if latency.p50 is None:
        return "nothing was timed yet"
    return ", ".join(f"{name} {ms:g} ms" for name, ms in latency.as_json().items())


def days_in(options: dict[str, Any]) -> int:
    """Return the days to look back.

    Raises:
        CommandError: nothing is kept for so long.
    """
    most, days = conf.get("STATISTICS_DAYS"), int(options["days"])
    if not 1 <= days <= most:
        raise CommandError(
            f"Say 1 to {most} days: that is how long statistics are kept (STATISTICS_DAYS).",
            returncode=MISUSE,
        )
    return days
