"""The base of what is kept in the cache: a copy that another version of its class made is a miss.

A dataclass with slots pickles its values in their order, and would take them over in another
order without a word. Here each value goes under its name, and a class that has no place for it, or
misses one, refuses the whole: the cache then counts a miss, and the value is made anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any


class Kept:
    """Pickled by the names of its fields; a field with a default may be missing."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[type, dict[str, Any]]]:
        """Say how it is made again."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        return _made_again, (type(self), values)


def _made_again(kind: type, values: dict[str, Any]) -> Any:
    return kind(**values)
