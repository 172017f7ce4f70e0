"""Whether a directory can be trusted with a cache, and what an error of the system means."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path

from django.utils.translation import gettext as _

from cacheadmin import temporary
from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.verdicts import Verdict

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EEXIST, errno.ELOOP)


def check_directory(directory: Path) -> None:
    """Create *directory* if need be and make sure that only this user can write to it or move it away.

    Raises:
        EngineUnavailable: it cannot be made or written, or others could plant files in it.
    """
    try:
        _require_private(directory)
        _check_way(directory)
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Links have been followed by now: what they lead to has to be as safe.
        real = Path(os.path.realpath(directory, strict=True))
        if real != directory:
            _check_way(real)
        status = real.stat()
    except OSError as error:
        raise unavailable(error) from error
    if not _is_ours(status) or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise _unsafe(directory, real)
    if not os.access(directory, os.W_OK | os.X_OK):
        raise EngineUnavailable(Verdict.NOT_WRITABLE, str(directory))


def own_directory(directory: Path) -> Path:
    """Return a directory that could be used in place of one that others can write to."""
    name = hashlib.blake2b(str(directory).encode("utf-8", "surrogateescape"), digest_size=6).hexdigest()
    return temporary.private_directory() / f"files-{name}"


def unavailable(error: OSError) -> EngineUnavailable:
    """Return what *error* of the file system means for the engine."""
    verdict = Verdict.ERROR
    if error.errno in _FULL:
        verdict = Verdict.DISK_FULL
    elif error.errno in _DENIED:
        verdict = Verdict.NOT_WRITABLE
    return EngineUnavailable(verdict, error.strerror or "")


def _require_private(directory: Path) -> None:
    try:
        temporary.require_private(directory)
    except PermissionError as error:
        raise _unsafe(directory, temporary.private_directory()) from error


def _check_way(directory: Path) -> None:
    """Refuse a way to *directory* on which others could put something else in its place."""
    for step in (*reversed(directory.parents), directory):
        try:
            status = os.lstat(step)
        except FileNotFoundError:
            # What is not there yet will be made by us, inside what was looked at.
            return
        if stat.S_ISLNK(status.st_mode):
            if not _is_ours(status):
                raise _unsafe(directory, step)
        elif step != directory and status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
            raise _unsafe(directory, step)


def _is_ours(status: os.stat_result) -> bool:
    return status.st_uid in (os.geteuid(), 0)


def _unsafe(directory: Path, culprit: Path) -> EngineUnavailable:
    where = str(directory)
    if culprit != directory:
        where = _("%(directory)s (by way of %(step)s)") % {"directory": directory, "step": culprit}
    return EngineUnavailable(Verdict.UNSAFE_DIRECTORY, where)
