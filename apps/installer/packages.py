"""Whether the packages that are installed are those that the site was tested with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import metadata

from django.conf import settings

LOCK = "requirements.txt"
# A line of the lock: a name, perhaps with extras, and a version. What follows a semicolon says on which
# machines the package is needed at all.
PIN = re.compile(r"^(?P<name>[\w.-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;]+)(?P<condition>\s*;)?", re.MULTILINE)


@dataclass(frozen=True)
class Package:
    """One package of the lock.

    Args:
        name: as the lock writes it.
        wanted: the version that was tested.
        found: the version that is installed; empty where it is not.
    """

    name: str
    wanted: str
    found: str


def missing(locked: list[Package]) -> list[Package]:
    """Return those that are not installed."""
    return [one for one in locked if not one.found]


def others(locked: list[Package]) -> list[Package]:
    """Return those that are installed in another version."""
    return [one for one in locked if one.found and one.found != one.wanted]


def locked() -> list[Package]:
    """Return what the lock names and this machine needs; an empty list where there is no lock.

    Raises:
        OSError: the lock is there and cannot be read.
    """
    path = settings.BASE_DIR / LOCK
    pins = PIN.finditer(path.read_text(encoding="utf-8")) if path.exists() else ()
    return [
        Package(pin["name"], pin["version"], version(pin["name"])) for pin in pins if not pin["condition"]
    ]


def version(name: str) -> str:
    """Return the installed version of a package; an empty string where it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
