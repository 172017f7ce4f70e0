"""Speaking to one server, by the shortest way: packed bytes out, an answer in.

redis-py's own commands cost more in Python than the server takes to answer them. Here its
connections, which know TLS, logins and Sentinels, are borrowed from their pool once and kept at
hand; an exchange takes one, and nobody else has it until it is back. What goes wrong inside an
exchange leaves an answer that nobody has read, so that connection is closed and never used again.
"""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MaxConnectionsError, ResponseError

from cacheadmin.engines.base import MISSING
from cacheadmin.engines.redis import packets
from cacheadmin.engines.redis.direct import DemotedError
from cacheadmin.engines.redis.forks import survive_forks

# One packet holds no more than this, however many keys are asked for.
MOST_COMMANDS = 1000
MOST_BYTES = 1 << 20

# A connection that was closed while nobody used it, or leads to a server that has been demoted meanwhile.
_LOST = (RedisConnectionError, DemotedError)

# What must not happen: a number that was not there has been added to.
_CREATED = object()

# The name of a key, and a command about it.
Request = tuple[bytes, bytes]
# What to send within a transaction, seeing what is stored; None for nothing.
Decision = Callable[[bytes | None], bytes | None]


# Each connection that this process makes has a number of its own.
_numbers = count(1)


class Wire(ABC):
    """The way to where the entries are. All methods raise what the client library raises."""

    # Another number with each connection that is made. What stands behind a new one need not be what stood
    # behind the old: its server may have been started anew, with an older state.
    made: int = 0

    @abstractmethod
    def ask(self, name: bytes, packet: bytes, *, again: bool = True) -> Any:
        """Send one command about the key *name* and return its answer.

        Args:
            name: the key.
            packet: the command.
            again: whether doing it twice does no harm: then a connection that the server has closed
                meanwhile is renewed, once and at once. A timeout never leads to a second try.

        Raises:
            ResponseError: the server answered with an error.
        """

    @abstractmethod
    def ask_each(self, requests: Sequence[Request]) -> list[Any]:
        """Send many commands that do no harm twice; errors of single ones are among the answers."""

    @abstractmethod
    def transact(self, name: bytes, decide: Decision) -> Any:
        """Do what *decide* says, seeing what *name* holds, unless another client comes between; then anew.

        Two round trips without a script: WATCH and GET, then MULTI, the command and EXEC.

        Returns:
            the answer to the command; ``None`` if there was none to send.
        """

    def increase(self, name: bytes, delta: int) -> Any:
        """Add to a number that is there, in one round trip and without a script.

        SET with NX and an end in the past changes nothing where there is a key, and where there is none
        it leaves one that nobody can see: but the watch before it sees a change, and EXEC is refused.

        Returns:
            the sum; ``MISSING`` if nothing is stored; ``None`` if it takes a transaction to find out.
        """
        return None

    @abstractmethod
    def read_many(self, names: Sequence[bytes]) -> list[bytes | None]:
        """Return what each of *names* holds; what is no string counts as nothing."""

    @abstractmethod
    def delete_many(self, names: Sequence[bytes]) -> None:
        """Remove all *names*."""

    @abstractmethod
    def scan(self, pattern: bytes, count: int) -> Iterator[bytes]:
        """Yield the keys that match *pattern*; one that stays all the while is among them."""

    @abstractmethod
    def everywhere(self, prefix: str, *, look: bool = False) -> list[str]:
        """Return keys that begin with *prefix*, one on each server that takes writes; always the same ones.

        Args:
            prefix: what they begin with.
            look: whether to find out first which servers there are now.
        """

    @abstractmethod
    def client(self) -> Any:
        """Return the client library's own client, for what has no method here."""

    @abstractmethod
    def close(self) -> None:
        """Close all connections; only for a way that nobody else uses."""


