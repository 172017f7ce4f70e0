"""What an event says to people, in their language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from cacheadmin.verdicts import ENGINE_LABELS, Verdict

Details = Mapping[str, Any]
_VERDICTS = {verdict.word: verdict for verdict in Verdict}


def sentence(kind: str, details: Details, before: Details | None) -> str:
    """Return what happened, in words; empty where the name of the kind says all.

    Args:
        kind: as in ``signals``.
        details: what the event has of them.
        before: what was saved before it.
    """
    words = _SENTENCES.get(kind)
    return words(details, before or {}) if words else ""


def _engine(word: str) -> str:
    return str(ENGINE_LABELS.get(word, word))


def _why(details: Details) -> str:
    word = str(details.get("detail", ""))
    return str(_VERDICTS[word].label) if word in _VERDICTS else word


def _choice(details: Details, before: Details) -> str:
    if details.get("engine") == before.get("engine"):
        return _("%(engine)s, at another address") % {"engine": _engine(details.get("engine", ""))}
    return _("%(engine)s instead of %(before)s") % {
        "engine": _engine(details.get("engine", "")),
        "before": _engine(before["engine"]) if before.get("engine") else _("what the settings file says"),
    }


def _seconds(seconds: int | None) -> str:
    return _("what is declared") if seconds is None else _("%(seconds)d s") % {"seconds": seconds}


def _lifetime(details: Details, before: Details) -> str:
    return _("%(group)s: %(after)s instead of %(before)s") % {
        "group": details.get("group", ""),
        "after": _seconds(details.get("seconds")),
        "before": _seconds(details.get("before")),
    }


def _groups(details: Details, before: Details) -> str:
    return ", ".join(map(str, details.get("groups", ())))


def _warm(details: Details, before: Details) -> str:
    return _("%(groups)s: %(done)d done, %(errors)d failed") % {
        "groups": _groups(details, before),
        "done": details.get("done", 0),
        "errors": details.get("errors", 0),
    }


def _outage(details: Details, before: Details) -> str:
    if details.get("was") == details.get("engine"):
        return _("the chosen engine cannot be used (%(why)s); %(engine)s serves") % {
            "why": _why(details),
            "engine": _engine(details.get("engine", "")),
        }
    return _("%(was)s was lost (%(why)s); %(engine)s serves") % {
        "was": _engine(details.get("was", "")),
        "why": _why(details),
        "engine": _engine(details.get("engine", "")),
    }


def _switch(details: Details, before: Details) -> str:
    return _("%(engine)s instead of %(was)s (%(why)s)") % {
        "engine": _engine(details.get("engine", "")),
        "was": _engine(details.get("was", "")),
        "why": _why(details),
    }


def _return(details: Details, before: Details) -> str:
    return _("%(engine)s serves again") % {"engine": _engine(details.get("engine", ""))}


def _refused(details: Details, before: Details) -> str:
    if details.get("address") == "?":
        # It cannot be read, and so may hold a password.
        return _("%(engine)s: %(why)s") % {
            "engine": _engine(details.get("engine", "")),
            "why": _why(details),
        }
    return _("%(engine)s at %(address)s: %(why)s") % {
        "engine": _engine(details.get("engine", "")),
        "address": details.get("address", ""),
        "why": _why(details),
    }


def _rollback(details: Details, before: Details) -> str:
    return _("as they were before event %(number)s") % {"number": details.get("event", "")}


def _undone(details: Details, before: Details) -> str:
    return _("%(was)s was lost %(seconds)d s after it was chosen (%(why)s); in force again: %(engine)s") % {
        "was": _engine(details.get("was", "")),
        "seconds": details.get("seconds", 0),
        "why": _why(details),
        "engine": _engine(details["engine"]) if details.get("engine") else _("what the settings file says"),
    }


def _key(details: Details, before: Details) -> str:
    return str(details.get("key", ""))[:200]


def _restored(details: Details, before: Details) -> str:
    if details.get("detail") == "older":
        return _("an older state of the database came back, so the cache was emptied")
    return _("this is another database than before, so the cache was emptied")


_SENTENCES: dict[str, Callable[[Details, Details], str]] = {
    "choice": _choice,
    "lifetime": _lifetime,
    "clear": _groups,
    "warm": _warm,
    "outage": _outage,
    "switch": _switch,
    "return": _return,
    "refused": _refused,
    "rollback": _rollback,
    "undone": _undone,
    "restored": _restored,
    "look": _key,
    "delete": _key,
}
