"""The files that people wrote: what is in version control, and what is about to be."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
OF_OTHERS = ("static/vendor/", "tests/browser/vendor/")
_LIST = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")


def written(*suffixes: str, below: Path = CHECKOUT) -> Iterator[Path]:
    """The files that people wrote, of all kinds or of those *suffixes*, in order."""
    told = subprocess.run(_LIST, cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout
    for name in sorted(filter(None, told.split("\0"))):
        path = CHECKOUT / name
        if name.startswith(OF_OTHERS) or not path.is_relative_to(below) or not path.is_file():
            continue
        if not suffixes or path.suffix in suffixes:
            yield path


def short(path: Path) -> str:
    """The path as people write it."""
    return path.relative_to(CHECKOUT).as_posix()
