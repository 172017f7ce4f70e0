"""The deep part of a test: doing with an entry of its own what the cache does."""

from __future__ import annotations

import contextlib
import functools
import secrets
import time
from collections.abc import Sequence

from cacheadmin import ownership
from cacheadmin.connection.results import COMPARE, DELETE, EXPIRY, INCREMENT, OWNERSHIP, READ, WRITE
from cacheadmin.connection.run import Run, Stopped
from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.engines.redis import FAILURES, RedisEngine, Wire, packets
from cacheadmin.serializer import Serializer
from cacheadmin.verdicts import Verdict

# Milliseconds that an entry lives if it cannot be deleted, and one that shall be seen to end.
_LIFE, _SHORT_LIFE = 10_000, 30
# Seconds after which one that is still there does not end.
_PATIENCE = 1.0


def use(run: Run, namespace: str, beside: Sequence[str]) -> None:
    """Do the deep part of *run*.

    Args:
        run: has arrived.
        namespace: what the keys of the cache begin with; without it nobody's keys are looked for.
        beside: what those of the other caches begin with that go where this one goes.

    Raises:
        Stopped: a step has failed.
    """
    second = run.connect()
    engine = RedisEngine(run.wire, Serializer(""), prefix=namespace or "cacheadmin")
    if namespace:
        run.step(OWNERSHIP, lambda: ownership.refuse_strangers(engine, (namespace, *beside)))
    entry = _Entry(run.wire, second, engine, f"{namespace or 'cacheadmin'}:test:")
    try:
        run.step(WRITE, entry.write)
        run.step(READ, entry.read)
        run.step(COMPARE, entry.compare)
        run.step(EXPIRY, entry.end)
        run.step(INCREMENT, entry.increment)
        run.step(DELETE, entry.delete)
    except Stopped:
        entry.remove()
        raise


class _Entry:
    """The entry of a test; on a Cluster, one on each node."""

    def __init__(self, wire: Wire, second: Wire, engine: RedisEngine, prefix: str) -> None:
        self._wire, self._second, self._engine = wire, second, engine
        self._prefix = prefix
        self._names: list[bytes] = []
        self._word = secrets.token_hex(16).encode()
        self._found: list[bytes | None] = []

    def write(self) -> None:
        self._names = [name.encode("utf-8", "surrogatepass") for name in self._wire.everywhere(self._prefix)]
        for name in self._names:
            self._wire.ask(name, packets.set_for(name, self._word, _LIFE))

    def read(self) -> None:
        """Read as the cache does: one alone, and many together."""
        alone = [self._second.ask(name, packets.get(name)) for name in self._names]
        self._found = [*alone, *self._second.read_many(self._names)]

    def compare(self) -> None:
        _require(all(found == self._word for found in self._found))

    def end(self) -> None:
        """Give it a new life, then a short one, and see that it is gone."""
        for name in self._names:
            _require(self._wire.ask(name, packets.expire(name, _LIFE // 1000)))
            self._wire.ask(name, packets.set_for(name, self._word, _SHORT_LIFE))
        deadline = time.monotonic() + _PATIENCE
        while any(found is not None for found in self._second.read_many(self._names)):
            _require(time.monotonic() < deadline)
            time.sleep(_SHORT_LIFE / 4000)

    def increment(self) -> None:
        """Count up in a transaction, as all else is changed, and by the shorter way."""
        for name in self._names:
            self._wire.ask(name, packets.set_for(name, b"1", _LIFE))
            _require(self._wire.transact(name, functools.partial(_add_one, name)) == 2)
            _require(self._engine.incr(name.decode("utf-8", "surrogatepass"), 1) == 3)
            _require(self._second.ask(name, packets.get(name)) == b"3")

    def delete(self) -> None:
        for name in self._names:
            _require(self._wire.ask(name, packets.delete(name)))
        _require(all(found is None for found in self._second.read_many(self._names)))

    def remove(self) -> None:
        """Leave nothing behind where a step has failed; what cannot be deleted ends by itself."""
        for name in self._names:
            with contextlib.suppress(*FAILURES):
                self._wire.ask(name, packets.delete(name))


def _add_one(name: bytes, _: bytes | None) -> bytes:
    return packets.increase(name, 1)


def _require(is_so: object) -> None:
    if not is_so:
        raise EngineUnavailable(Verdict.ERROR, "what was written could not be read back")
