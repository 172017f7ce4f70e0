"""Patterns of keys, in the words of Redis, for engines that know none."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([*?\[\]\\])")


def escaped(text: str) -> str:
    """Return a pattern that means *text* and nothing else."""
    return _SPECIAL.sub(r"\\\1", text)


def compiled(pattern: str) -> re.Pattern[str]:
    r"""Return what matches a whole key: ``*``, ``?``, ``[abc]``, ``[^a-z]``; ``\`` means the next sign."""
    parts, rest = [], pattern
    while rest:
        sign, rest = rest[0], rest[1:]
        if sign == "*":
            parts.append(".*")
        elif sign == "?":
            parts.append(".")
        elif sign == "[":
            part, rest = _one_of(rest)
            parts.append(part)
        elif sign == "\\" and rest:
            parts.append(re.escape(rest[0]))
            rest = rest[1:]
        else:
            parts.append(re.escape(sign))
    return re.compile("".join(parts), re.DOTALL)


def _one_of(rest: str) -> tuple[str, str]:
    """Return what stands between brackets, and what comes after; the closing one may be missing."""
    is_not = rest.startswith("^")
    rest = rest.removeprefix("^")
    members: list[str] = []
    while rest and rest[0] != "]":
        if rest[0] == "\\" and len(rest) > 1:
            members.append(re.escape(rest[1]))
            rest = rest[2:]
        elif len(rest) > 2 and rest[1] == "-":
            low, high = sorted((rest[0], rest[2]))
            members.append(f"{re.escape(low)}-{re.escape(high)}")
            rest = rest[3:]
        else:
            members.append(re.escape(rest[0]))
            rest = rest[1:]
    if not members:
        return ("." if is_not else r"(?!)"), rest[1:]
    return f"[{'^' if is_not else ''}{''.join(members)}]", rest[1:]
