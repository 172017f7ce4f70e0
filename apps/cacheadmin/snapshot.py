"""What is saved, as one look at it found it, and the place that it is saved in; plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from cacheadmin.saved_settings import ANY, Change, SavedSettings


@dataclass(frozen=True)
class SavedChoice:
    """What is saved for one alias.

    Args:
        engine: ``auto``, ``redis``, ``file``, ``memory`` or ``off``.
        location: the address of Redis, or an empty string for the configured one.
        revision: raised by every change.
    """

    engine: str
    location: str = field(repr=False)
    revision: int


@dataclass(frozen=True)
class Installation:
    """What is known of the database that all this is saved in.

    Args:
        revision: raised by every change, and once an hour; 0 where nothing was ever saved.
        nonce: a random number that comes with each revision.
        suffix: what a copied installation adds to its prefixes, so as to have keys of its own.
        place: a name of the database; empty where it is not known.
        raised_at: when the revision was raised; ``None`` where nothing was ever saved.
    """

    revision: int = 0
    nonce: int = 0
    suffix: str = ""
    place: str = ""
    raised_at: datetime | None = None


Snapshot = Mapping[str, SavedChoice]
Lifetimes = Mapping[str, int]


@dataclass(frozen=True)
class Saved:
    """All that is saved, as one look found it.

    Args:
        choices: by alias.
        lifetimes: seconds by group, by alias; the alias saved last comes last.
        generations: by namespace and group.
        installation: the database they come from.
    """

    choices: Snapshot
    lifetimes: Mapping[str, Lifetimes] = field(default_factory=dict)
    # Generations that machines cut off from their Redis have begun, by namespace and group.
    generations: Mapping[tuple[str, str], int] = field(default_factory=dict)
    installation: Installation = field(default_factory=lambda: Installation())
    # The same by LOCATION, filled as it is asked for: it goes with the look that it comes from.
    by_location: dict[str, Lifetimes] = field(default_factory=dict, compare=False, repr=False)


class Store(Protocol):
    """Where all this is saved, and read from."""

    def load_saved(self) -> Saved:
        """Read everything."""

    def save_choice(self, aliases: list[str], engine: str, location: str) -> Change:
        """Write the choice for the first of some aliases at one LOCATION."""

    def save_lifetime(
        self, aliases: list[str], group: str, seconds: int | None, *, was: int | bool | None = ANY
    ) -> Change:
        """Write the lifetime of a group for the first of some aliases at one LOCATION, if it *was* that."""

    def restore(self, aliases: list[str], settings: SavedSettings) -> Change:
        """Write what was saved for some aliases at one LOCATION once."""

    def save_suffix(self, suffix: str) -> None:
        """Write what a copied installation adds to its prefixes."""

    def save_generations(self, namespace: str, numbers: Mapping[str, int]) -> None:
        """Write which generations were begun out of reach of Redis."""

    def save_workers(self, machine: str, state: str, workers: list[dict[str, Any]]) -> None:
        """Write which workers a machine has."""

    def load_workers(self, state: str, seconds: float) -> dict[str, list[dict[str, Any]]]:
        """Read which workers the machines have that wrote it not longer ago than that."""

    def raise_revision_if_due(self, known: Installation) -> None:
        """Raise the revision if nobody has for an hour, as far as is *known*."""
