"""``manage.py cache status``: which engine is live, and why."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from cacheadmin.management.subcommands.base import Subcommand
from cacheadmin.management.subcommands.ttl import in_words
from cacheadmin.report import Report, report
from cacheadmin.verdicts import Verdict


class Status(Subcommand):
    """Show the state of one cache."""

    name = "status"
    help = "which engine is live, and why"

    def run(self, options: dict[str, Any]) -> None:
        """Look, and print."""
        found = report(options["alias"])
        if options["json"]:
            self.print_json(found.as_json())
        else:
            self._print(found)

    def _print(self, found: Report) -> None:
        status = found.status
        state_word = self.style.WARNING("degraded") if status.is_degraded else self.style.SUCCESS("working")
        since = timezone.localtime(status.since).strftime("%Y-%m-%d %H:%M:%S %Z")
        self.stdout.write(f"Engine:  {status.engine} ({state_word}), choice: {status.choice}, since {since}")
        self.stdout.write(f"Reason:  {found.reason}")
        for tried in found.tried:
            took = "" if tried.ms is None else f" ({tried.ms:.0f} ms)"
            if tried.verdict is Verdict.TAKEN:
                took = f"; it runs at {tried.detail}"
            self.stdout.write(f"Tried:   {tried.engine} at {tried.address}: {tried.verdict.label}{took}")
        if found.contents.entries is not None:
            self.stdout.write(f"Entries: {found.contents.entries}, {found.contents.size} bytes")
        follow = sum(worker.is_current for worker in found.workers)
        idle = sum(worker.is_idle for worker in found.workers)
        later = f", {idle} will before the next answer" if idle else ""
        self.stdout.write(f"Workers: {follow} of {len(found.workers)} run the current settings{later}")
        for group in found.groups:
            spared = ", spared by clear" if group.protected else ""
            self.stdout.write(f"Group:   {group.name}: {in_words(group)}{spared}")
