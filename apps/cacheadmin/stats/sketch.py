"""The keys that are asked for most, in bounded room."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Hashable)


class Sketch(Generic[Item]):
    """The frequent items of a stream (Misra and Gries, in lots): what is frequent is always among them.

    It holds up to twice *size* items. When it is full, the count of the one in the middle is taken
    from all of them, and whoever has nothing left goes. So every count is too low by the same bound at
    the most, and an item that makes up more than 1/*size* of the stream is never lost.

    Args:
        size: how many items are kept at the least.
    """

    __slots__ = ("_counts", "_size", "lost")

    def __init__(self, size: int) -> None:
        self._size = size
        self._counts: dict[Item, int] = {}
        # By so much each count may be too low.
        self.lost = 0

    def add(self, item: Item, weight: int = 1) -> None:
        """Note *item*, as if it had come *weight* times."""
        counts = self._counts
        counts[item] = counts.get(item, 0) + weight
        if len(counts) >= 2 * self._size:
            self._shrink()

    def _shrink(self) -> None:
        middle = sorted(self._counts.values(), reverse=True)[self._size]
        self.lost += middle
        self._counts = {item: count - middle for item, count in self._counts.items() if count > middle}

    def top(self, number: int) -> dict[Item, int]:
        """Return the *number* most frequent items with their counts, the most frequent first."""
        ordered = sorted(self._counts.items(), key=lambda pair: -pair[1])
        return {item: count for item, count in ordered[:number] if count}
