"""``manage.py cache test``: test the connection to a Redis, step by step."""

from __future__ import annotations

from typing import Any, cast

from django.core.cache import caches
from django.core.management.base import CommandError, CommandParser
from django.utils.translation import gettext as _

from cacheadmin.backend import AdaptiveCache
from cacheadmin.connection import ConnectionTest, deep_test, simple_test
from cacheadmin.management.subcommands.base import Subcommand, at_address


class Test(Subcommand):
    """Test, and print each step."""

    name = "test"
    help = "test the connection to Redis, step by step; nothing is changed"

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Declare the address and the depth."""
        parser.add_argument("--url", default="", help="an address of Redis (default: the one in use)")
        parser.add_argument(
            "--deep", action="store_true", help="also write, read, count up and delete an entry"
        )

    def run(self, options: dict[str, Any]) -> None:
        """Test, and print.

        Raises:
            CommandError: the test failed.
        """
        space = cast(AdaptiveCache, caches[options["alias"]]).space
        address = options["url"] or space.selector.address()
        if options["deep"]:
            result = deep_test(address, space.namespace, space.selector.namespaces())
        else:
            result = simple_test(address)
        if options["json"]:
            self.print_json(result.as_json())
        else:
            self._print(result)
        if not result.ok:
            raise CommandError(
                _("%(redis)s cannot be used: %(why)s.")
                % {"redis": at_address(result.address), "why": result.verdict.label}
            )

    def _print(self, result: ConnectionTest) -> None:
        good, bad = _("ok"), _("failed")
        width = max(len(good), len(bad))
        self.stdout.write(at_address(result.address))
        for step in result.steps:
            paint = self.style.SUCCESS if step.ok else self.style.ERROR
            mark = paint((good if step.ok else bad).ljust(width))
            said = _("%(step)s: %(message)s") % {"step": step.label, "message": step.message}
            self.stdout.write(f"{mark} {step.ms:7.2f} ms  {said}")
