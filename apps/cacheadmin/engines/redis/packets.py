"""Commands as the bytes that Redis reads."""

from __future__ import annotations

_BULK = b"$%d\r\n%b\r\n"

MULTI = b"*1\r\n$5\r\nMULTI\r\n"
EXEC = b"*1\r\n$4\r\nEXEC\r\n"
ASKING = b"*1\r\n$6\r\nASKING\r\n"
_GET = b"*2\r\n$3\r\nGET\r\n" + _BULK
_WATCH = b"*2\r\n$5\r\nWATCH\r\n" + _BULK
_SET_FOR = b"*5\r\n$3\r\nSET\r\n" + _BULK + _BULK + b"$2\r\nPX\r\n" + _BULK


def pack(*words: bytes) -> bytes:
    """Return any command."""
    return b"*%d\r\n" % len(words) + b"".join([_BULK % (len(word), word) for word in words])


def get(name: bytes) -> bytes:
    """Return GET."""
    return _GET % (len(name), name)


def watch(name: bytes) -> bytes:
    """Return WATCH."""
    return _WATCH % (len(name), name)


def set_for(name: bytes, data: bytes, milliseconds: int) -> bytes:
    """Return SET with a life."""
    life = b"%d" % milliseconds
    return _SET_FOR % (len(name), name, len(data), data, len(life), life)


def set_keeping(name: bytes, data: bytes) -> bytes:
    """Return SET that leaves the life as it is."""
    return pack(b"SET", name, data, b"KEEPTTL")


def add_for(name: bytes, data: bytes, milliseconds: int) -> bytes:
    """Return SET with a life, for a key that is not there yet."""
    return pack(b"SET", name, data, b"PX", b"%d" % milliseconds, b"NX")


def delete(name: bytes) -> bytes:
    """Return DEL."""
    return pack(b"DEL", name)


def expire(name: bytes, seconds: int) -> bytes:
    """Return EXPIRE."""
    return pack(b"EXPIRE", name, b"%d" % seconds)


def increase(name: bytes, delta: int) -> bytes:
    """Return INCRBY."""
    return pack(b"INCRBY", name, b"%d" % delta)


def increase_if_there(name: bytes, delta: int) -> bytes:
    """Return five commands that add to a key which is there; see ``Wire.increase()``."""
    absent = pack(b"SET", name, b"", b"NX", b"PXAT", b"1")
    return watch(name) + absent + MULTI + increase(name, delta) + EXEC
