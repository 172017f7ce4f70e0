"""What is stored in Redis, and how it is read."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from redis.exceptions import NoPermissionError, ResponseError

from cacheadmin.engines.base import KEEP, MISSING, BegunAnew, Contents, Engine, EngineUnavailable
from cacheadmin.engines.redis import lives, packets
from cacheadmin.engines.redis.errors import FAILURES, explain
from cacheadmin.engines.redis.lives import as_stored, bare, is_stamped, milliseconds
from cacheadmin.engines.redis.notes import Notes, encoded
from cacheadmin.engines.redis.wire import Wire, is_wrong_type
from cacheadmin.serializer import NotOurs, OtherFormat, Serializer
from cacheadmin.verdicts import Verdict

# A number that Redis itself can add to; the sum must be one that the serializer writes this way.
_PLAIN = re.compile(rb"0|-?[1-9][0-9]{0,17}")
_LARGEST_PLAIN = 10**18 - 1
# A sum that Redis has reckoned can be longer than what the serializer writes as a number.
_SUM = re.compile(rb"-?[1-9][0-9]{18}")
_MOST_UNPLAIN = 10_000
# What could not be sent within the timeout of a usual connection is not stored.
LARGEST_VALUE = 16 << 20


class RedisEngine(Notes, Engine):
    """Signed values under their keys in one Redis database.

    Args:
        wire: the way to it.
        serializer: what signs the values.
        prefix: what all keys of this cache begin with; nothing else is ever touched.
    """

    name = "redis"
    is_shared = True
    is_remote = True

    def __init__(self, wire: Wire, serializer: Serializer, prefix: str) -> None:
        self._wire = wire
        self._serializer = serializer
        self._prefix = prefix
        # Names of numbers without an end, which Redis itself cannot add to.
        self._unplain: set[bytes] = set()
        self._look: Callable[[RedisEngine], bool] | None = None
        # The last connection that was made before it was looked what stands behind it.
        self._believed = 0

    # --- What stands behind a new connection ---

    @property
    def made(self) -> int:
        """Another number with each connection that is made."""
        return self._wire.made

    def watch(self, look: Callable[[RedisEngine], bool], since: int) -> None:
        """Believe nothing that comes over a new connection before *look* was called.

        Args:
            look: finds out what stands behind it, by an engine that does not call it in turn; says whether
                keys are others since then.
            since: what ``made`` was before that was last known.
        """
        self._look, self._believed = look, since

    def _believe(self, *, is_read: bool = False) -> None:
        """Look what stands behind a new connection.

        Raises:
            BegunAnew: what was asked has to be asked again. What was read always has, since the key may
                have been made before another worker looked.
        """
        made = self._wire.made
        is_other = self._look is not None and (
            self._look(RedisEngine(self._wire, self._serializer, self._prefix)) or is_read
        )
        self._believed = made
        if is_other:
            raise BegunAnew

    # --- One entry ---

    def get(self, key: str) -> Any:
        name = key.encode("utf-8", "surrogatepass")
        # As it was before: what another thread finds out meanwhile comes too late for what is read here.
        believed = self._believed
        try:
            data = self._wire.ask(name, packets.get(name))
        except FAILURES as error:
            _raise_unless_foreign(error)
            return MISSING
        if self._wire.made != believed:
            self._believe(is_read=True)
        return MISSING if data is None else self._load(key, data)

    def set(self, key: str, value: Any, timeout: float | None) -> None:
        data = self._serializer.dumps(key, value)
        if timeout is None:
            data = lives.stamped(data)
        if len(data) > LARGEST_VALUE:
            self.delete(key)
            return
        name = key.encode("utf-8", "surrogatepass")
        believed = self._believed
        try:
            self._wire.ask(name, packets.set_for(name, data, milliseconds(timeout)))
        except FAILURES as error:
            raise explain(error) from error
        if self._wire.made != believed:
            self._believe()

    def add(self, key: str, value: Any, timeout: float | None) -> bool:
        data = as_stored(self._serializer.dumps(key, value), timeout)
        if len(data) > LARGEST_VALUE:
            return False
        name = encoded(key)
        # Not again: the first try may have been the one that succeeded.
        return bool(
            self._answer(
                self._wire.ask, name, packets.add_for(name, data, milliseconds(timeout)), again=False
            )
        )

    def touch(self, key: str, timeout: float | None) -> bool:
        name, life = encoded(key), milliseconds(timeout)

        def prolong(data: bytes | None) -> bytes | None:
            if data is None:
                return None
            if timeout is not None and not is_stamped(data) and life % 1000 == 0:
                return packets.expire(name, life // 1000)
            return packets.set_for(name, as_stored(bare(data), timeout), life)

        return bool(self._answer(self._wire.transact, name, prolong))

    def delete(self, key: str) -> bool:
        name = encoded(key)
        return bool(self._answer(self._wire.ask, name, packets.delete(name)))

    def modify(self, key: str, change: Callable[[Any], Any], timeout: Any = KEEP) -> Any:
        name = encoded(key)
        new: Any = MISSING

        def renew(data: bytes | None) -> bytes | None:
            nonlocal new
            new = MISSING
            old = MISSING if data is None else self._peek(key, data)
            if data is None or old is MISSING:
                return None
            new = change(old)
            life = None if timeout is KEEP and is_stamped(data) else timeout
            written = self._serializer.dumps(key, new)
            if len(written) > LARGEST_VALUE:
                return packets.delete(name)
            if life is KEEP:
                return packets.set_keeping(name, written)
            return packets.set_for(name, as_stored(written, life), milliseconds(life))

        self._answer(self._wire.transact, name, renew)
        return new

    def incr(self, key: str, delta: int) -> Any:
        if type(delta) is not int or abs(delta) > _LARGEST_PLAIN:
            return super().incr(key, delta)
        name = encoded(key)
        if name not in self._unplain:
            total = self._answer(self._wire.increase, name, delta)
            if total is not None:
                return total
        return self._incr_seeing_it(key, name, delta)

    def _incr_seeing_it(self, key: str, name: bytes, delta: int) -> Any:
        """Add to what Redis cannot: a number with a stamp, a large one, or what is none at all."""
        total: Any = MISSING
        is_plain = True

        def increase(data: bytes | None) -> bytes | None:
            nonlocal total, is_plain
            total, is_plain = MISSING, True
            if data is None:
                return None
            digits = bare(data)
            is_plain = _PLAIN.fullmatch(digits) is not None and abs(int(digits) + delta) <= _LARGEST_PLAIN
            if not is_plain:
                return None
            total = int(digits) + delta
            if not is_stamped(data):
                return packets.increase(name, delta)
            self._remember_unplain(name)
            return packets.set_for(name, lives.stamped(b"%d" % total), milliseconds(None))

        self._answer(self._wire.transact, name, increase)
        return total if is_plain else super().incr(key, delta)

    def _remember_unplain(self, name: bytes) -> None:
        # The next time it is no use to try the shorter way first.
        if len(self._unplain) >= _MOST_UNPLAIN:
            self._unplain.clear()
        self._unplain.add(name)

    def remaining(self, key: str) -> Any:
        """As in the base class; a user who may not ask is told so.

        Raises:
            PermissionError: the Redis user may not use PTTL, which is no part of the minimal ACL.
        """
        name = encoded(key)
        data, left = self._answer(
            self._wire.ask_each, [(name, packets.get(name)), (name, packets.pack(b"PTTL", name))]
        )
        for error in (data, left):
            if isinstance(error, NoPermissionError):
                raise PermissionError("The Redis user of this cache may not use PTTL.")
            if isinstance(error, ResponseError) and not is_wrong_type(error):
                raise explain(error)
        if left == -2 or not isinstance(data, bytes):
            return MISSING
        return None if left == -1 or is_stamped(data) else left / 1000

    def names(self, pattern: str = "", count: int = 1000) -> Iterator[str]:
        """Yield the full keys of what this cache holds; may be slow, and miss what changes meanwhile.

        Args:
            pattern: full keys in the words of Redis's SCAN, instead of all that begin with our prefix.
            count: how many keys the server looks at in one go.

        Raises:
            PermissionError: the Redis user may not use SCAN, which is no part of the minimal ACL.
        """
        wanted = pattern or f"{_SPECIAL.sub(_ESCAPE, self._prefix)}:*"
        try:
            for name in self._wire.scan(encoded(wanted), count):
                yield name.decode("utf-8", "surrogatepass")
        except NoPermissionError as error:
            raise PermissionError(_("The Redis user of this cache may not use SCAN.")) from error
        except FAILURES as error:
            raise explain(error) from error

    def sizes_of(self, names: Sequence[str]) -> list[int | None]:
        """Return the bytes that the entry of each full key takes in the server, all in all.

        Raises:
            PermissionError: the Redis user may not use MEMORY USAGE, or the server does not know it.
        """
        keys = map(encoded, names)
        answers = self._answer(
            self._wire.ask_each, [(key, packets.pack(b"MEMORY", b"USAGE", key)) for key in keys]
        )
        return _unless_refused(answers)

    def ask_servers(self, *words: bytes) -> list[Any]:
        """Return what each server that takes writes says to a question: one, or every master of a Cluster.

        Raises:
            PermissionError: it refuses to answer.
        """
        names = map(encoded, self.names_everywhere(self._prefix))
        questions = [(name, packets.pack(*words)) for name in names]
        return _unless_refused(self._answer(self._wire.ask_each, questions))

    # --- Many entries: one round trip, or one for each node of a Cluster ---

    def get_many(self, keys: Iterable[str]) -> dict[str, Any]:
        wanted = list(keys)
        answers = self._answer(self._wire.read_many, [encoded(key) for key in wanted], is_read=True)
        found = {
            key: self._load(key, data) for key, data in zip(wanted, answers, strict=True) if data is not None
        }
        return {key: value for key, value in found.items() if value is not MISSING}

    def set_many(self, values: Mapping[str, tuple[Any, float | None]]) -> None:
        requests = []
        for key, (value, timeout) in values.items():
            name, data = encoded(key), as_stored(self._serializer.dumps(key, value), timeout)
            fits = len(data) <= LARGEST_VALUE
            requests.append(
                (name, packets.set_for(name, data, milliseconds(timeout)) if fits else packets.delete(name))
            )
        for answer in self._answer(self._wire.ask_each, requests):
            if isinstance(answer, ResponseError):
                raise explain(answer)

    def delete_many(self, keys: Iterable[str]) -> None:
        self._answer(self._wire.delete_many, [encoded(key) for key in keys])

    # --- The whole ---

    def reclaim(self) -> None:
        # Nothing is deleted by a scan: what no key leads to any more ends with its life.
        return None

    def contents(self) -> Contents:
        return Contents(entries=None, size=None)

    def probe(self) -> None:
        # All that the engine will ever ask for: a user who may not do one of these is found out now,
        # and not by going to and fro between two engines. On a Cluster, on each node.
        prefix = f"{self._prefix}:probe:{secrets.token_hex(6)}:"
        for key in self._answer(self._wire.everywhere, prefix, look=True):
            word = secrets.token_hex(8)
            self.set(key, word, 10)
            self.touch(key, 10)
            read = self.get_many([key]).get(key)
            changed = self.modify(key, str.upper)
            if read != word or self.get(key) != changed:
                raise EngineUnavailable(Verdict.ERROR, "what was written could not be read back")
            self.set(key, 1, 10)
            if self.incr(key, 1) != 2 or not self.delete(key):
                raise EngineUnavailable(Verdict.ERROR, "what was written could not be read back")

    @property
    def client(self) -> Any:
        """The client library's own client, for what has no method here."""
        try:
            return self._wire.client()
        except FAILURES as error:
            raise explain(error) from error

    # --- Answers ---

    def _peek(self, key: str, data: bytes) -> Any:
        """Return the value of *data*, or ``MISSING``; changes nothing."""
        if _SUM.fullmatch(data):
            return int(data)
        try:
            return self._serializer.loads(key, bare(data))
        except (OtherFormat, NotOurs):
            return MISSING

    def _load(self, key: str, data: bytes) -> Any:
        """Return the value of *data*, just read, or ``MISSING``."""
        try:
            if not is_stamped(data):
                return self._serializer.loads(key, data)
            value = self._serializer.loads(key, bare(data))
        except OtherFormat:
            return MISSING
        except NotOurs:
            if _SUM.fullmatch(data):
                return int(data)
            self.damaged += 1
            self._replace(key, data, packets.delete(encoded(key)))
            return MISSING
        if lives.is_due(data):
            self._renew(key, data)
        return value

    def _renew(self, key: str, data: bytes) -> None:
        packet = packets.set_for(encoded(key), lives.stamped(bare(data)), milliseconds(None))
        try:
            self._replace(key, data, packet)
        except EngineUnavailable:
            # The value was read, and that is all its reader asked for. The next one tries again.
            return

    def _replace(self, key: str, known: bytes, packet: bytes) -> None:
        """Send *packet* if the entry is still as it was read."""
        self._answer(self._wire.transact, encoded(key), lambda data: packet if data == known else None)

    def _answer(self, method: Callable[..., Any], *args: Any, is_read: bool = False, **kwargs: Any) -> Any:
        believed = self._believed
        try:
            answer = method(*args, **kwargs)
        except FAILURES as error:
            raise explain(error) from error
        if self._wire.made != believed:
            self._believe(is_read=is_read)
        return answer


_SPECIAL = re.compile(r"([*?\[\]\\^])")
_ESCAPE = r"\\\1"


def _unless_refused(answers: list[Any]) -> list[Any]:
    refusal = next((answer for answer in answers if isinstance(answer, ResponseError)), None)
    if refusal is not None:
        raise PermissionError(str(refusal))
    return answers


def _raise_unless_foreign(error: Exception) -> None:
    """For somebody else's structure under our name there is nothing; all else means trouble."""
    if isinstance(error, ResponseError) and is_wrong_type(error):
        return
    raise explain(error) from error
