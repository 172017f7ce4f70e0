"""A directory among the temporary files that belongs to this user alone."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from pathlib import Path


def private_directory() -> Path:
    """Return a directory among the temporary files that only this user can enter.

    ``require_private()`` makes it, or says that it is somebody else's, to whoever is about to use it.
    """
    try:
        place = tempfile.gettempdir()
    except FileNotFoundError:
        place = "/tmp"  # noqa: S108 (the name alone; that it cannot be used is known)
    return Path(place) / f"cacheadmin-{os.geteuid()}"


def require_private(path: Path) -> None:
    """Make the private directory if *path* is in it, and make sure that it is nobody else's.

    Args:
        path: any path; those outside of the private directory are no matter here.

    Raises:
        PermissionError: whoever made the directory, or may enter it, could replace what is in it.
        OSError: it cannot be made.
    """
    directory = private_directory()
    if directory not in (path, *path.parents):
        return
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=stat.S_IRWXU)
    # Not followed: a link leads wherever its owner wants.
    status = os.lstat(directory)
    is_private = stat.S_ISDIR(status.st_mode) and stat.S_IMODE(status.st_mode) == stat.S_IRWXU
    if not is_private or status.st_uid != os.geteuid():
        raise PermissionError(
            errno.EPERM, f"{directory} is not a directory of mode 0700 that belongs to this user alone"
        )
