"""The advice as system checks: those that ask Redis or the database only where that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core import checks

from cacheadmin import conf, space
from cacheadmin.looking import look
from cacheadmin.rules import BY_ID, ERROR, INFO, Advice, advise_on

_KINDS = {ERROR: checks.Error, INFO: checks.Info}
# W002 and W005 are in `checks`.
PLACES = ("cacheadmin.W003", "cacheadmin.W006", "cacheadmin.W007", "cacheadmin.W016")
REDIS = tuple(f"cacheadmin.W0{number}" for number in (10, 11, 12, 15, 17))
COUNTED = ("cacheadmin.W008", "cacheadmin.W013", "cacheadmin.W014", "cacheadmin.W018")


def register() -> None:
    """Make the checks known to Django."""
    checks.register(check_places, checks.Tags.caches)
    checks.register(check_redis, checks.Tags.caches, deploy=True)
    checks.register(check_what_was_counted, checks.Tags.database)


def check_places(**kwargs: Any) -> list[checks.CheckMessage]:
    """Report where things are kept that ought to be elsewhere; asks nobody."""
    return [message for alias in space.aliases() for message in _messages(alias, PLACES, at_redis=False)]


def check_redis(**kwargs: Any) -> list[checks.CheckMessage]:
    """Report what a Redis in use tells of itself; under ``check --deploy``, within a second."""
    return [message for alias in space.aliases() for message in _messages(alias, REDIS, at_redis=True)]


def check_what_was_counted(
    databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Report what events and statistics show; under ``check --database …`` and ``migrate``."""
    if conf.get("DATABASE") not in (databases or ()):
        return []
    return [message for alias in space.aliases() for message in _messages(alias, COUNTED, at_database=True)]


def _messages(alias: str, ids: Sequence[str], **whom: bool) -> list[checks.CheckMessage]:
    facts = look(alias, **whom)
    return [_message(alias, advice) for advice in advise_on(facts, [BY_ID[one] for one in ids])]


def _message(alias: str, advice: Advice) -> checks.CheckMessage:
    kind = _KINDS.get(advice.severity, checks.Warning)
    evidence = advice.evidence if advice.evidence.endswith(".") else f"{advice.evidence}."
    return kind(
        f"CACHES[{alias!r}]: {advice.title}. {evidence}",
        hint=f"{advice.action} More: {advice.anchor}",
        id=advice.id,
    )
