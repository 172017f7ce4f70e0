"""``manage.py cache detect``: where a Redis is, and what it says."""

from __future__ import annotations

from typing import Any, cast

from django.core.cache import caches
from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from cacheadmin import detect
from cacheadmin.backend import AdaptiveCache
from cacheadmin.detect import Candidate
from cacheadmin.management.subcommands.base import MISUSE, Subcommand


class Detect(Subcommand):
    """Look at all places where a Redis may be."""

    name = "detect"
    help = "look for a Redis at the usual addresses, ports and sockets; nothing is changed"

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Declare further ports."""
        parser.add_argument(
            "--port",
            action="append",
            type=int,
            default=[],
            metavar="N",
            help="look at this port of this machine too; may be given several times",
        )

    def run(self, options: dict[str, Any]) -> None:
        """Look, and print."""
        if not all(0 < port < 65536 for port in options["port"]):
            raise CommandError(_("A port is a number from 1 to 65535."), returncode=MISUSE)
        cache = cast(AdaptiveCache, caches[options["alias"]])
        selector, namespace = cache.space.selector, cache.space.namespace
        found = detect.everywhere(selector.plan.location, namespace, selector.namespaces(), options["port"])
        if options["json"]:
            self.print_json({"candidates": [candidate.as_json() for candidate in found]})
            return
        for candidate in found:
            self._print(candidate)
        if not any(candidate.is_detected for candidate in found):
            self.stdout.write(
                _("No Redis was found. The cache works on files; --port N looks elsewhere too.")
            )

    def _print(self, candidate: Candidate) -> None:
        paint = self.style.WARNING if candidate.is_detected else str
        if candidate.is_usable:
            paint = self.style.SUCCESS
        label = str(candidate.verdict.label)
        self.stdout.write(f"{candidate.address}  {paint(label)} ({candidate.ms:.0f} ms)")
        if candidate.is_detected and candidate.is_offered:
            command = f"manage.py cache use redis --redis-url '{candidate.address}'"
            self.stdout.write("    " + _("Yours? %(command)s") % {"command": command})
        elif candidate.is_detected and not candidate.is_usable:
            self.stdout.write(f"    {candidate.message}")
