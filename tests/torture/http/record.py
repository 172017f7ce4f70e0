"""What the players did, saw and missed, in memory that their threads share."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

# What makes a scene fail.
FAILED, WRONG, LOGGED_OUT, RESURRECTED, OVERRUN = "5xx", "wrong", "logged out", "resurrected", "overrun"
FAILURES = (FAILED, WRONG, LOGGED_OUT, RESURRECTED, OVERRUN)
# Seconds of a request from which on it is called a stall.
STALL = 0.5
# Seconds in which all workers have heard of a change where each has a memory of its own.
ON_MEMORY = 2.0
_MOST_WORDS = 20


@dataclass
class Record:
    """One scene's facts.

    Args:
        articles: how many are changed and read.
    """

    articles: int
    failures: Counter[str] = field(default_factory=Counter)
    words: list[str] = field(default_factory=list)
    # Of each kind of request: when it began and how many seconds it took.
    took: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    returns: list[float] = field(default_factory=list)
    is_on_memory: bool = False
    # On the wall clock.
    left_memory: float = float("-inf")

    def __post_init__(self) -> None:
        """Begin with the number 0 everywhere."""
        self._lock = threading.Lock()
        self._begun: list[list[float]] = [[0.0] for _ in range(self.articles)]
        self._done: list[list[float]] = [[0.0] for _ in range(self.articles)]

    # --- Requests ---

    def note(self, kind: str, began: float, seconds: float) -> None:
        """One request was answered, or given up."""
        with self._lock:
            self.took[kind].append((began, seconds))

    def complain(self, what: str, words: str) -> None:
        """Something happened that must not."""
        with self._lock:
            self.failures[what] += 1
            if len(self.words) < _MOST_WORDS:
                self.words.append(f"{time.strftime('%H:%M:%S')} {what}: {words}")

    @property
    def requests(self) -> int:
        """How many there were."""
        return sum(len(found) for found in self.took.values())

    @property
    def longest(self) -> float:
        """The longest stall in seconds."""
        return max((seconds for found in self.took.values() for _, seconds in found), default=0.0)

    @property
    def stalls(self) -> int:
        """How many requests took longer than a stall."""
        return sum(seconds > STALL for found in self.took.values() for _, seconds in found)

    def lost_seconds(self, calm_until: float) -> float:
        """What requests took beyond the slowest one of their kind in the calm beginning.

        Args:
            calm_until: when the disturber began, on the wall clock.
        """
        lost = 0.0
        for found in self.took.values():
            calm = max((seconds for began, seconds in found if began + seconds < calm_until), default=STALL)
            lost += sum(max(0.0, seconds - calm) for began, seconds in found if began >= calm_until)
        return lost

    # --- The truth about the articles: each has one writer, who numbers its versions ---

    def begin(self, article: int) -> int:
        """Note that the next version is on its way, and return its number."""
        with self._lock:
            self._begun[article].append(time.time())
            self._done[article].append(float("inf"))
            return len(self._begun[article]) - 1

    def finish(self, article: int, number: int) -> None:
        """Note that the administration has said that it is saved."""
        self._done[article][number] = time.time()

    def oldest_right(self, article: int, began: float) -> int:
        """The oldest version that a request which began then may show."""
        if self.is_on_memory or began - self.left_memory < ON_MEMORY:
            began -= ON_MEMORY
        return max(number for number, done in enumerate(self._done[article]) if done <= began)

    def newest_right(self, article: int) -> int:
        """The newest version that anybody can have seen by now."""
        return len(self._begun[article]) - 1
