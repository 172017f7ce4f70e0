"""``manage.py cache warm``: fill the cache before anybody asks."""

from __future__ import annotations

import sys
from typing import Any, cast

from django.core.cache import caches
from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
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
            raise CommandError(_("Say --budget with a number of seconds above 0."), returncode=MISUSE)
        engine = cast(AdaptiveCache, caches[options["alias"]]).space.selector.status().engine
        done = self._warm(options)
        if options["json"]:
            self.print_json(
                {"ok": not done.errors, "alias": options["alias"], "engine": engine, **done.as_json()}
            )
        else:
            self._print(done, engine)
        if done.errors:
            failed = ngettext(
                "%(count)d entry could not be made; the log says more.",
                "%(count)d entries could not be made; the log says more.",
                done.errors,
            )
            raise CommandError(failed % {"count": done.errors})

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
            nothing = _("%(why)s Nothing was done.") % {"why": error}
            raise CommandError(nothing, returncode=MISUSE) from error
        except warmup.AlreadyRunning as error:
            done = _done(error.progress.done, error.progress.count)
            raise CommandError(
                _(
                    "A warm-up of this cache is running already (done: %(done)s). "
                    "Wait for its end, or for a minute if it was killed."
                )
                % {"done": done}
            ) from error

    def _print(self, done: Progress, engine: str) -> None:
        for name, result in done.groups.items():
            self.stdout.write(_("%(title)s:") % {"title": name} + f" {_in_words(result)}")
        if not done.is_complete:
            self.stdout.write(self.style.WARNING(_("Not everything was done: run it again for the rest.")))
        if engine == "memory":
            self.stdout.write(
                self.style.WARNING(
                    _(
                        "The memory engine is each process’s own: "
                        "this has warmed nothing for the site’s workers."
                    )
                )
            )


def _in_words(result: GroupResult) -> str:
    took = {"done": _done(result.done, result.count), "seconds": result.seconds}
    failed = "".join(
        _(", %(count)d failed (%(kind)s)") % {"count": number, "kind": kind}
        for kind, number in result.errors.items()
    )
    return _("%(done)s in %(seconds).1f s") % took + failed


def _done(done: int, count: int | None) -> str:
    if count is None:
        return ngettext("%(count)d entry", "%(count)d entries", done) % {"count": done}
    words = ngettext("%(done)d of %(count)d entry", "%(done)d of %(count)d entries", count)
    return words % {"done": done, "count": count}
