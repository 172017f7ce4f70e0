"""How far a warm-up is, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast


@dataclass(frozen=True)
class GroupResult:
    """What a warm-up did in one group.

    Args:
        done: how many items.
        count: how many there are, as far as is known.
        errors: how many failed, by the type of the error.
        seconds: how long it took.
        gave_up: whether it ended early because nothing worked.
    """

    done: int = 0
    count: int | None = None
    errors: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    gave_up: bool = False


@dataclass(frozen=True)
class Progress:
    """How far a warm-up is.

    Args:
        groups: what was done in each group, in their order.
        group: the one it is at.
        seconds: since it began.
        is_over: whether it has ended.
        is_complete: whether nothing was left out.
    """

    groups: Mapping[str, GroupResult]
    group: str = ""
    seconds: float = 0.0
    is_over: bool = False
    is_complete: bool = False

    @property
    def done(self) -> int:
        """How many items are done."""
        return sum(result.done for result in self.groups.values())

    @property
    def count(self) -> int | None:
        """How many there are; ``None`` where that is not known."""
        counts = [result.count for result in self.groups.values()]
        return None if None in counts else sum(cast(list[int], counts))

    @property
    def errors(self) -> int:
        """How many have failed."""
        return sum(sum(result.errors.values()) for result in self.groups.values())

    @property
    def rate(self) -> float | None:
        """Items in a second; ``None`` as long as there is no saying."""
        return self.done / self.seconds if self.done and self.seconds else None

    @property
    def left(self) -> float | None:
        """The seconds it will still take, about; ``None`` where there is no saying."""
        if self.is_over:
            return 0.0
        if self.count is None or self.rate is None:
            return None
        return max(0, self.count - self.done) / self.rate

    def as_json(self) -> dict[str, Any]:
        """Return what the command and the page print."""
        return {
            "done": self.done,
            "count": self.count,
            "errors": self.errors,
            "rate": None if self.rate is None else round(self.rate, 1),
            "seconds": round(self.seconds, 2),
            "left": None if self.left is None else round(self.left, 1),
            "group": self.group,
            "over": self.is_over,
            "complete": self.is_complete,
            "groups": {
                name: {
                    "done": result.done,
                    "count": result.count,
                    "errors": dict(result.errors),
                    "seconds": round(result.seconds, 2),
                    "gave_up": result.gave_up,
                }
                for name, result in self.groups.items()
            },
        }
