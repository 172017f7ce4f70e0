"""The engines of a benchmark: connections and directories of their own, that end with it."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.functional import Promise

from cacheadmin import conf, detect
from cacheadmin.engines.base import Engine, EngineUnavailable
from cacheadmin.engines.file import FileEngine, check_directory
from cacheadmin.engines.memory import MemoryEngine
from cacheadmin.engines.redis import RedisEngine, connect_apart, without_password
from cacheadmin.serializer import Serializer
from cacheadmin.space import Space
from cacheadmin.verdicts import ENGINE_LABELS, Verdict

# More than a benchmark stores.
_ROOM = 1_000
_DIRECTORY = "benchmark-"
# Seconds after which a directory is one that a killed benchmark has left.
_ABANDONED = 900


@dataclass(frozen=True)
class Reached:
    """An engine of this host, and what kept it from being measured, if anything did."""

    engine: str
    address: str
    failure: Verdict | None

    @property
    def engine_label(self) -> Promise:
        """The engine, in the words people read."""
        return ENGINE_LABELS[self.engine]

    @property
    def is_measured(self) -> bool:
        """Whether there are figures of it."""
        return self.failure is None

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        verdict = Verdict.FOUND if self.failure is None else self.failure
        return {
            "engine": self.engine,
            "address": self.address,
            "measured": self.is_measured,
            "verdict": verdict.word,
        }


@dataclass
class Arm:
    """An engine that is measured.

    Args:
        engine: one of its own.
        address: where it is, for people.
        prefix: what its keys begin with.
        life: seconds that its entries live if nobody removes them.
        failure: why it was lost on the way.
    """

    engine: Engine
    address: str
    prefix: str
    life: int
    failure: Verdict | None = None

    def key(self, name: object) -> str:
        """Return a full key."""
        return f"{self.prefix}:{name}"


def open_arms(space: Space, stack: ExitStack, life: int) -> tuple[list[Arm], list[Reached]]:
    """Return the engines that *space* could use, and those that cannot be used.

    Args:
        space: the cache beside which is measured.
        stack: removes everything at its end.
        life: seconds that what is stored lives at the most.
    """
    arms, failed = [], []
    for name, address, opened in (
        ("redis", without_password(space.selector.address()), _redis),
        ("file", str(space.identity.directory), _files),
        ("memory", "", _memory),
    ):
        prefix = f"{space.namespace}:benchmark:{secrets.token_hex(6)}"
        try:
            arms.append(Arm(opened(space, stack, prefix), address, prefix, life))
        except EngineUnavailable as error:
            failed.append(Reached(name, address, error.verdict))
    return arms, failed


def _redis(space: Space, stack: ExitStack, prefix: str) -> Engine:
    address = space.selector.address()
    candidate = detect.examine(address, space.namespace, space.selector.namespaces())
    if not candidate.is_usable:
        raise EngineUnavailable(candidate.verdict)
    timeouts = conf.get("CONNECT_TIMEOUT"), conf.get("ANSWER_TIMEOUT")
    wire = connect_apart(address, *timeouts, lambda connection: connection.on_connect())
    stack.callback(wire.close)
    return RedisEngine(wire, _serializer(space.identity.compress_from), prefix)


def _files(space: Space, stack: ExitStack, prefix: str) -> Engine:
    parent = space.identity.directory
    check_directory(parent)
    _remove_abandoned(parent)
    directory = parent / f"{_DIRECTORY}{prefix.rpartition(':')[2]}"
    stack.callback(shutil.rmtree, directory, ignore_errors=True)
    return FileEngine(directory, _serializer(), _ROOM, 3)


def _memory(space: Space, stack: ExitStack, prefix: str) -> Engine:
    return MemoryEngine(_ROOM, 3)


def _serializer(compress_from: int | None = None) -> Serializer:
    return Serializer(settings.SECRET_KEY, compress_from=compress_from)


def _remove_abandoned(parent: Path) -> None:
    """Remove what benchmarks have left that were killed in the middle."""
    for directory in parent.glob(f"{_DIRECTORY}*"):
        with contextlib.suppress(OSError):
            if time.time() - directory.stat().st_mtime > _ABANDONED:
                shutil.rmtree(directory, ignore_errors=True)
