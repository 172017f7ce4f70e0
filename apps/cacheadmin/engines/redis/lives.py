"""How long an entry lives in Redis, and what says so.

An entry without a timeout still ends one day, so that what a clear orphaned goes by itself; as long
as it is read it must not. Neither EXPIRE with its conditions nor TTL is in a minimal ACL, so the
entry says itself that it has no timeout and on which day it was stamped: five bytes before the
value. A read that finds the stamp some days old writes the entry again, in a transaction, for a
full life. Entries with a timeout carry no stamp and are never prolonged by reading; plain numbers
among them stay plain numbers.
"""

from __future__ import annotations

import time

from cacheadmin.serializer import FORMAT

# Seconds that an entry without a timeout lives unread.
LONGEST_LIFE = 30 * 24 * 3600
# Days between two stamps of an entry that is read all the time.
RENEWED_AFTER = 5
# Begins like another version's format: an older release leaves such entries alone.
STAMP = FORMAT + b"\x80"
_HEAD = len(STAMP) + 2
_DAY = 24 * 3600
# A life beyond this is one that Redis refuses to reckon with.
_LONGEST_TIMEOUT = 100 * 365 * _DAY


def today() -> int:
    """Return the number of this day since 1970, UTC."""
    return int(time.time()) // _DAY


def stamped(data: bytes) -> bytes:
    """Return *data* as it is stored without a timeout."""
    return STAMP + (today() & 0xFFFF).to_bytes(2, "big") + data


def is_stamped(data: bytes) -> bool:
    """Whether *data* is of an entry without a timeout."""
    return data[:3] == STAMP


def bare(data: bytes) -> bytes:
    """Return *data* without the stamp it may have."""
    return data[_HEAD:] if data[:3] == STAMP else data


def is_due(data: bytes) -> bool:
    """Whether stamped *data* has to be stamped anew; a day from the future is as wrong as an old one."""
    return not 0 <= today() - int.from_bytes(data[3:_HEAD], "big") < RENEWED_AFTER


def milliseconds(timeout: float | None) -> int:
    """Return the life of an entry with this timeout in seconds."""
    if timeout is None:
        return LONGEST_LIFE * 1000
    return max(1, int(min(timeout, _LONGEST_TIMEOUT) * 1000))


def as_stored(data: bytes, timeout: float | None) -> bytes:
    """Return *data* as it is stored with this timeout."""
    return stamped(data) if timeout is None else data
