"""Something that only one process of this machine does at a time, and another one when that is gone."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


class OnlyOne:
    """A lock on a file, held as long as its holder lives.

    Args:
        path: the file; ``None`` where there is nobody to share the work with.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._descriptor: int | None = None

    @contextlib.contextmanager
    def hold(self) -> Iterator[bool]:
        """Be the one, if nobody else is; says whether that worked."""
        if self._path is None:
            yield True
            return
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError:
            # Two who do it do no harm; nobody would.
            yield True
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            yield False
            return
        self._descriptor = descriptor
        try:
            yield True
        finally:
            self._descriptor = None
            # Said aloud: a child forked meanwhile may hold a duplicate, and with it the lock.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)

    def after_fork(self) -> None:
        """Let go of the parent's: were it left open here, the parent's death would not free the lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
