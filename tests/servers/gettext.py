"""The gettext tools, which `makemessages` needs and Python does not bring."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tests.servers import packages

HOW_TO_INSTALL = (
    "The tests of the catalogues need gettext (xgettext, msgmerge). On Debian or Ubuntu: apt-get install "
    "gettext. On macOS: brew install gettext."
)


@cache
def find_gettext() -> Path:
    """The program xgettext.

    Raises:
        packages.NotInstalledError: it is missing and cannot be installed from here.
    """
    said = ""
    found = packages.find_program("xgettext")
    if found is None and packages.can_install():
        said = packages.install("gettext")
        found = packages.find_program("xgettext")
    if found is None:
        raise packages.NotInstalledError(f"{HOW_TO_INSTALL} {said}")
    return found
