"""What every engine can do, and how it says that it cannot."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from cacheadmin.verdicts import Verdict


class _Missing:
    """The type of ``MISSING``: what a read finds where nothing is stored (``None`` is a value)."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()
# Stands for "as long as it would have lived anyway".
KEEP = object()


class EngineUnavailable(Exception):
    """The engine cannot do what was asked: another one has to take over.

    Args:
        verdict: what is wrong, as a category.
        detail: the words of the system, without secrets.
    """

    def __init__(self, verdict: Verdict, detail: str = "") -> None:
        super().__init__(f"{verdict.name}: {detail}")
        self.verdict = verdict
        self.detail = detail


class BegunAnew(EngineUnavailable):
    """The engine can do what was asked, but perhaps under another generation: it has to be asked again."""

    def __init__(self) -> None:
        super().__init__(Verdict.UNKNOWN, "begun anew")


@dataclass(frozen=True)
class Contents:
    """What an engine holds of one cache; ``None`` where it cannot know."""

    entries: int | None
    size: int | None


class Engine(ABC):
    """Stores values under keys that are final: prefix, version and generation are part of them.

    A timeout is in seconds and greater than zero, or ``None`` for "does not expire".
    """

    name: ClassVar[str]
    # How many entries were thrown away because they were damaged, foreign or of a class that is gone.
    damaged: int = 0
    # Whether what one worker stores is what the others read.
    is_shared: ClassVar[bool]
    # Whether each operation is a question to a server.
    is_remote: ClassVar[bool] = False

    # --- One entry ---

    @abstractmethod
    def get(self, key: str) -> Any:
        """Return the value of *key*, or ``MISSING``."""

    @abstractmethod
    def set(self, key: str, value: Any, timeout: float | None) -> None:
        """Store *value* under *key*."""

    @abstractmethod
    def add(self, key: str, value: Any, timeout: float | None) -> bool:
        """Store *value* unless *key* holds one; of any number of callers at once, one succeeds."""

    @abstractmethod
    def touch(self, key: str, timeout: float | None) -> bool:
        """Give *key* a new life and return whether it was there."""

    @abstractmethod
    def delete(self, key: str) -> bool:
        """Remove *key* and return whether it was there."""

    @abstractmethod
    def modify(self, key: str, change: Callable[[Any], Any], timeout: Any = KEEP) -> Any:
        """Replace the value of *key* by ``change(value)``, atomically.

        Args:
            key: where the value is.
            change: gives the new value; what it raises is passed on and nothing is changed.
            timeout: a new life in seconds or ``None``; by default it keeps the one it has.

        Returns:
            the new value, or ``MISSING`` if there was none.
        """

    def incr(self, key: str, delta: int) -> Any:
        """Add *delta* to a number, atomically and without touching its life.

        Returns:
            the sum, or ``MISSING`` if there was nothing.

        Raises:
            TypeError: what is stored is not a number.
        """
        return self.modify(key, lambda old: old + delta)

    @abstractmethod
    def remaining(self, key: str) -> Any:
        """Return the seconds *key* has left, ``None`` for one without an end, ``MISSING`` for none."""

    @abstractmethod
    def names(self) -> Iterator[str]:
        """Yield the full keys of what this cache holds; may be slow, and miss what changes meanwhile."""

    @abstractmethod
    def sizes_of(self, names: Sequence[str]) -> list[int | None]:
        """Return the bytes that the entry of each full key takes, ``None`` for one that has just ended."""

    # --- Many entries ---

    def get_many(self, keys: Iterable[str]) -> dict[str, Any]:
        """Return the values of those *keys* that have one."""
        found = ((key, self.get(key)) for key in keys)
        return {key: value for key, value in found if value is not MISSING}

    def set_many(self, values: Mapping[str, tuple[Any, float | None]]) -> None:
        """Store each value with its own timeout."""
        for key, (value, timeout) in values.items():
            self.set(key, value, timeout)

    def delete_many(self, keys: Iterable[str]) -> None:
        """Remove all *keys*."""
        for key in keys:
            self.delete(key)

    # --- The whole ---

    @abstractmethod
    def reclaim(self) -> None:
        """Give back the room of everything stored, now that no key leads to it any more."""

    @abstractmethod
    def contents(self) -> Contents:
        """Return how many entries of this cache it holds, and their bytes."""

    @abstractmethod
    def probe(self) -> None:
        """Write and read back an entry of its own.

        Raises:
            EngineUnavailable: it cannot.
        """
