"""What is decided outside the wizard: it is shown there, with the name of who decides, and not asked."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

HIDDEN = "…"


@dataclass(frozen=True)
class Fixed:
    """A value that the wizard cannot change.

    Args:
        value: as it may be shown, without a password.
        source: who says so, in words.
    """

    value: str
    source: str


def by_environment(variable: str) -> bool:
    """Whether the environment of the server sets *variable*."""
    return bool(os.environ.get(variable))


def fixed(variable: str, value: str) -> Fixed | None:
    """Return *value*, which the configuration has under the name *variable*; ``None`` where it has none.

    Args:
        variable: as it is called in the environment; in ``site.toml`` it is written in small letters.
        value: as it may be shown.
    """
    return Fixed(value, _source(variable)) if value else None


def by_variable_alone(variable: str, value: str) -> Fixed | None:
    """Return the same only where the environment says so: what ``site.toml`` says, the wizard may change."""
    return fixed(variable, value) if by_environment(variable) else None


def without_secret(url: str) -> str:
    """Return the address of a database as it may be shown: neither its password nor its options."""
    parts = urlsplit(url)
    login, at, place = parts.netloc.rpartition("@")
    user, colon, _password = login.partition(":")
    return f"{parts.scheme}://{user}{f':{HIDDEN}' if colon else ''}{at}{place}{parts.path}"


def _source(variable: str) -> str:
    if by_environment(variable):
        return _("The variable %(name)s of the environment") % {"name": variable}
    return _("The line “%(name)s” of %(path)s") % {"name": variable.lower(), "path": settings.SITE_FILE}
