"""Speaking to one server, by the shortest way: packed bytes out, an answer in.

redis-py's own commands cost more in Python than the server takes to answer them. Here its
connections, which know TLS, logins and Sentinels, are borrowed from their pool once and kept at
hand; an exchange takes one, and nobody else has it until it is back. What goes wrong inside an
exchange leaves an answer that nobody has read, so that connection is closed and never used again.
"""

from __future__ import annotations

import os
import time
import weakref
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MaxConnectionsError, ResponseError

from cacheadmin.engines.redis import packets
from cacheadmin.engines.redis.direct import DemotedError

# One packet holds no more than this, however many keys are asked for.
MOST_COMMANDS = 1000
MOST_BYTES = 1 << 20

# A connection that was closed while nobody used it, or leads to a server that has been demoted meanwhile.
_LOST = (RedisConnectionError, DemotedError)

# Seconds after which a connection that watches a key already is no longer taken at its word: what it
# sends next must not be sent twice, so it has to be alive.
_PRIMED_FOR = 0.05

# The name of a key, and a command about it.
Request = tuple[bytes, bytes]
# What to send within a transaction, seeing what is stored; None for nothing.
Decision = Callable[[bytes | None], bytes | None]


class Wire(ABC):
    """The way to where the entries are. All methods raise what the client library raises."""

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
    def everywhere(self, prefix: str) -> list[str]:
        """Return fresh keys that begin with *prefix*, one on each server that takes writes."""

    @abstractmethod
    def client(self) -> Any:
        """Return the client library's own client, for what has no method here."""


class ServerWire(Wire):
    """One server, or the one that Sentinels name.

    Args:
        client: django-redis's client; its pool gives the connections.
        patience: seconds to wait for a connection while all are in use.
    """

    def __init__(self, client: Any, patience: float) -> None:
        self._client = client
        self._pool = client.connection_pool
        self._patience = patience
        # Taken from and put back on the right, without a lock: both are atomic.
        self._idle: deque[Any] = self._pool.idle
        survive_forks(self)

    # --- Exchanges ---

    def ask(self, name: bytes, packet: bytes, *, again: bool = True) -> Any:
        idle = self._idle
        if not again or not idle:
            return self._ask_carefully(packet, again=again)
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
        while True:
            found = None if asking else self._primed(name)
            connection, data = found or self._watch(name, asking=asking)
            idle = self._idle
            try:
                said = _decide(connection, name, data, decide, asking=asking)
            except DemotedError:
                # Its EXEC was refused as well, so nothing was done.
                self._discard(connection)
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

    def _primed(self, name: bytes) -> tuple[Any, Any] | None:
        """Return a connection that has watched *name* since it changed it last, and what that holds."""
        try:
            connection = self._idle.pop()
        except IndexError:
            return None
        known, connection.primed = connection.primed, None
        if known is None or known[0] != name or time.monotonic() > known[2]:
            self._idle.append(connection)
            return None
        return connection, known[1]

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

    def everywhere(self, prefix: str) -> list[str]:
        return [prefix + os.urandom(6).hex()]

    def client(self) -> Any:
        return self._client

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
        return self._pool.get_connection()

    def _discard(self, connection: Any) -> None:
        connection.disconnect()
        connection.primed = None
        self._pool.release(connection)

    def forget_parent(self) -> None:
        """Start anew after a fork: the connections are the parent's, and so is whoever holds the locks."""
        self._pool.renew()
        self._idle = self._pool.idle


def _decide(
    connection: Any, name: bytes, data: Any, decide: Decision, *, asking: bool
) -> list[Any] | Exception | None:
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
        # It ends the watch, for which a minimal ACL has no UNWATCH, and says whether what was seen, perhaps
        # a moment ago, is still so: to do nothing is a decision as well.
        _, done = connection.exchange(packets.MULTI + packets.EXEC, 2)
        return None if done is None else failure or []
    packet, count = packets.MULTI + command + packets.EXEC, 3
    if asking:
        packet, count = packets.ASKING + packet, 4
    # Whoever changes a key twice in a row will do so again: then the next look is in the same packet.
    is_again, connection.last_changed = connection.last_changed == name, name
    if is_again and not asking:
        packet, count = packet + packets.watch(name) + packets.get(name), count + 2
    said = connection.exchange(packet, count)
    if is_again and not asking:
        _prime(connection, name, *said[-2:])
        said = said[:-2]
    done = said[-1]
    errors = [one for one in (*said, *(done if isinstance(done, list) else ())) if isinstance(one, Exception)]
    return errors[0] if errors else done


def _prime(connection: Any, name: bytes, watched: Any, data: Any) -> None:
    if not isinstance(watched, Exception) and not isinstance(data, Exception):
        connection.primed = (name, data, time.monotonic() + _PRIMED_FOR)


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


class _Forked(Protocol):
    def forget_parent(self) -> None: ...


_survivors: weakref.WeakSet[_Forked] = weakref.WeakSet()


def survive_forks(one: _Forked) -> None:
    """Have *one* told when it finds itself in a child process."""
    _survivors.add(one)


def _after_fork() -> None:
    for one in list(_survivors):
        one.forget_parent()


os.register_at_fork(after_in_child=_after_fork)
