"""The words of the selector: the engines as numbers, what was asked for, what was decided, what is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from django.utils.functional import Promise

from cacheadmin.verdicts import ENGINE_LABELS, Verdict

# Choices that leave it to us which engine is live. "off" is meant for data: the caches that hold
# sessions and limits go on as if nothing had been chosen.
OURS = ("auto", "off")


class Code(IntEnum):
    """The engines as numbers, for the shared state."""

    UNDECIDED = 0
    REDIS = 1
    FILE = 2
    MEMORY = 3
    OFF = 4

    @classmethod
    def stored(cls, number: int) -> Code:
        """Return the engine that *number* in the shared state stands for; ``UNDECIDED`` for none.

        ``OFF`` is never stored: it is what becomes of some caches, whichever engine is live.
        """
        try:
            found = cls(number)
        except ValueError:
            return cls.UNDECIDED
        return cls.UNDECIDED if found is cls.OFF else found

    @property
    def word(self) -> str:
        """The engine's name."""
        return self.name.lower()


@dataclass(frozen=True)
class Plan:
    """What was asked for.

    Args:
        choice: ``auto``, ``redis``, ``file``, ``memory`` or ``off``.
        location: the address of Redis.
        revision: of the saved settings it comes from; 0 for the configured ones.
        suffix: what a copied installation adds to its prefixes.
    """

    choice: str
    # It may hold a password.
    location: str = field(repr=False)
    revision: int = 0
    suffix: str = ""

    @property
    def fingerprint(self) -> int:
        """A number that differs where the plan differs."""
        digest = hashlib.blake2b(
            f"{self.choice}\0{self.location}\0{self.suffix}".encode(), digest_size=8
        ).digest()
        return int.from_bytes(digest, "little") or 1


@dataclass(frozen=True)
class Decision:
    """Which engine is to be live, which one ought to be, and why."""

    active: Code
    home: Code
    reason: Verdict
    candidate: int = 0


@dataclass(frozen=True)
class Status:
    """The present state, for people and programs."""

    choice: str
    engine: str
    reason: Verdict
    is_degraded: bool
    since: datetime
    address: str

    @property
    def word(self) -> str:
        """How it is, in one word: ``working``, ``degraded`` or ``off``."""
        if self.is_degraded:
            return "degraded"
        return "off" if self.engine == "off" else "working"

    @property
    def engine_label(self) -> Promise:
        """The engine, in the words people read."""
        return ENGINE_LABELS[self.engine]

    @property
    def choice_label(self) -> Promise:
        """The choice, in the words people read."""
        return ENGINE_LABELS[self.choice]
