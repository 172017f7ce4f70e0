"""Says aloud, in the log and by the signal, that the engine of some caches has changed."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from cacheadmin import signals
from cacheadmin.plan import Code, Decision

logger = logging.getLogger("cacheadmin")


def engine_changed(aliases: Sequence[str], before: Code, home_before: int, decision: Decision) -> None:
    """Tell what has been decided.

    Args:
        aliases: the caches that it is about.
        before: the engine until now.
        home_before: the code of the one that ought to have been live until now.
        decision: what is live from now on.
    """
    is_lost = decision.active != decision.home
    was_lost = before not in (Code.UNDECIDED, home_before)
    if before is Code.UNDECIDED:
        logger.info("Cache engine: %s (%s)", decision.active.word, decision.reason.word)
        if not is_lost:
            return
    else:
        logger.log(
            logging.WARNING if is_lost else logging.INFO,
            "Cache engine: %s -> %s (%s)",
            before.word,
            decision.active.word,
            decision.reason.word,
        )
    signals.send(
        _kind(is_lost=is_lost, was_lost=was_lost, is_home=decision.active == home_before),
        alias=next(iter(aliases), ""),
        aliases=list(aliases),
        engine=decision.active.word,
        was=before.word,
        detail=decision.reason.word,
        is_degraded=is_lost,
    )


def _kind(*, is_lost: bool, was_lost: bool, is_home: bool) -> str:
    if is_lost and not was_lost:
        return "outage"
    return "return" if was_lost and is_home else "switch"
