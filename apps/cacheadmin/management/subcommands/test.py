"""``manage.py cache test``: test the connection to a Redis, step by step."""

from __future__ import annotations

from typing import Any, cast

from django.core.cache import caches
from django.core.management.base import CommandError, CommandParser

from cacheadmin.backend import AdaptiveCache
from cacheadmin.connection import ConnectionTest, deep_test, simple_test
from cacheadmin.management.subcommands.base import Subcommand


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
            raise CommandError(f"Redis at {result.address} cannot be used: {result.verdict.label}.")

    def _print(self, result: ConnectionTest) -> None:
        self.stdout.write(result.address)
        for step in result.steps:
            mark = self.style.SUCCESS("ok    ") if step.ok else self.style.ERROR("failed")
            self.stdout.write(f"{mark} {step.ms:7.2f} ms  {step.label}: {step.message}")
