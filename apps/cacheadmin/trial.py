"""A changed engine is on trial for a minute: one that is lost in it is left again, by itself.

Nobody has to keep the page open: every process looks, about once a second, after an answer. As long as the
engine is not lost, a look is two comparisons in memory.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from cacheadmin import conf, models, selector, signals, state
from cacheadmin.models import CacheEvent
from cacheadmin.plan import Status
from cacheadmin.saved_settings import SavedSettings
from cacheadmin.selector import Selector

logger = logging.getLogger("cacheadmin")

PERIOD = timedelta(minutes=1)
# How long it may be away at once: a short interruption is no reason to empty the cache once more. Twice is.
PATIENCE = timedelta(seconds=2)
# Kinds of events that change the choice.
CHOICES = ("choice", "rollback", "undone")
# By selector: what was saved when there was nothing to take back.
_settled: dict[int, int] = {}


def look() -> None:
    """Take back each choice of these caches that has failed in its first minute."""
    for one in selector.every():
        if one.is_degraded and not one.is_behind and _settled.get(id(one)) != _nonce():
            try:
                _judge(one)
            except Exception as error:  # noqa: BLE001
                # No table, no database at the moment, a test that forbids queries: the next look comes in a
                # second, and nobody's work fails for it.
                logger.info("Whether the engine is on trial cannot be read (%s).", type(error).__name__)


def last_choice(alias: str) -> CacheEvent | None:
    """Return the last event that changed the choice for *alias* and those at the same LOCATION."""
    rows = CacheEvent.objects.using(conf.get("DATABASE"))
    found = rows.filter(kind__in=CHOICES, alias__in=conf.together_with(alias))
    return found.order_by("-pk").first()


def ends_at(event: CacheEvent | None) -> datetime | None:
    """Return until when the choice of *event* is on trial; ``None`` where it is not, or not any more."""
    if event is None or not event.details.get("watched"):
        return None
    end = event.at + PERIOD
    return end if end > datetime.now(UTC) else None


def _nonce() -> int:
    return state.saved().installation.nonce


def _judge(one: Selector) -> None:
    status, changed = one.status(), state.saved().installation.raised_at
    aliases = one.aliases()
    if changed is None or not aliases or status.since - changed > PERIOD:
        return
    nonce = _nonce()
    event = last_choice(aliases[0])
    is_on_trial = event is not None and event.details.get("watched") and status.since - event.at <= PERIOD
    if event is None or not is_on_trial:
        _settled[id(one)] = nonce
    elif datetime.now(UTC) - status.since >= PATIENCE or _losses(event) > 1:
        _settled[id(one)] = nonce
        _take_back(event, status)


def _losses(event: CacheEvent) -> int:
    rows = CacheEvent.objects.using(conf.get("DATABASE"))
    return rows.filter(kind="outage", alias__in=conf.together_with(event.alias), pk__gt=event.pk).count()


def _take_back(event: CacheEvent, status: Status) -> None:
    """Save once more what was chosen before *event*, unless somebody has chosen anew meanwhile."""
    try:
        before = event.settings_before()
    except ValueError:
        # Another SECRET_KEY wrote it.
        return
    aliases, known = conf.together_with(event.alias), state.snapshot()
    revisions = {alias: known[alias].revision for alias in aliases if alias in known}
    change = models.restore_choices(aliases, before, revisions)
    if change is None:
        return
    state.refresh(now=True)
    logger.warning("The engine %s was lost in its first minute: the choice is taken back.", status.choice)
    signals.send(
        "undone",
        alias=event.alias,
        engine=_engine(before),
        was=status.choice,
        detail=status.reason.word,
        seconds=max(0, round((status.since - event.at).total_seconds())),
        settings_before=change.before,
        settings_after=change.after,
    )


def _engine(settings: SavedSettings) -> str:
    return settings.choice[0] if settings.choice else ""
