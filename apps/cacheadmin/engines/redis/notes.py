"""What stands beside the entries in Redis: numbers and notes that all machines agree on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from redis.exceptions import ResponseError

from cacheadmin.engines.redis import packets
from cacheadmin.engines.redis.errors import explain
from cacheadmin.engines.redis.lives import LONGEST_LIFE
from cacheadmin.engines.redis.wire import Wire, is_wrong_type
from cacheadmin.shared import NO_TIME

# A generation: nanoseconds, which have nineteen digits until the year 2286; none is of the year 2116.
_NUMBER = re.compile(rb"[0-9]{1,19}")


class Notes:
    """The part of the Redis engine that reads and writes them."""

    _wire: Wire
    _answer: Callable[..., Any]

    def read_numbers(self, names: Iterable[str]) -> list[int | None]:
        """Return the plain numbers stored under *names*, ``None`` for an absent one."""
        return [as_number(data) for data in self.read_notes(names)]

    def write_number(self, name: str, number: int) -> None:
        """Store a plain number for as long as an entry lives at the most."""
        key = encoded(name)
        packet = packets.set_for(key, b"%d" % number, LONGEST_LIFE * 1000)
        self._answer(self._wire.ask, key, packet)

    def read_notes(self, names: Iterable[str]) -> list[bytes | None]:
        """Return the bytes stored under *names*, unchecked, ``None`` for an absent one."""
        found: list[bytes | None] = self._answer(self._wire.read_many, [encoded(name) for name in names])
        return found

    def write_note(self, name: str, note: bytes, *, only_new: bool = False) -> bool:
        """Store some bytes for as long as an entry lives at the most.

        Args:
            name: their key.
            note: the bytes.
            only_new: whether to leave what stands there already.

        Returns:
            whether they were stored.
        """
        key, life = encoded(name), LONGEST_LIFE * 1000
        packet = packets.add_for(key, note, life) if only_new else packets.set_for(key, note, life)
        return bool(self._answer(self._wire.ask, key, packet, again=not only_new))

    def names_everywhere(self, prefix: str) -> list[str]:
        """Return names that begin with *prefix*, one on each server that takes writes; ever the same ones."""
        found: list[str] = self._answer(self._wire.everywhere, prefix)
        return found

    def raise_numbers(self, names: Iterable[str]) -> list[int]:
        """Add one to each of some plain numbers, which live on from now, and return the sums.

        What is no number is removed, and counts as 0.
        """
        keys = list(map(encoded, names))
        requests = []
        for key in keys:
            requests += [(key, packets.increase(key, 1)), (key, packets.expire(key, LONGEST_LIFE))]
        sums = self._answer(self._wire.ask_each, requests)[::2]
        return [self._sum_or_nothing(key, found) for key, found in zip(keys, sums, strict=True)]

    def _sum_or_nothing(self, key: bytes, found: Any) -> int:
        if not isinstance(found, ResponseError):
            return int(found)
        if not is_wrong_type(found) and "not an integer" not in str(found):
            raise explain(found)
        self._answer(self._wire.delete_many, [key])
        return 0


def as_number(data: bytes | None) -> int | None:
    """Return the generation that *data* is; whatever else stands there, nobody of ours has written."""
    found = int(data) if data is not None and _NUMBER.fullmatch(data) is not None else None
    return found if found is None or found < NO_TIME else None


def encoded(key: str) -> bytes:
    """Return the name of a key as it goes over the wire."""
    # Half a surrogate pair, as JSON can bring it in, is a key like any other.
    return key.encode("utf-8", "surrogatepass")
