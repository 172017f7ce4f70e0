"""What is saved for the caches at one LOCATION, as an event remembers and a rollback restores it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

# Stands for whatever is saved: no lifetime is a truth value.
ANY = True


class ChangedMeanwhile(Exception):
    """Somebody else has saved something else since whoever wants to save looked."""


@dataclass(frozen=True)
class SavedSettings:
    """The rows of some aliases, as they stood at one moment.

    Args:
        choices: by alias: the engine and the address of Redis, which is empty for the configured one.
        lifetimes: by alias: the seconds of each group.
    """

    # An address may hold a password.
    choices: Mapping[str, tuple[str, str]] = field(default_factory=dict, repr=False)
    lifetimes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def dumps(self) -> str:
        """Return it as a text, with its secrets: for encryption."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def loads(cls, text: str) -> SavedSettings:
        """Return what ``dumps()`` made *text* of.

        Raises:
            ValueError: it is no such text.
        """
        try:
            found = json.loads(text)
            choices = {alias: (str(engine), str(url)) for alias, (engine, url) in found["choices"].items()}
            lifetimes = {
                alias: {group: int(life) for group, life in lives.items()}
                for alias, lives in found["lifetimes"].items()
            }
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError("These are no settings.") from error
        return cls(choices, lifetimes)

    @property
    def choice(self) -> tuple[str, str] | None:
        """The engine and the address that govern all these aliases; ``None`` where nothing is saved."""
        return self.choices[min(self.choices)] if self.choices else None


@dataclass(frozen=True)
class Change:
    """What was saved before a change, and after it."""

    before: SavedSettings
    after: SavedSettings
