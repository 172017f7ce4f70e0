"""A command that runs for as long as nobody ends it."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from tests.cacheadmin.long_processes import truth


class Command(BaseCommand):
    help = "Says what it sees, once for each line that it reads."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whether everything happens in one transaction."""
        parser.add_argument("--in-a-transaction", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Look, until there is nobody left to tell."""
        if options["in_a_transaction"]:
            with transaction.atomic():
                self._look()
        else:
            self._look()

    def _look(self) -> None:
        for _line in sys.stdin:
            self.stdout.write(json.dumps(truth.look()))
            self.stdout.flush()
