"""The open index of one cache, and the records in it: how much each shard holds."""

from __future__ import annotations

import contextlib
import os
import struct
import zlib

# entries, bytes, seal
RECORD = struct.Struct("<qqq")
_COUNTS = struct.Struct("<qq")
SEAL_AT = _COUNTS.size
BROKEN_SEAL = struct.pack("<q", 1)
# While the index is in force, this stands in it.
LIVE = b"in force"
LIVE_AT = 40


class Index:
    """The open index file that all operations on one cache share; it is closed with its last user.

    Args:
        descriptor: of the file; -1 in a child that has to open its own.
    """

    __slots__ = ("descriptor",)

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def is_in_force(self) -> bool:
        """Whether nobody has emptied or replaced the cache that it belongs to."""
        try:
            return os.pread(self.descriptor, len(LIVE), LIVE_AT) == LIVE
        except OSError:
            return False

    def retire(self) -> None:
        """Say to all who have it open that it is not in force any more, even if its file is removed."""
        os.pwrite(self.descriptor, bytes(len(LIVE)), LIVE_AT)

    def close(self) -> None:
        """Close it now."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __del__(self) -> None:
        with contextlib.suppress(OSError):
            self.close()


def seal(entries: int, size: int) -> int:
    """Return the number that says that these two belong together; 0 and 1 never do."""
    return zlib.crc32(_COUNTS.pack(entries, size)) + 2
