"""``manage.py cache status``: which engine is live, and why."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from cacheadmin.management import held
from cacheadmin.management.subcommands.base import Subcommand
from cacheadmin.management.subcommands.ttl import in_words
from cacheadmin.report import GroupReport, Report, Tried, report
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
        working = self.style.SUCCESS(_("working"))
        about = {
            "engine": status.engine,
            "state": self.style.WARNING(_("degraded")) if status.is_degraded else working,
            "choice": status.choice,
            "since": timezone.localtime(status.since).strftime("%Y-%m-%d %H:%M:%S %Z"),
        }
        rows = [
            (_("Engine"), _("%(engine)s (%(state)s), choice: %(choice)s, since %(since)s") % about),
            (_("Reason"), found.reason),
            *((_("Tried"), _attempt(tried)) for tried in found.tried),
            (_("Entries"), _entries(found)),
            (_("Workers"), _workers(found)),
            *((_("Group"), _group(group)) for group in found.groups),
        ]
        width = max(len(title) for title, _words in rows)
        for title, words in rows:
            self.stdout.write(f"{_('%(title)s:') % {'title': title}}{' ' * (width - len(title))} {words}")


def _attempt(tried: Tried) -> str:
    took = "" if tried.ms is None else f" ({tried.ms:.0f} ms)"
    if tried.verdict is Verdict.TAKEN:
        took = _("; it runs at %(place)s") % {"place": tried.detail}
    about = {"engine": tried.engine, "address": tried.address, "verdict": tried.verdict.label}
    return _("%(engine)s at %(address)s: %(verdict)s") % about + took


def _entries(found: Report) -> str:
    entries, taken = found.contents.entries, found.contents.size
    if entries is not None:
        return held.amount(entries, taken)
    if found.status.engine == "redis":
        return _("Redis does not count them; `manage.py cache stats` looks")
    return _("not available: %(why)s") % {"why": held.unseen()}


def _workers(found: Report) -> str:
    if not found.workers:
        return _("none has answered yet")
    follow = sum(worker.is_current for worker in found.workers)
    idle = sum(worker.is_idle for worker in found.workers)
    later = _(", %(idle)d will before the next answer") % {"idle": idle} if idle else ""
    said = _("%(follow)d of %(all)d run the current settings")
    return said % {"follow": follow, "all": len(found.workers)} + later


def _group(group: GroupReport) -> str:
    spared = _(", spared by clear") if group.protected else ""
    return _("%(title)s:") % {"title": group.name} + f" {in_words(group)}{spared}"
