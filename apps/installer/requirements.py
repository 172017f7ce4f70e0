"""What the site needs of its host, and whether it is there: the same list for the page and the command."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from core.client_ip import client_ip, is_from_trusted_proxy
from installer import catalogues, packages

# Those that are named where nothing is wrong.
PACKAGES = (
    "Django",
    "django-redis",
    "redis",
    "psycopg",
    "pydantic-settings",
    "whitenoise",
    "pillow",
)
OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)
LEAST_SQLITE = (3, 31)
MEGABYTE = 1_000_000
LITTLE_ROOM = 500 * MEGABYTE
LEAST_ROOM = 50 * MEGABYTE


class Level(StrEnum):
    """How much it matters."""

    FINE = "fine"
    WARNING = "warning"
    ERROR = "error"

    @property
    def mark(self) -> str:
        """A sign for lists of plain text."""
        return {"fine": "✓", "warning": "!", "error": "✗"}[self]

    @property
    def word(self) -> str:
        """The same for people."""
        return {"fine": _("fine"), "warning": _("worth a look"), "error": _("must be mended")}[self]


@dataclass(frozen=True)
class Requirement:
    """One thing that was looked at.

    Args:
        name: what it is.
        found: what is there.
        level: fine, a warning, or an error that the site cannot live with.
        advice: what to do; empty where nothing has to be done.
    """

    name: str
    found: str
    level: Level = Level.FINE
    advice: str = ""


def of_host() -> list[Requirement]:
    """Look at everything that can be seen without a visitor."""
    looks: list[Callable[[], Requirement]] = [
        _python, _packages, _directory, _room, _sqlite, _postgresql, _mail, _translations,
    ]  # fmt: skip
    return [look() for look in looks]


def of_request(request: HttpRequest) -> list[Requirement]:
    """Look at how *request* reached the site: what proxies say, and whether it was encrypted."""
    return [_address(request), _encryption(request), _visitor(request)]


def stop(found: list[Requirement]) -> bool:
    """Whether the site cannot be installed."""
    return any(one.level is Level.ERROR for one in found)


def as_text(found: list[Requirement]) -> str:
    """Return the list as it can be copied into a letter to the host."""
    return "\n".join(_lines(found))


def _lines(found: list[Requirement]) -> Iterator[str]:
    for one in found:
        yield f"{one.level.mark} {one.name}: {one.found}"
        if one.advice:
            yield f"  → {one.advice}"


# --- The host ---


def _python() -> Requirement:
    version = platform.python_version()
    if OLDEST_PYTHON <= sys.version_info[:2] <= NEWEST_PYTHON:
        return Requirement(_("Python"), version)
    advice = _(
        "The site was tested with 3.11 to 3.13. Choose one of them, in the panel of your host for instance."
    )
    return Requirement(_("Python"), version, Level.WARNING, advice)


def _packages() -> Requirement:
    locked = packages.locked()
    if lacking := packages.missing(locked):
        found = _("missing: %(names)s") % {"names": ", ".join(f"{one.name} {one.wanted}" for one in lacking)}
        return Requirement(_("Packages"), found, Level.ERROR, _how_to_install())
    if others := packages.others(locked):
        found = _("not as tested: %(names)s") % {
            "names": ", ".join(f"{one.name} {one.found} ({one.wanted})" for one in others)
        }
        return Requirement(_("Packages"), found, Level.WARNING, _how_to_install())
    return Requirement(_("Packages"), ", ".join(f"{name} {packages.version(name)}" for name in PACKAGES))


def _how_to_install() -> str:
    words = [sys.executable, "-m", "pip", "install", "-r", str(settings.BASE_DIR / packages.LOCK)]
    return _(
        "Install what the site was tested with, then restart it: %(command)s On cPanel, the button Run Pip "
        "Install of Setup Python App does the same."
    ) % {"command": shlex.join(words)}


def _directory() -> Requirement:
    path = Path(settings.VAR_DIR)
    name = _("Writable directory")
    nearest = next(one for one in (path, *path.parents) if one.exists())
    needed = [nearest, *(one for one in (path / "cache", Path(settings.MEDIA_ROOT)) if one.exists())]
    closed = [one for one in needed if not os.access(one, os.W_OK | os.X_OK)]
    if not closed:
        return Requirement(name, str(path))
    advice = _(
        "Give the user that runs the site the right to write to it, or name another one in the variable "
        "VAR_DIR."
    )
    found = _("%(path)s cannot be written") % {"path": ", ".join(map(str, closed))}
    return Requirement(name, found, Level.ERROR, advice)


def _room() -> Requirement:
    path = Path(settings.VAR_DIR)
    free = shutil.disk_usage(next(one for one in (path, *path.parents) if one.exists())).free
    found = _("%(number)s MB free") % {"number": f"{free // MEGABYTE:,}".replace(",", "\u202f")}
    if free >= LITTLE_ROOM:
        return Requirement(_("Room on the disk"), found)
    level = Level.WARNING if free >= LEAST_ROOM else Level.ERROR
    return Requirement(_("Room on the disk"), found, level, _("Free some space: 500 MB are comfortable."))


def _sqlite() -> Requirement:
    found = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info >= LEAST_SQLITE:
        return Requirement("SQLite", found)
    advice = _("It is too old: use PostgreSQL in step 3, or a newer Python.")
    return Requirement("SQLite", found, Level.WARNING, advice)


def _postgresql() -> Requirement:
    version = packages.version("psycopg")
    if version and find_spec("psycopg"):
        return Requirement(_("PostgreSQL driver"), f"psycopg {version}")
    advice = _("Only needed for PostgreSQL: pip install “psycopg[binary,pool]”")
    return Requirement(_("PostgreSQL driver"), _("not there"), Level.WARNING, advice)


def _mail() -> Requirement:
    if settings.CONFIGURATION.email_url:
        return Requirement(_("E-mail"), _("a mail server is set in EMAIL_URL"))
    advice = _(
        "Not needed now. Until EMAIL_URL names a mail server, messages such as forgotten passwords are "
        "only printed in the console."
    )
    return Requirement(_("E-mail"), _("no mail server is set"), Level.WARNING, advice)


def _translations() -> Requirement:
    names = ", ".join(str(name) for _code, name in settings.LANGUAGES)
    if not catalogues.outdated():
        return Requirement(_("Languages"), names)
    advice = _("Some texts would be in English only. Compile them with: %(command)s") % {
        "command": "python manage.py build"
    }
    return Requirement(_("Languages"), names, Level.WARNING, advice)


# --- How it is reached ---


def _address(request: HttpRequest) -> Requirement:
    return Requirement(_("Address as seen"), f"{request.scheme}://{request.get_host()}")


def _encryption(request: HttpRequest) -> Requirement:
    name = _("HTTPS")
    if request.is_secure():
        return Requirement(name, _("yes"))
    if request.headers.get("Forwarded") or "HTTP_X_FORWARDED_FOR" in request.META:
        advice = _(
            "Requests come through a proxy. If visitors use https, name the proxy’s address in the "
            "variable TRUSTED_PROXIES, or the site believes that they do not."
        )
        return Requirement(name, _("not as far as the site can see"), Level.WARNING, advice)
    advice = _(
        "Everything works without. Once there is a certificate, change the site’s address to https: from "
        "then on, cookies are kept to encrypted connections."
    )
    return Requirement(name, _("no, plain http"), Level.WARNING, advice)


def _visitor(request: HttpRequest) -> Requirement:
    found = client_ip(request) or _("unknown")
    if is_from_trusted_proxy(request):
        found = _("%(address)s, through a trusted proxy") % {"address": found}
    return Requirement(_("Your address as seen"), found)
