"""How a web server gets at the files: by links that are named by the time, and open for some seconds.

A rule of a web server cannot know when a page ends, nor whether anybody is left to remove it. But it knows
the time: it looks for files behind a link of that name, and there is one only while somebody has swept
out what does not hold within the last seconds.
"""

from __future__ import annotations

import contextlib
import os
import zoneinfo
from datetime import UTC, datetime, tzinfo
from pathlib import Path

# Seconds that one link is for; a second one is made for the time after it.
SECONDS = 10
_ZONE = Path("/etc/localtime")


class Doors:
    """The links.

    Args:
        directory: where they are.
        target: what they lead to, as seen from there.
    """

    def __init__(self, directory: Path, target: str) -> None:
        self._directory = directory
        self._target = target
        self._zone = _zone_of_the_system()

    def open(self, now: float) -> None:
        """Have the files found for ten seconds to twenty from *now* on.

        Raises:
            OSError: no link can be made.
        """
        self._directory.mkdir(mode=0o755, exist_ok=True)
        wanted = {*self.names(now), *self.names(now + SECONDS)}
        present = set(os.listdir(self._directory))
        for name in wanted - present:
            with contextlib.suppress(FileExistsError):
                (self._directory / name).symlink_to(self._target)
        self._remove(present - wanted)

    def close(self) -> None:
        """Have nothing found any more, at once.

        Raises:
            OSError: a link cannot be removed.
        """
        with contextlib.suppress(FileNotFoundError):
            self._remove(set(os.listdir(self._directory)))

    def names(self, now: float) -> tuple[str, str]:
        """Return the two names of a moment: nginx tells seconds since 1970, Apache the local time."""
        tens = int(now) // SECONDS
        return str(tens), datetime.fromtimestamp(tens * SECONDS, self._zone).strftime("%Y%m%d%H%M%S")[:-1]

    def _remove(self, names: set[str]) -> None:
        for name in names:
            (self._directory / name).unlink(missing_ok=True)


def _zone_of_the_system() -> tzinfo:
    """Return the time zone that a web server goes by; Django has set that of this process to its own."""
    try:
        with _ZONE.open("rb") as file:
            return zoneinfo.ZoneInfo.from_file(file)
    except (OSError, ValueError):
        # None is set: it is that of the world.
        return UTC
