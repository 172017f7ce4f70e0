"""A number that one process changes and the others read through the cache, as they would read a row."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

from django.core.cache import cache

from cacheadmin import cached
from cacheadmin.backend import AdaptiveCache

Look = tuple[str, int, int]
BEHIND = "behind"


@cached("numbers")
def number() -> int:
    """What stands in the file: kept in the cache of this process's engine."""
    return _read()


@cached("numbers")
async def anumber() -> int:
    """The same, for async code."""
    return _read()


def _read() -> int:
    return int(Path(os.environ["NUMBER_FILE"]).read_text(encoding="ascii"))


def change(to: int) -> None:
    """Write another number, and say so to all who remember the old one."""
    path = Path(os.environ["NUMBER_FILE"])
    aside = path.with_suffix(".new")
    aside.write_text(str(to), encoding="ascii")
    aside.replace(path)
    number.invalidate()
    anumber.invalidate()


def engine() -> str:
    """The engine that this process uses now, or that it has not yet followed a choice."""
    selector = cast(AdaptiveCache, cache).space.selector
    return BEHIND if selector.is_behind else selector.status().engine


def look() -> Look:
    """What this process sees: the number, the engine, and who it is."""
    seen = number()
    return engine(), seen, os.getpid()
