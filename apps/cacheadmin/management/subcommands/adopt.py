"""``manage.py cache adopt``: what to change in CACHES; changes nothing itself."""

from __future__ import annotations

import pprint
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from cacheadmin.management.adoption import Adoption, adopt
from cacheadmin.management.subcommands.base import MISUSE, Subcommand


class Adopt(Subcommand):
    """Say for each alias what to write, what stays, what is ignored and what empties."""

    name = "adopt"
    help = "what to change in CACHES to use this cache; changes nothing"
    usual_alias = None

    def run(self, options: dict[str, Any]) -> None:
        """Look at CACHES, and print."""
        alias = options["alias"]
        if alias is not None and alias not in settings.CACHES:
            raise CommandError(f"There is no cache {alias!r} in CACHES.", returncode=MISUSE)
        found = [one for one in adopt(settings.CACHES, settings) if alias in (None, one.alias)]
        if options["json"]:
            self.print_json({"aliases": {one.alias: one.as_json() for one in found}})
            return
        for one in found:
            self._print(one)
        if any(one.entry for one in found):
            self.stdout.write(
                "Then run `manage.py migrate` and `manage.py check`. Nothing was changed by this command."
            )

    def _print(self, one: Adoption) -> None:
        self.stdout.write(self.style.MIGRATE_HEADING(f"{one.alias} ({one.backend})"))
        if one.entry:
            written = pprint.pformat({one.alias: one.entry}, sort_dicts=False, width=100)
            self.stdout.write(f"  Write into CACHES: {written[1:-1]},")
        for name, why in one.stays:
            self.stdout.write(f"  Stays:   {name}: {why}")
        for name, why in one.ignored:
            self.stdout.write(f"  Ignored: {name}: {why}")
        if one.empties:
            self.stdout.write(f"  Empties: {one.empties}")
        for note in one.notes:
            self.stdout.write(f"  Note:    {note}")
