"""Speaking to a Redis Cluster: each key has its node, and what is asked of many goes to each node once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import AskError, MovedError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from cacheadmin.engines.redis import packets
from cacheadmin.engines.redis.address import Host
from cacheadmin.engines.redis.errors import FAILURES, NotCoveredError
from cacheadmin.engines.redis.forks import survive_forks
from cacheadmin.engines.redis.wire import Decision, Request, ServerWire, Wire, is_wrong_type

# How often a key is followed from node to node before we give up.
_MOST_MOVES = 5
# Seconds between two looks at who has which slots, when only moved keys ask for one.
_PAUSE = 1.0


class ClusterWire(Wire):
    """All masters of a Cluster.

    Args:
        seeds: nodes to ask first.
        reach: makes the wire to a node, as a part of the whole.
        make_client: makes the client library's own client.
        patience: seconds that looking for a node which answers may take.
    """

    def __init__(
        self,
        seeds: Sequence[Host],
        reach: Callable[[Host, Wire], ServerWire],
        make_client: Callable[[], Any],
        patience: float,
    ) -> None:
        self._seeds = list(seeds)
        self._reach = reach
        self._make_client = make_client
        self._client: Any = None
        self._patience = patience
        self._wires: dict[Host, ServerWire] = {}
        # Which node has which slot; empty while nobody has asked.
        self._owners: list[Host | None] = []
        self._is_stale = True
        self._looked = float("-inf")
        self._lock = threading.Lock()
        survive_forks(self)

    def ask(self, name: bytes, packet: bytes, *, again: bool = True) -> Any:
        host = self._owner(name)
        try:
            return self._guarded(host, ServerWire.ask, name, packet, again=again)
        except AskError as moved:
            return self._follow(host, packet, moved)

    def ask_each(self, requests: Sequence[Request]) -> list[Any]:
        by_host: dict[Host, list[int]] = {}
        for index, (name, _) in enumerate(requests):
            by_host.setdefault(self._owner(name), []).append(index)
        answers: list[Any] = [None] * len(requests)
        for host, indexes in by_host.items():
            part = [requests[index] for index in indexes]
            said = self._guarded(host, ServerWire.ask_each, part)
            for index, answer in zip(indexes, said, strict=True):
                answers[index] = self._followed(host, requests[index][1], answer)
        return answers

    def transact(self, name: bytes, decide: Decision) -> Any:
        host, asking = self._owner(name), False
        for _ in range(_MOST_MOVES):
            try:
                return self._guarded(host, ServerWire.transact, name, decide, asking=asking)
            except AskError as moved:
                host, asking = self._learn(host, moved)
        raise NotCoveredError("The key moves faster than it can be followed.")

    def read_many(self, names: Sequence[bytes]) -> list[bytes | None]:
        answers = self.ask_each([(name, packets.get(name)) for name in names])
        return [_string(answer) for answer in answers]

    def delete_many(self, names: Sequence[bytes]) -> None:
        for answer in self.ask_each([(name, packets.delete(name)) for name in names]):
            if isinstance(answer, ResponseError):
                raise answer

    def scan(self, pattern: bytes, count: int) -> Iterator[bytes]:
        for host in self._masters():
            yield from self._wire(host).scan(pattern, count)

    def everywhere(self, prefix: str, *, look: bool = False) -> list[str]:
        self._is_stale = self._is_stale or look
        missing = set(self._masters())
        names = []
        for number in range(100 * len(missing)):
            name = f"{prefix}{number}"
            host = self._owner(name.encode("utf-8", "surrogatepass"))
            if host in missing:
                missing.remove(host)
                names.append(name)
            if not missing:
                break
        return names

    def client(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = self._make_client()
            return self._client

    def close(self) -> None:
        for wire in self._wires.values():
            wire.close()

    # --- Following a key ---

    def _followed(self, host: Host, packet: bytes, answer: Any) -> Any:
        if not isinstance(answer, AskError):
            return answer
        try:
            return self._follow(host, packet, answer)
        except ResponseError as error:
            return error

    def _follow(self, host: Host, packet: bytes, moved: AskError) -> Any:
        for _ in range(_MOST_MOVES):
            host, asking = self._learn(host, moved)
            parts = [(b"", packets.ASKING), (b"", packet)] if asking else [(b"", packet)]
            answer = self._guarded(host, ServerWire.ask_each, parts)[-1]
            if not isinstance(answer, AskError):
                if isinstance(answer, ResponseError):
                    raise answer
                return answer
            moved = answer
        raise NotCoveredError("The key moves faster than it can be followed.")

    def _learn(self, host: Host, moved: AskError) -> tuple[Host, bool]:
        """Return where a key is now, and whether it is only on its way there."""
        new = (moved.host or host[0], int(moved.port))
        if not isinstance(moved, MovedError):
            return new, True
        if self._owners:
            self._owners[moved.slot_id] = new
        # Where one slot has gone others have too.
        self._is_stale = self._is_stale or time.monotonic() - self._looked > _PAUSE
        return new, False

    def _guarded(self, host: Host, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self._wire(host), *args, **kwargs)
        except (RedisConnectionError, RedisTimeoutError) as error:
            # Another node may have taken its place by the next time.
            self._is_stale = True
            if type(error) is RedisConnectionError:
                raise NotCoveredError("A node of the Cluster is away.") from error
            raise

    # --- Who has what ---

    def _wire(self, host: Host) -> ServerWire:
        wire = self._wires.get(host)
        if wire is None:
            wire = self._wires.setdefault(host, self._reach(host, self))
        return wire

    def _owner(self, name: bytes) -> Host:
        if self._is_stale:
            self._look()
        host = self._owners[key_slot(name)]
        if host is None:
            self._is_stale = True
            raise NotCoveredError("No node has this slot.")
        return host

    def _masters(self) -> list[Host]:
        if self._is_stale:
            self._look()
        return list(dict.fromkeys(host for host in self._owners if host is not None))

    def _look(self) -> None:
        """Ask who has which slots. One asks; the others go on with what is known."""
        if not self._lock.acquire(blocking=not self._owners):
            return
        try:
            if self._is_stale:
                self._owners = self._asked()
                self._looked, self._is_stale = time.monotonic(), False
                for gone in self._wires.keys() - set(self._owners) - set(self._seeds):
                    del self._wires[gone]
        finally:
            self._lock.release()

    def _asked(self) -> list[Host | None]:
        known = dict.fromkeys(host for host in self._owners if host is not None)
        deadline = time.monotonic() + self._patience
        failure: Exception | None = None
        for host in dict.fromkeys([*known, *self._seeds]):
            if failure is not None and time.monotonic() > deadline:
                break
            try:
                return _owners(host, self._wire(host).ask(b"", packets.pack(b"CLUSTER", b"SLOTS")))
            except FAILURES as error:
                failure = error
        raise failure or NotCoveredError("No node was asked.")

    def forget_parent(self) -> None:
        """Start anew after a fork: the lock may be held by a thread that the child does not have."""
        self._lock = threading.Lock()
        self._client = None


def _owners(asked: Host, said: list[Any]) -> list[Host | None]:
    owners: list[Host | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
    for first, last, master, *_ in said:
        # A node that does not know its own name leaves it out: then it is the one we reached.
        host = (master[0].decode() if master[0] else asked[0], int(master[1]))
        owners[first : last + 1] = [host] * (last + 1 - first)
    return owners


def _string(answer: Any) -> bytes | None:
    if isinstance(answer, ResponseError):
        if is_wrong_type(answer):
            return None
        raise answer
    return answer  # type: ignore[no-any-return]
