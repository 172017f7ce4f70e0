"""Values as bytes that only this installation can have written.

A stored value carries a signature over its full key (which names installation and version) and
its content, made with a key derived from SECRET_KEY. What somebody else planted, or moved from
one key to another, fails the signature and never reaches the unpickler. Plain integers of a
usual size are stored as such, so that an engine can increment them: a number can harm nobody.
"""

from __future__ import annotations

import hashlib
import hmac
import pickle
import re
from typing import Any

# The last byte is the version of the format: another version's entries are not ours to judge.
MAGIC = b"\xca\xce\x01"
FORMAT = MAGIC[:2]
DIGEST_SIZE = 16
_HEADER = len(MAGIC) + DIGEST_SIZE
# No longer than 64 bits hold: reading thousands of planted digits would be an error of its own.
_INTEGER = re.compile(rb"-?[0-9]{1,18}")
_LARGEST = 10**18 - 1


class NotOurs(Exception):
    """The bytes were not written by this installation for this key, or are damaged."""


class OtherFormat(Exception):
    """The bytes are of another version of this app: a miss that is left where it is."""


class Serializer:
    """Turns values into signed bytes and back.

    Args:
        secret: what new values are signed with.
        fallbacks: earlier secrets whose values are still read.
    """

    def __init__(self, secret: str, fallbacks: tuple[str, ...] = ()) -> None:
        self._hashers = [_hasher(text) for text in (secret, *fallbacks)]

    def dumps(self, key: str, value: Any) -> bytes:
        """Return the bytes that stand for *value* under the full *key*.

        Raises:
            pickle.PicklingError, TypeError, AttributeError: the value cannot be pickled.
        """
        if type(value) is int and abs(value) <= _LARGEST:
            return b"%d" % value
        body = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        return MAGIC + _signature(self._hashers[0], key, body) + body

    def loads(self, key: str, data: bytes) -> Any:
        """Return the value that *data* stands for under the full *key*.

        Raises:
            NotOurs: foreign, moved from another key, damaged, or of a class that is gone.
            OtherFormat: written by another version of this app.
        """
        if data[:2] != FORMAT:
            if _INTEGER.fullmatch(data):
                return int(data)
            raise NotOurs
        if data[:3] != MAGIC:
            raise OtherFormat
        body = data[_HEADER:]
        signature = data[len(MAGIC) : _HEADER]
        if not any(hmac.compare_digest(_signature(hasher, key, body), signature) for hasher in self._hashers):
            raise NotOurs
        try:
            return pickle.loads(body)  # noqa: S301 (the signature says that we wrote it)
        except Exception as error:  # a class moved or vanished: unpickling may raise anything
            raise NotOurs from error


def fingerprint(secret: str) -> str:
    """Return a short name of the installation that owns *secret*; it gives nothing of it away."""
    return hashlib.blake2b(secret.encode(), digest_size=5, person=b"cacheadmin.name").hexdigest()


def _hasher(secret: str) -> hashlib.blake2b:
    key = hashlib.blake2b(secret.encode(), digest_size=32, person=b"cacheadmin.value").digest()
    return hashlib.blake2b(key=key, digest_size=DIGEST_SIZE)


def _signature(hasher: hashlib.blake2b, key: str, body: bytes) -> bytes:
    signer = hasher.copy()
    name = key.encode("utf-8", "surrogatepass")
    # The length first: no two pairs of key and body may run together into the same bytes.
    signer.update(b"%d:" % len(name))
    signer.update(name)
    signer.update(body)
    return signer.digest()
