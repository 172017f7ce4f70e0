"""Values as bytes that only this installation can have written.

A stored value carries a signature over its full key (which names installation and version) and
its content, made with a key derived from SECRET_KEY. What somebody else planted, or moved from
one key to another, fails the signature and never reaches the unpickler. Plain integers of a
usual size are stored as such, so that an engine can increment them: a number can harm nobody.
"""

from __future__ import annotations

import hashlib
import pickle
import re
import zlib
from hmac import compare_digest
from typing import Any

# The last byte is the version of the format: another version's entries are not ours to judge.
MAGIC = b"\xca\xce\x02"
FORMAT = MAGIC[:2]
DIGEST_SIZE = 16
_PLAIN, _COMPRESSED = b"\0", b"\x01"
_SIGNED_FROM = len(MAGIC) + DIGEST_SIZE
# No longer than 64 bits hold: reading thousands of planted digits would be an error of its own.
_INTEGER = re.compile(rb"-?[0-9]{1,18}")
_LARGEST = 10**18 - 1
# What a first look at a large value must show before the whole of it is compressed.
_SAMPLE = 8192
_WORTH_IT = 0.7


class NotOurs(Exception):
    """The bytes were not written by this installation for this key, or are damaged."""


class OtherFormat(Exception):
    """The bytes are of another version of this app: a miss that is left where it is."""


class Serializer:
    """Turns values into signed bytes and back.

    Args:
        secret: what new values are signed with.
        fallbacks: earlier secrets whose values are still read.
        compress_from: bytes from which on a value is compressed if that makes it a good deal smaller;
            ``None`` compresses nothing. What is compressed is read in either case.
    """

    def __init__(
        self, secret: str, fallbacks: tuple[str, ...] = (), *, compress_from: int | None = None
    ) -> None:
        self._hasher = _hasher(secret)
        self._fallbacks = [_hasher(text) for text in fallbacks]
        self._compress_from = float("inf") if compress_from is None else compress_from

    def dumps(self, key: str, value: Any) -> bytes:
        """Return the bytes that stand for *value* under the full *key*.

        Raises:
            pickle.PicklingError, TypeError, AttributeError: the value cannot be pickled.
        """
        if type(value) is int and abs(value) <= _LARGEST:
            return b"%d" % value
        body = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        signed = _PLAIN + body if len(body) < self._compress_from else _smaller(body)
        return MAGIC + _signature(self._hasher, key, signed) + signed

    def loads(self, key: str, data: bytes) -> Any:
        """Return the value that *data* stands for under the full *key*.

        Raises:
            NotOurs: foreign, moved from another key, damaged, or of a class that is gone.
            OtherFormat: written by another version of this app.
        """
        if data[:3] != MAGIC:
            if data[:2] == FORMAT:
                raise OtherFormat
            if _INTEGER.fullmatch(data):
                return int(data)
            raise NotOurs
        signature, signed = data[3:_SIGNED_FROM], data[_SIGNED_FROM:]
        if not compare_digest(_signature(self._hasher, key, signed), signature) and not any(
            compare_digest(_signature(hasher, key, signed), signature) for hasher in self._fallbacks
        ):
            raise NotOurs
        try:
            body = memoryview(signed)[1:]
            # The signature says that we wrote it.
            return pickle.loads(zlib.decompress(body) if signed[0] else body)  # noqa: S301
        except Exception as error:  # a class moved or vanished: unpickling may raise anything
            raise NotOurs from error


def _smaller(body: bytes) -> bytes:
    """Return *body* behind the mark of how it is kept: compressed, if that pays."""
    # Of what is compressed already, a look at its beginning is enough.
    if len(zlib.compress(body[:_SAMPLE], 1)) < min(len(body), _SAMPLE) * _WORTH_IT:
        compressed = zlib.compress(body, 1)
        if len(compressed) < len(body) * _WORTH_IT:
            return _COMPRESSED + compressed
    return _PLAIN + body


def fingerprint(secret: str) -> str:
    """Return a short name of the installation that owns *secret*; it gives nothing of it away."""
    return hashlib.blake2b(secret.encode(), digest_size=5, person=b"cacheadmin.name").hexdigest()


def _hasher(secret: str) -> hashlib.blake2b:
    key = hashlib.blake2b(secret.encode(), digest_size=32, person=b"cacheadmin.value").digest()
    return hashlib.blake2b(key=key, digest_size=DIGEST_SIZE)


def _signature(hasher: hashlib.blake2b, key: str, signed: bytes) -> bytes:
    signer = hasher.copy()
    name = key.encode("utf-8", "surrogatepass")
    # The length first: no two pairs of key and body may run together into the same bytes.
    signer.update(len(name).to_bytes(4, "little") + name)
    signer.update(signed)
    return signer.digest()
