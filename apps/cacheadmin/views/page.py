"""The cache page: the true state, and everything that can be done about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from cacheadmin import diagnostics, figures, history, limit, trial, warmers, warmup
from cacheadmin.access import requires
from cacheadmin.connection import results
from cacheadmin.forms import ConnectionForm, Place
from cacheadmin.holdings import Held, Holdings, holdings
from cacheadmin.looking import look
from cacheadmin.models import CacheEvent
from cacheadmin.pagecache import files
from cacheadmin.report import GroupReport, Report, report
from cacheadmin.rules import advise_on
from cacheadmin.sparkline import Sparkline, sparklines
from cacheadmin.statistics import Counts, Statistics, statistics, top_keys
from cacheadmin.verdicts import ENGINE_LABELS
from cacheadmin.views import benchmarking
from cacheadmin.views.choosing import loses_sessions
from cacheadmin.views.connection import MOST_TESTS, WINDOW, too_often
from cacheadmin.views.following import following
from cacheadmin.views.frame import alias_of, frame, space_of
from cacheadmin.views.offers import Offer, offers

# Events that are read for the marks of a week, and that the history shows at first and at most.
_EVENTS, _SHOWN, _MOST_SHOWN = 200, 10, 200
_TOP, _MOST_TOP = 5, 50
# What a look at the entries may cost each time the page is shown: seconds, and keys of which the rest is
# estimated.
_LOOKS_FOR, _LOOKS_AT = 0.04, 500


@dataclass(frozen=True)
class GroupRow:
    """A group in the table.

    Args:
        report: its name and lifetimes.
        counts: what was done in it of late.
        can_warm: whether it has a warmer.
        held: what it holds; ``None`` where that cannot be looked at.
        line: its hit rate over the period; ``None`` where nothing was read.
        cleared_at: when it was last cleared; ``None`` if that is not remembered.
    """

    report: GroupReport
    counts: Counts
    can_warm: bool
    held: Held | None
    line: Sparkline | None
    cleared_at: datetime | None

    @property
    def percent(self) -> float | None:
        """The hit rate in percent."""
        return None if self.counts.hit_rate is None else 100 * self.counts.hit_rate


@require_safe
@requires("view_cache")
def page(request: HttpRequest) -> HttpResponse:
    """Show the page of the cache ``alias``; ``hours``, ``of`` and ``more`` say how much of it."""
    alias = alias_of(request)
    now, events = report(alias), _events(alias)
    hours = figures.WEEK if request.GET.get("hours") != str(figures.DAY) else figures.DAY
    counted = statistics(alias, hours=hours)
    last_choice = next((event for event in events or () if event.kind in trial.CHOICES), None)
    held = holdings(alias, seconds=_LOOKS_FOR, keys=_LOOKS_AT)
    group, more = request.GET.get("of", ""), request.GET.get("more", "")
    # What its entries are like takes a Redis thousands of answers: only where somebody wants to know.
    advice = advise_on(look(alias, at_redis=more == "advice", at_database=True))
    shown = figures.figures(counted, events or [], hours, group if group in counted.groups else "")
    context = {
        **frame(request, alias),
        "report": now,
        "following": following(now.status, now.workers, last_choice),
        "choices": _choices(now),
        "others": ("memory", "off"),
        "loses_sessions": loses_sessions(alias),
        "form": _form(alias),
        "step_labels": results.LABELS,
        "is_beyond_form": _is_beyond_form(alias),
        "figures": shown,
        "top": top_keys(alias, number=_MOST_TOP if more == "top" else _TOP, days=7),
        "held": held,
        "offers": _offers(request, alias) if more == "offers" else None,
        "benchmark_seconds": round(benchmarking.LENGTH),
        "groups": _groups(now, counted, held, events or []),
        "pages": files.overview(alias),
        "progress": warmup.progress(alias),
        "events": None if events is None else events[: _MOST_SHOWN if more == "history" else _SHOWN],
        "has_more_events": events is not None and len(events) > _SHOWN and more != "history",
        "more": more,
        "advice": advice,
        "diagnostics": diagnostics.as_text(diagnostics.collected(now, counted, advice)),
    }
    return render(request, "cacheadmin/page.html", context)


def _offers(request: HttpRequest, alias: str) -> list[Offer] | None:
    """Return what is found elsewhere; ``None`` for those who may not look, or have looked too often."""
    if not request.user.has_perm("cacheadmin.test_cache"):
        return None
    wait = limit.retry_after("test", request.user.pk, most=MOST_TESTS, seconds=WINDOW)
    if wait:
        messages.error(request, too_often(wait))
        return None
    return offers(space_of(alias))


def _events(alias: str) -> list[CacheEvent] | None:
    """Return what happened; ``None`` where it cannot be read."""
    try:
        return history.events(alias, _EVENTS)
    except (DatabaseError, ImproperlyConfigured):
        # No table yet, or no database: the page shows the rest and says so.
        return None


def _choices(now: Report) -> list[dict[str, Any]]:
    """Return the engines to choose from, each with what it would mean here and now."""
    redis = [tried for tried in now.tried if tried.engine == "redis"]
    best = next((tried for tried in now.tried if tried.verdict.name == "FOUND"), None)
    on_files = next(tried for tried in now.tried if tried.engine == "file")
    return [
        {"engine": "auto", "label": ENGINE_LABELS["auto"], "best": best},
        {"engine": "redis", "label": ENGINE_LABELS["redis"], "tried": redis},
        {"engine": "file", "label": ENGINE_LABELS["file"], "tried": [on_files]},
    ]


def _form(alias: str) -> ConnectionForm:
    return ConnectionForm(saved=space_of(alias).selector.address(), auto_id="cacheadmin-%s")


def _is_beyond_form(alias: str) -> bool:
    """Whether the address in use is one that the fields cannot say, as of a Cluster."""
    return Place.of(space_of(alias).selector.address()) is None


def _groups(now: Report, counted: Statistics, held: Holdings, events: Sequence[CacheEvent]) -> list[GroupRow]:
    warm = {warmer.group for warmer in warmers.of(now.alias)}
    lines, cleared = sparklines(counted), _cleared(events)
    return [
        GroupRow(
            report=group,
            counts=counted.groups.get(group.name, Counts()),
            can_warm=group.name in warm,
            held=None if held.groups is None else held.groups.get(group.name, Held(0, 0)),
            line=lines.get(group.name),
            cleared_at=cleared.get(group.name),
        )
        for group in now.groups
    ]


def _cleared(events: Sequence[CacheEvent]) -> dict[str, datetime]:
    """Return when each group was last cleared, as far back as *events* go, which are the newest first."""
    found: dict[str, datetime] = {}
    for event in events:
        if event.kind == "clear":
            for name in event.details.get("groups", ()):
                found.setdefault(name, event.at)
    return found
