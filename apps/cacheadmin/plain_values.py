"""A cached value in words, for people: bounded, without its secrets, and without calling its code."""

from __future__ import annotations

import datetime
import re
import uuid
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser

LONGEST = 4000
_DEEPEST, _MOST_PARTS, _LONGEST_TEXT = 4, 50, 500
_HIDDEN = "••••"
_SECRET = re.compile(r"pass|secret|token|session|csrf|credential|api_?key|private|otp", re.IGNORECASE)
_PLAIN = (int, float, complex, Decimal, uuid.UUID, datetime.date, datetime.time, datetime.timedelta)


class _Personal(Exception):
    """There is a person in it."""


def in_words(value: Any, *, shows_people: bool) -> str | None:
    """Return *value* in words.

    Args:
        value: any.
        shows_people: whether users' data may be in it.

    Returns:
        ``None`` where it may not be shown.
    """
    try:
        return _shown(value, shows_people, 0)[:LONGEST]
    except _Personal:
        return None


def _shown(value: Any, shows_people: bool, depth: int) -> str:
    kind = type(value)
    if value is None or kind is bool or kind in _PLAIN:
        return repr(value)
    if isinstance(value, str | bytes | bytearray):
        return _text(value)
    if isinstance(value, AbstractBaseUser) and not shows_people:
        raise _Personal
    if depth >= _DEEPEST:
        return "…"
    if isinstance(value, dict):
        pairs = ((str(name), part) for name, part in dict.items(value))
        return "{" + _joined((_pair(name, part, ": ", shows_people, depth) for name, part in pairs)) + "}"
    if isinstance(value, list | tuple | set | frozenset):
        begin, end = _BRACKETS[next(one for one in _BRACKETS if isinstance(value, one))]
        return begin + _joined(_shown(part, shows_people, depth + 1) for part in value) + end
    # Its own words might ask the database, or say anything.
    inside = (
        (name, part) for name, part in getattr(value, "__dict__", {}).items() if not name.startswith("_")
    )
    parts = _joined(_pair(name, part, "=", shows_people, depth) for name, part in inside)
    return f"{kind.__module__}.{kind.__qualname__}({parts})"


_BRACKETS: dict[type, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("{", "}"),
}


def _pair(name: str, value: Any, between: str, shows_people: bool, depth: int) -> str:
    shown = _HIDDEN if _SECRET.search(name) else _shown(value, shows_people, depth + 1)
    return f"{name[:100]}{between}{shown}"


def _text(value: str | bytes | bytearray) -> str:
    short = value[:_LONGEST_TEXT]
    words = repr(str.__str__(short) if isinstance(short, str) else bytes(short))
    return words if len(value) <= _LONGEST_TEXT else f"{words}… ({len(value)})"


def _joined(parts: Iterable[str]) -> str:
    found: list[str] = []
    for part in parts:
        if len(found) >= _MOST_PARTS:
            found.append("…")
            break
        found.append(part)
    return ", ".join(found)
