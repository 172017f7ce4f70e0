"""How far the installation is: written by the process that installs, read by whoever is asked."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from django.conf import settings

FILE = "setup-progress.json"


@dataclass(frozen=True)
class Progress:
    """What was done.

    Args:
        actions: in words, in order; the last one is the one that is being done.
        count: how far that one is, where it can be counted.
        failure: why the last one failed; empty where it did not.
    """

    actions: list[str] = field(default_factory=list)
    count: str = ""
    failure: str = ""


def read() -> Progress:
    """Return how far it is; nothing is done where nothing was begun."""
    try:
        return Progress(**json.loads(_path().read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Progress()


def forget() -> None:
    """Begin anew."""
    with suppress(OSError):
        _path().unlink()


class Diary:
    """Writes down what is being done."""

    def __init__(self) -> None:
        self._progress = Progress()
        self._write()

    def say(self, words: str) -> None:
        """Take note of the next action; what is indented tells how far the present one is."""
        if words.startswith(" "):
            self._progress = Progress(self._progress.actions, count=words.strip())
        else:
            self._progress = Progress([*self._progress.actions, words])
        self._write()

    def fail(self, reason: str) -> None:
        """Take note of why the present action failed."""
        self._progress = Progress(self._progress.actions, failure=reason)
        self._write()

    def _write(self) -> None:
        # Nobody's installation fails because nobody could be told of it.
        with suppress(OSError):
            descriptor, temporary = tempfile.mkstemp(dir=settings.VAR_DIR, prefix=f".{FILE}.")
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(asdict(self._progress), file)
            os.replace(temporary, _path())


def _path() -> Path:
    return Path(settings.VAR_DIR, FILE)