class ServerWire(Wire):
    """One server, or the one that Sentinels name.

    Args:
        client: django-redis's client; its pool gives the connections.
        patience: seconds to wait for a connection while all are in use.
        whole: the wire that this one is a part of, and that is told of new connections too.
    """

    def __init__(self, client: Any, patience: float, whole: Wire | None = None) -> None:
        self._whole = whole
        self._client = client
        self._pool = client.connection_pool
        self._patience = patience
        # Taken from and put back on the right, without a lock: both are atomic.
        self._idle: deque[Any] = self._pool.idle
        # Whether this server does what increase() relies on; None until it was tried.
        self._adds_at_once: bool | None = None
        survive_forks(self)

    # --- Exchanges ---

    def ask(self, name: bytes, packet: bytes, *, again: bool = True) -> Any:
        idle = self._idle
        if not again:
            return self._ask_carefully(packet, again=False)
        try:
            connection = idle.pop()
        except IndexError:
            return self._ask_carefully(packet, again=again)
        try:
            (answer,) = connection.exchange(packet, 1)
        except BaseException as error:
            self._discard(connection)
            if type(error) not in _LOST:
                raise
            return self._ask_carefully(packet, again=True)
        idle.append(connection)
        if isinstance(answer, ResponseError):
            raise answer
        return answer

    def _ask_carefully(self, packet: bytes, *, again: bool) -> Any:
        """Ask over a connection that was seen to be alive just now."""
        connection, (answer,) = self._begin(packet, 1, again=again)
        self._idle.append(connection)
        if isinstance(answer, ResponseError):
            raise answer
        return answer

    def ask_each(self, requests: Sequence[Request]) -> list[Any]:
        answers: list[Any] = []
        for part in _parts(requests):
            connection, said = self._begin(b"".join(part), len(part), again=True)
            self._idle.append(connection)
            answers += said
        return answers

    def _begin(self, packet: bytes, count: int, *, again: bool) -> tuple[Any, list[Any]]:
        """Send *packet* over some connection; return it, still ours, and the answers."""
        connection, is_fresh = self._take()
        if not again and not is_fresh and not _is_alive(connection):
            self._discard(connection)
            connection, is_fresh = self._fresh(), True
        try:
            return connection, connection.exchange(packet, count)
        except BaseException as error:
            self._discard(connection)
            if is_fresh or not again or type(error) not in _LOST:
                raise
        connection = self._fresh()
        try:
            return connection, connection.exchange(packet, count)
        except BaseException:
            self._discard(connection)
            raise

    # --- Transactions ---

    def transact(self, name: bytes, decide: Decision, *, asking: bool = False) -> Any:
        was_demoted = False
        while True:
            connection, data = self._watch(name, asking=asking)
            idle = self._idle
            try:
                said = _decide(connection, data, decide, asking=asking)
            except DemotedError:
                # Its EXEC was refused as well, so nothing was done. Once more, on whatever is named now.
                self._discard(connection)
                if was_demoted:
                    raise
                was_demoted = True
                continue
            except BaseException:
                self._discard(connection)
                raise
            idle.append(connection)
            if isinstance(said, Exception):
                raise said
            if said is not None:
                return said[0] if said else None

    def _watch(self, name: bytes, *, asking: bool) -> tuple[Any, Any]:
        """Return a connection that watches *name* from now on, and what it holds."""
        prefix = packets.ASKING if asking else b""
        look = prefix + packets.watch(name) + prefix + packets.get(name)
        connection, answers = self._begin(look, 4 if asking else 2, again=True)
        watched, data = answers[1::2] if asking else answers
        return connection, watched if isinstance(watched, ResponseError) else data

    def increase(self, name: bytes, delta: int) -> Any:
        if self._adds_at_once is None:
            self._adds_at_once = self._can_add_at_once(name)
        if not self._adds_at_once:
            return None
        packet = packets.increase_if_there(name, delta)
        try:
            connection, answers = self._begin(packet, 5, again=False)
        except DemotedError:
            return None
        self._idle.append(connection)
        total = _sum(*answers)
        if total is _CREATED:
            # Another server by now, and one that counted where nothing was.
            self._adds_at_once = False
            self.ask(name, packets.delete(name))
            return MISSING
        return total

    def _can_add_at_once(self, name: bytes) -> bool:
        """Try on a key that is not there whether EXEC is refused, and nothing left behind."""
        absent = name + b":probe:" + os.urandom(6).hex().encode()
        packet = packets.increase_if_there(absent, 1) + packets.get(absent)
        connection, answers = self._begin(packet, 6, again=True)
        self._idle.append(connection)
        if answers[4:] == [None, None]:
            return True
        # A server that counts where nothing is has left a number behind that would have no end.
        self.ask(absent, packets.delete(absent))
        return False

    # --- Many ---

    def read_many(self, names: Sequence[bytes]) -> list[bytes | None]:
        found: list[bytes | None] = []
        for start in range(0, len(names), MOST_COMMANDS):
            part = names[start : start + MOST_COMMANDS]
            found += self.ask(part[0], packets.pack(b"MGET", *part))
        return found

    def delete_many(self, names: Sequence[bytes]) -> None:
        for start in range(0, len(names), MOST_COMMANDS):
            part = names[start : start + MOST_COMMANDS]
            self.ask(part[0], packets.pack(b"DEL", *part))

    def scan(self, pattern: bytes, count: int) -> Iterator[bytes]:
        cursor = b"0"
        while True:
            words = (b"SCAN", cursor, b"MATCH", pattern, b"COUNT", b"%d" % count)
            cursor, names = self.ask(b"", packets.pack(*words))
            yield from names
            if cursor == b"0":
                return

    def everywhere(self, prefix: str, *, look: bool = False) -> list[str]:
        return [f"{prefix}0"]

    def client(self) -> Any:
        return self._client

    def close(self) -> None:
        self._pool.disconnect()

    # --- Connections ---

    def _take(self) -> tuple[Any, bool]:
        """Return a connection and whether it was looked at just now."""
        try:
            return self._idle.pop(), False
        except IndexError:
            pass
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return self._fresh(), True
            except MaxConnectionsError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.001)
            if self._idle:
                return self._take()

    def _fresh(self) -> Any:
        connection = self._pool.get_connection()
        # Before anything is asked over it.
        self.made = next(_numbers)
        if self._whole is not None:
            self._whole.made = next(_numbers)
        return connection

    def _discard(self, connection: Any) -> None:
        connection.disconnect()
        self._pool.release(connection)

    def forget_parent(self) -> None:
        """Start anew after a fork: the connections are the parent's, and so is whoever holds the locks."""
        self._pool.renew()
        self._idle = self._pool.idle


