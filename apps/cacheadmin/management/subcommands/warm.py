"""``manage.py cache warm``: fill the cache before anybody asks."""

from __future__ import annotations

import sys
from typing import Any, cast

from django.core.cache import caches
from django.core.management.base import CommandError, CommandParser
from tqdm import tqdm

from cacheadmin import warmup
from cacheadmin.backend import AdaptiveCache
from cacheadmin.events import COMMAND
from cacheadmin.management.subcommands.base import MISUSE, Subcommand, no_group
from cacheadmin.warm_progress import GroupResult, Progress


class Warm(Subcommand):
    """Warm up, and say what was done."""

    name = "warm"
    help = "fill the cache before anybody asks"

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Declare the groups and the budget."""
        parser.add_argument(
            "--group", action="append", metavar="NAME", help="only this group; may be given several times"
        )
        parser.add_argument(
            "--budget", type=float, metavar="SECONDS", help="begin nothing new after so many seconds"
        )

    def run(self, options: dict[str, Any]) -> None:
        """Warm the groups that are named, or all that have warmers."""
        if options["budget"] is not None and not options["budget"] > 0:
            raise CommandError("Say --budget with a number of seconds above 0.", returncode=MISUSE)
        engine = cast(AdaptiveCache, caches[options["alias"]]).space.selector.status().engine
        done = self._warm(options)
        if options["json"]:
            self.print_json(
                {"ok": not done.errors, "alias": options["alias"], "engine": engine, **done.as_json()}
            )
        else:
            self._print(done, engine)
        if done.errors:
            raise CommandError(f"{done.errors} entries could not be made; the log says more.")

    def _warm(self, options: dict[str, Any]) -> Progress:
        # On a terminal alone: a script reads what comes at the end.
        is_quiet = options["json"] or not sys.stderr.isatty()
        try:
            with tqdm(disable=is_quiet, unit=" entries", leave=False) as bar:

                def show(now: Progress) -> None:
                    bar.total, bar.n = now.count, now.done
                    bar.set_description(now.group)

                return warmup.warm(
                    options["group"],
                    alias=options["alias"],
                    budget=options["budget"],
                    tell=show,
                    actor=COMMAND,
                )
        except KeyError as error:
            raise no_group(error.args[0]) from error
        except warmup.NothingToWarm as error:
            raise CommandError(f"{error} Nothing was done.", returncode=MISUSE) from error
        except warmup.AlreadyRunning as error:
            now = error.progress
            of_all = "" if now.count is None else f" of {now.count}"
            raise CommandError(
                f"A warm-up of this cache is running already ({now.done}{of_all} entries done). "
                "Wait for its end, or for a minute if it was killed."
            ) from error

    def _print(self, done: Progress, engine: str) -> None:
        for name, result in done.groups.items():
            self.stdout.write(f"{name}: {_in_words(result)}")
        if not done.is_complete:
            self.stdout.write(self.style.WARNING("Not everything was done: run it again for the rest."))
        if engine == "memory":
            self.stdout.write(
                self.style.WARNING(
                    "The memory engine is each process's own: this has warmed nothing for the site's workers."
                )
            )


def _in_words(result: GroupResult) -> str:
    of_all = "" if result.count is None else f" of {result.count}"
    failed = "".join(f", {number} failed ({kind})" for kind, number in result.errors.items())
    return f"{result.done}{of_all} entries in {result.seconds:.1f} s{failed}"
