"""No cache at all: for a comparison of before and after, and to rule the cache out as a cause."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from cacheadmin.engines.base import KEEP, MISSING, Contents, Engine


class OffEngine(Engine):
    """Forgets everything at once."""

    name = "off"
    is_shared = True

    def get(self, key: str) -> Any:
        return MISSING

    def set(self, key: str, value: Any, timeout: float | None) -> None:
        return None

    def add(self, key: str, value: Any, timeout: float | None) -> bool:
        return True

    def touch(self, key: str, timeout: float | None) -> bool:
        return False

    def delete(self, key: str) -> bool:
        return False

    def modify(self, key: str, change: Callable[[Any], Any], timeout: Any = KEEP) -> Any:
        return MISSING

    def remaining(self, key: str) -> Any:
        return MISSING

    def names(self) -> Iterator[str]:
        return iter(())

    def sizes_of(self, names: Sequence[str]) -> list[int | None]:
        return [None] * len(names)

    def reclaim(self) -> None:
        return None

    def contents(self) -> Contents:
        return Contents(entries=0, size=0)

    def probe(self) -> None:
        return None