def _decide(connection: Any, data: Any, decide: Decision, *, asking: bool) -> list[Any] | Exception | None:
    """Return the answers of EXEC, what went wrong between, or ``None`` if another client came between."""
    failure: Exception | None = None
    if isinstance(data, ResponseError):
        # Somebody else's structure under our name: for us there is nothing.
        failure, data = (None if is_wrong_type(data) else data), None
    command = None
    if failure is None:
        try:
            command = decide(data)
        except Exception as error:  # noqa: BLE001 (whatever it is, the watch has to end first)
            failure = error
    if command is None:
        # It ends the watch, for which a minimal ACL has no UNWATCH, and says whether what was seen is still
        # so: to do nothing is a decision as well.
        _, done = connection.exchange(packets.MULTI + packets.EXEC, 2)
        return None if done is None else failure or []
    packet, count = packets.MULTI + command + packets.EXEC, 3
    if asking:
        packet, count = packets.ASKING + packet, 4
    said = connection.exchange(packet, count)
    done = said[-1]
    errors = [one for one in (*said, *(done if isinstance(done, list) else ())) if isinstance(one, Exception)]
    return errors[0] if errors else done


def _sum(watched: Any, was_set: Any, _: Any, queued: Any, done: Any) -> Any:
    """Return what ``Wire.increase()`` does, or ``_CREATED``."""
    for answer in (watched, was_set, queued):
        if isinstance(answer, ResponseError):
            raise answer
    if was_set is not None:
        return MISSING if done is None else _CREATED
    if done is None:
        return None
    (total,) = done
    if isinstance(total, ResponseError):
        # No number, or more than 64 bits.
        return MISSING if is_wrong_type(total) else None
    return total


def is_wrong_type(error: ResponseError) -> bool:
    """Whether *error* says that a key holds something else than a string."""
    return str(error).startswith("WRONGTYPE")


def _is_alive(connection: Any) -> bool:
    try:
        return not connection.can_read()
    except RedisConnectionError:
        return False


def _parts(requests: Sequence[Request]) -> Iterator[list[bytes]]:
    part: list[bytes] = []
    size = 0
    for _, packet in requests:
        if part and (len(part) >= MOST_COMMANDS or size + len(packet) > MOST_BYTES):
            yield part
            part, size = [], 0
        part.append(packet)
        size += len(packet)
    if part:
        yield part
