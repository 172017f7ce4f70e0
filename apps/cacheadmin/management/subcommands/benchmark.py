"""``manage.py cache benchmark``: how fast each engine is on this host."""

from __future__ import annotations

import contextlib
import math
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any, cast

from django.core.cache import caches
from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _
from tqdm import tqdm

from cacheadmin import benchmark
from cacheadmin.backend import AdaptiveCache
from cacheadmin.benchmark import LONGEST, MIX, SHARED, Measurement, Progress, Result
from cacheadmin.management.subcommands.base import INTERRUPTED, MISUSE, Subcommand


class Benchmark(Subcommand):
    """Measure, and say who is faster, if anybody is."""

    name = "benchmark"
    help = "measure the engines of this host beside the live cache, which is not touched"

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Declare the time."""
        parser.add_argument(
            "--seconds", type=float, default=5.0, metavar="N", help="to measure (default: %(default)s)"
        )

    def run(self, options: dict[str, Any]) -> None:
        """Measure, and print.

        Raises:
            CommandError: it was interrupted, or there are no such seconds.
        """
        if not 0 < options["seconds"] <= LONGEST:
            raise CommandError(
                _("Say --seconds with a number above 0 and up to %(most)d.") % {"most": LONGEST},
                returncode=MISUSE,
            )
        try:
            with _ended_by_signals():
                result = self._measure(options)
        except KeyboardInterrupt as interrupt:
            left = _("Interrupted; nothing of it is left behind.")
            raise CommandError(left, returncode=INTERRUPTED) from interrupt
        if options["json"]:
            self.print_json(result.as_json())
        else:
            self._print(result)

    def _measure(self, options: dict[str, Any]) -> Result:
        space = cast(AdaptiveCache, caches[options["alias"]]).space
        # On a terminal alone: a script reads what comes at the end.
        is_quiet = options["json"] or not sys.stderr.isatty()
        shape = "{l_bar}{bar}| {n:.1f}/{total:.1f} s"
        with tqdm(total=options["seconds"], disable=is_quiet, leave=False, bar_format=shape) as bar:

            def show(now: Progress) -> None:
                bar.update(now.passed - bar.n)

            return benchmark.run(space, options["seconds"], show)

    def _print(self, result: Result) -> None:
        payload = result.payloads.as_json()
        said = (
            _(
                "%(rounds)d rounds in %(seconds).1f s; values as large as the site’s own: "
                "%(smallest)d to %(largest)d bytes, median %(median)d."
            )
            if payload["source"] == "live"
            else _(
                "%(rounds)d rounds in %(seconds).1f s; values of usual sizes: "
                "%(smallest)d to %(largest)d bytes, median %(median)d."
            )
        )
        self.stdout.write(said % {"rounds": result.rounds, "seconds": result.seconds, **payload})
        for one in result.reached:
            if one.failure is not None:
                about = {"engine": one.engine, "why": one.failure.label}
                self.stdout.write(self.style.WARNING(_("Not measured: %(engine)s, %(why)s.") % about))
        median, interval = _("median"), _("interval of the median (95 times in 100), in µs")
        self.stdout.write(f"{'':18}{median:>10}{'p95':>10}   {interval}")
        for operation in benchmark.OPERATIONS:
            for measurement in result.measurements:
                if measurement.operation == operation:
                    self.stdout.write(_line(measurement))
            self.stdout.write(f"{'':10}{result.rulings[operation].sentence}")
        self.stdout.write(
            self.style.SUCCESS(_("A usual mix: %(ruling)s") % {"ruling": result.rulings[MIX].sentence})
        )
        shared = {"ruling": result.rulings[SHARED].sentence}
        self.stdout.write(_("Of the engines that workers share: %(ruling)s") % shared)
        for sentence in result.advice:
            self.stdout.write(f"- {sentence}")


def _line(one: Measurement) -> str:
    is_known = math.isfinite(one.high)
    between = f"{one.low:.1f} – {one.high:.1f}" if is_known else _("too few rounds to tell")
    return f"{one.operation:10}{one.engine:8}{one.median:10.1f}{one.p95:10.1f}   {between}"


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM end it as Ctrl-C does, so that it can clean up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
