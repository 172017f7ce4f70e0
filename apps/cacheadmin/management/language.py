"""The language in which the command speaks: that of the terminal, as its environment says it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from django.utils import translation

# The first of these that is set says it, as everywhere on such a system.
_NAMES = ("LC_ALL", "LC_MESSAGES", "LANG")


def of_terminal() -> str | None:
    """Return the language of the terminal, if the project has it; ``None`` leaves it to LANGUAGE_CODE."""
    said = next(filter(None, map(os.environ.get, _NAMES)), "")
    code = said.partition(".")[0].partition("@")[0].replace("_", "-").lower()
    try:
        return translation.get_supported_language_variant(code)
    except LookupError:
        # "C", nothing, or one that nobody has translated to.
        return None


@contextmanager
def spoken() -> Iterator[None]:
    """Speak the language of the terminal."""
    found = of_terminal()
    if found is None:
        yield
        return
    with translation.override(found):
        yield
