"""The bytes of one entry: a header with a checksum, the key and the signed value."""

from __future__ import annotations

import os
import struct
import zlib
from hashlib import blake2b as _blake2b
from typing import NamedTuple

from cacheadmin.serializer import NotOurs, OtherFormat

# The last byte is the version of the format: another version's entries are not ours to judge.
MAGIC = b"cae3"
# magic, checksum of what follows up to the value's signature, end, time of writing, lengths of key and value
_HEADER = struct.Struct("<4sIddII")
HEADER_SIZE = _HEADER.size
_START = struct.Struct("<4sI")
_REST = struct.Struct("<ddII")
# One read is enough for anything smaller; reading more than there is costs nothing.
FIRST_READ = 65_536
# A value longer than this begins with a signature of the whole of it, which whoever reads it checks
# anyway: the checksum covers the signature, and so no half of one write passes with a half of another.
_CHECKED = 64
LARGEST = 1 << 30
# Entries without a timeout: what nobody reads for so long goes.
LIFE = 30 * 86_400.0
_RENEW_BELOW = LIFE - 86_400.0


# One stored value: when it ends (seconds since 1970; negative if only for want of readers), and its
# signed bytes. A plain pair, because making one is a part of every read.
Entry = tuple[float, bytes]


def name_of(key: str) -> bytes:
    """Return *key* as bytes, whatever characters it has."""
    return key.encode("utf-8", "surrogatepass")


def digest_of(name: bytes) -> str:
    """Return the file name, 32 hexadecimal digits, of the key *name*."""
    return _blake2b(name, digest_size=16).hexdigest()


def end_after(timeout: float | None, now: float) -> float:
    """Return when an entry ends that is stored *now* for *timeout* seconds."""
    return -(now + LIFE) if timeout is None else now + timeout


def wants_renewal(end: float, now: float) -> bool:
    """Whether an entry without a timeout has been read for the first time in a day."""
    return end < 0 and -end - now < _RENEW_BELOW


def pack(name: bytes, data: bytes, end: float, now: float) -> bytes:
    """Return the content of the file for one entry."""
    rest = _REST.pack(end, now, len(name), len(data))
    start = rest + name
    checksum = zlib.crc32(data[:_CHECKED], zlib.crc32(start))
    return b"".join((_START.pack(MAGIC, checksum), start, data))


def read(descriptor: int) -> bytes:
    """Return what an open file holds, or as much of it as an entry could have."""
    content = os.read(descriptor, FIRST_READ)
    return content if len(content) < FIRST_READ else read_on(descriptor, content)


def read_on(descriptor: int, content: bytes) -> bytes:
    """Return *content* and what follows it in the file."""
    parts, missing = [content], min(os.fstat(descriptor).st_size, LARGEST) - len(content)
    while missing > 0 and (part := os.read(descriptor, missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def unpack(content: bytes, name: bytes) -> Entry:
    """Return the entry that *content* is, of the key *name*.

    Raises:
        NotOurs: it is not a whole entry, or another key's.
        OtherFormat: another version of this app has written it.
    """
    if len(content) < HEADER_SIZE:
        raise NotOurs
    magic, checksum, end, _written, key_length, length = _HEADER.unpack_from(content)
    if magic != MAGIC:
        raise OtherFormat if magic[:3] == MAGIC[:3] else NotOurs
    start = HEADER_SIZE + key_length
    # An entry that was written over a longer one has the rest of that behind it.
    stop = start + length
    if len(content) < stop or zlib.crc32(content[8 : min(stop, start + _CHECKED)]) != checksum:
        raise NotOurs
    if content[HEADER_SIZE:start] != name:
        raise NotOurs
    return end, content[start:stop]


class Header(NamedTuple):
    """What the first bytes of a file say, unchecked.

    Args:
        is_ours: whether this version has written it.
        end: when it ends; 0 where unknown.
        written: when it was written; 0 where unknown.
        key_length: bytes of the key, which follows.
    """

    is_ours: bool
    end: float
    written: float
    key_length: int


def peek(content: bytes) -> Header:
    """Return what the header in *content* says."""
    if len(content) < HEADER_SIZE or content[:4] != MAGIC:
        return Header(False, 0.0, 0.0, 0)
    _magic, _checksum, end, written, key_length, _length = _HEADER.unpack_from(content)
    return Header(True, end, written, key_length)
