"""Whether this machine has a Redis: the usual places, and the odd one that the owner names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote

from django.conf import settings

from cacheadmin import detect
from cacheadmin.forms import Place
from cacheadmin.verdicts import Verdict
from installer.answers import NOTHING, Answers

# A Redis that asks who is there is a Redis; step 6 asks for what it wants.
THERE = frozenset({Verdict.FOUND, Verdict.NEEDS_PASSWORD, Verdict.WRONG_PASSWORD, Verdict.NO_PERMISSION})


@dataclass(frozen=True)
class Found:
    """What came of looking.

    Args:
        candidates: each place with its verdict.
        best: the one to go on with; ``None`` where there is no Redis.
    """

    candidates: list[detect.Candidate]
    best: detect.Candidate | None

    @property
    def needs_password(self) -> bool:
        """Whether the best one will ask for a password."""
        return self.best is not None and self.best.verdict is not Verdict.FOUND


def usual_places() -> list[str]:
    """Return the addresses that are looked at without being told."""
    return detect.addresses(str(settings.CACHES["default"]["LOCATION"]))


def named_places(values: Mapping[str, Any]) -> list[str]:
    """Return the addresses that the owner has named in step 2, the socket first."""
    if not values.get("custom"):
        return []
    socket, port = values.get("socket"), values.get("port")
    places = [f"unix://{quote(str(socket))}"] if socket else []
    return [*places, *([f"redis://127.0.0.1:{port}/0"] if port else [])]


def look(answers: Answers) -> Found:
    """Look at all places, those that the owner has named first; takes a second at most."""
    return look_at([*named_places(answers.get("requirements", NOTHING).values), *usual_places()])


def look_at(places: list[str]) -> Found:
    """Look at these places only."""
    candidates = detect.detect(dict.fromkeys(places))
    there = [one for one in candidates if one.verdict in THERE]
    working = [one for one in there if one.is_usable]
    return Found(candidates, next(iter([*working, *there]), None))


def as_fields(address: str) -> dict[str, Any]:
    """Return what the fields of step 6 hold for an address of one server; no password."""
    place = Place.of(address)
    if place is None:
        return {}
    return {name: value for name, value in asdict(place).items() if name != "password" and value}
