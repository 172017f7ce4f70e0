"""File engines for tests, and what they leave on the disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from cacheadmin.engines.base import Contents
from cacheadmin.engines.file import MAX_BYTES, FileEngine
from cacheadmin.serializer import Serializer

NAME_LENGTH = 32
CALLS = (
    "open",
    "read",
    "pread",
    "write",
    "pwrite",
    "close",
    "stat",
    "lstat",
    "fstat",
    "unlink",
    "utime",
    "ftruncate",
)


def new_engine(
    directory: Path, max_entries: int = 10_000, cull_frequency: int = 3, max_bytes: int = MAX_BYTES
) -> FileEngine:
    """A file engine on *directory*; several on one directory are like several workers."""
    return FileEngine(directory, Serializer("for tests"), max_entries, cull_frequency, max_bytes)


def entry_files(directory: Path) -> list[Path]:
    """The files of entries in force under *directory*."""
    found = [path for path in directory.rglob("*") if len(path.name) == NAME_LENGTH and not path.is_dir()]
    return [path for path in found if not any(part.startswith("dead-") for part in path.parts)]


def on_disk(directory: Path) -> Contents:
    """How many entries there are, and their bytes, by a look at each."""
    files = entry_files(directory)
    return Contents(entries=len(files), size=sum(path.lstat().st_size for path in files))


@contextmanager
def counted_calls() -> Iterator[list[str]]:
    """Write down which functions of the system are called."""
    called: list[str] = []

    def spy(name: str) -> mock._patch[object]:
        real = getattr(os, name)

        def call(*args: object, **kwargs: object) -> object:
            called.append(name)
            return real(*args, **kwargs)

        return mock.patch.object(os, name, call)

    patches = [spy(name) for name in CALLS]
    for patch in patches:
        patch.start()
    try:
        yield called
    finally:
        for patch in patches:
            patch.stop()
