"""A space is one cache: what LOCATION, DIRECTORY and KEY_PREFIX name together.

It outlives the handles that Django makes and throws away: the engines, their pools and the
generations of its groups live here, once per process.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from django.conf import settings
from django.core.cache import caches
from django.core.signals import setting_changed

from cacheadmin import conf, groups, selector, shared, signals, snapshot, state, stats
from cacheadmin.engines.base import BegunAnew, Contents, Engine, EngineUnavailable
from cacheadmin.engines.file import FileEngine
from cacheadmin.engines.memory import MemoryEngine
from cacheadmin.engines.off import OffEngine
from cacheadmin.engines.redis import RedisEngine, connect
from cacheadmin.exchange import Exchange
from cacheadmin.fastpath import FastPath
from cacheadmin.identity import Identity, aliases_beside, identify, namespaces_beside
from cacheadmin.plan import Code
from cacheadmin.selector import Selector
from cacheadmin.serializer import Serializer

logger = logging.getLogger("cacheadmin")
Result = TypeVar("Result")

# Each may remember thousands of keys.
_MOST_FAST_PATHS = 64
# What the table of statistics holds.
_LONGEST_NAME = 100


class Space:
    """One cache in this process.

    Args:
        identity: what it is.
    """

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self._base = identity.base
        self.selector: Selector = selector.for_cache(identity.location, identity.directory, identity.choice)
        if not self.selector.namespace():
            self.selector.namespace = lambda: self.namespace
            self.selector.namespaces = lambda: namespaces_beside(identity, self.suffix)
            self.selector.aliases = lambda: aliases_beside(identity)
        known = state.saved()
        self.selector.follow(_governing(known.choices, identity.location), known.installation.suffix)
        self.selector.around_return.append(self.push_generations)
        secrets = (settings.SECRET_KEY, tuple(settings.SECRET_KEY_FALLBACKS))
        self._serializer = Serializer(*secrets)
        # Between here and a Redis there may be a network; a disk of this machine is faster than zlib.
        self._compressing = Serializer(*secrets, compress_from=identity.compress_from)
        self._engines: dict[tuple[int, str, str], Engine] = {}
        self.exchange = Exchange(self.selector.words, lambda: self.namespace, self._followed)
        # What OPTIONS["GROUP"] of its handles says.
        self.named_groups: set[str] = set()
        # Generations of parts of a group, which this process follows from their first use on.
        self._marks: set[str] = set()
        # Groups in which something was made void since Redis was lost, and other machines cannot know.
        self._changed: set[str] = set()
        self._tokens: dict[str, tuple[int, str]] = {}
        self._tallies: dict[tuple[str, bool], stats.Tally] = {}
        self._alias = ""
        self._fast_paths: dict[object, FastPath] = {}
        self._lock = threading.Lock()
        self._synced = float("-inf")

    @property
    def suffix(self) -> str:
        """What a copied installation adds to its prefixes; nothing elsewhere."""
        suffix = state.saved().installation.suffix
        return f"~{suffix}" if suffix else ""

    @property
    def namespace(self) -> str:
        """What all keys of this cache begin with."""
        return self._base + self.suffix

    @property
    def alias(self) -> str:
        """The first alias of CACHES that is this cache: the name that its statistics go by."""
        if not self._alias:
            entries = settings.CACHES.items()
            named = (
                alias for alias, one in entries if identify(one.get("LOCATION", ""), one) == self.identity
            )
            self._alias = next(named, self._base)[:_LONGEST_NAME]
        return self._alias

    def tally(self, group: str) -> stats.Tally:
        """Return where operations of *group* are counted, as things stand now."""
        stands_in = self.selector.is_degraded
        found = self._tallies.get((group, stands_in))
        if found is None:
            found = stats.tally(self.alias, group[:_LONGEST_NAME], stands_in=stands_in)
            self._tallies[group, stands_in] = found
        return found

    @property
    def files(self) -> Path:
        """Where the file engine keeps the entries of this cache."""
        name = hashlib.blake2b(self._base.encode(), digest_size=6).hexdigest()
        return self.identity.directory / name

    def fast_path(self, *what: object, group: str | None) -> FastPath:
        """Return the memory that all handles share in which *what* and the fixed *group* are alike."""
        what = (*what, group)
        if what not in self._fast_paths and len(self._fast_paths) >= _MOST_FAST_PATHS:
            # A prefix for each of many tenants: who has a memory keeps it, the next ones share new ones.
            self._fast_paths.clear()
        return self._fast_paths.setdefault(what, FastPath(self, group))

    def forget_threads(self) -> None:
        """Begin anew after a fork, with the threads that the child needs."""
        self._lock = threading.Lock()
        for path in list(self._fast_paths.values()):
            path.forget()

    # --- Engines ---

    def run(self, action: Callable[[Engine], Result], group: str = "", *, spared: bool = False) -> Result:
        """Do *action* on the live engine; if that engine fails, on the one that takes its place.

        Args:
            action: what to do.
            group: where a failure is counted.
            spared: whether it goes on while the cache is switched off.
        """
        while True:
            code = self.selector.live(spared=spared)
            try:
                return action(self.engine(code))
            except EngineUnavailable as error:
                self._leave(code, error, self.tally(group) if group else None)

    def leave(self, engine: Engine, error: EngineUnavailable, tally: stats.Tally) -> None:
        """Have another engine take the place of *engine*, which has just failed; counted in *tally*.

        Raises:
            EngineUnavailable: nothing can take the place of memory.
        """
        self._leave(Code[engine.name.upper()], error, tally)

    def _leave(self, code: int, error: EngineUnavailable, tally: stats.Tally | None) -> None:
        if isinstance(error, BegunAnew):
            return
        if tally is not None:
            next(tally.errors)
        if code in (Code.MEMORY, Code.OFF):
            raise error
        self.selector.fall_back(code, error)

    def engine(self, code: int | None = None, *, spared: bool = False) -> Engine:
        """Return the engine with *code*, or the live one; see ``run()``."""
        if code is None:
            code = self.selector.live(spared=spared)
        address, namespace = "", ""
        if code == Code.REDIS:
            address, namespace = self.selector.address(), self.namespace
        found = self._engines.get((code, address, namespace))
        if found is not None:
            return found
        found = self._build(code, address)
        if isinstance(found, RedisEngine):
            # Outside the lock: of many threads that meet a silent server, none waits for another. And
            # before anybody can use it: perhaps these keys are not ours.
            made = found.made
            self.exchange.all(found)
            found.watch(self.exchange.look_behind, made)
        with self._lock:
            return self._engines.setdefault((code, address, namespace), found)

    def _build(self, code: int, address: str) -> Engine:
        limits = (self.identity.max_entries, self.identity.cull_frequency)
        if code == Code.REDIS:
            client = connect(address, conf.get("CONNECT_TIMEOUT"), conf.get("ANSWER_TIMEOUT"))
            return RedisEngine(client, self._compressing, self.namespace)
        if code == Code.FILE:
            return FileEngine(self.files, self._serializer, *limits, self.identity.max_bytes)
        return OffEngine() if code == Code.OFF else MemoryEngine(*limits)

    # --- Generations ---

    def token(self, group: str) -> str:
        """Return what the keys of *group* end in now; it differs after every clear."""
        words = self.selector.words
        cells, generation = None, 0
        while words.cells is not cells:
            # Anew where this process has gone over to another file meanwhile.
            cells = words.cells
            cell = words.generation_cell(self.namespace, group)
            generation = words.generation(cell) or self._begin(group, cell)
        known = self._tokens.get(group)
        if known is not None and known[0] == generation:
            return known[1]
        token = shared.in_base_36(generation)
        self._tokens[group] = (generation, token)
        return token

    def _begin(self, group: str, cell: int) -> int:
        """Take part in a group: with the generation of the other machines, or else the first one."""
        engine = self.engine(spared=True)
        if isinstance(engine, RedisEngine):
            self.exchange.share(engine, {group: cell})
        return self.selector.words.begin(cell)

    def clear_groups(self, names: Iterable[str]) -> None:
        """Start a new generation of each group: its entries are gone at once, at any size."""
        cells = {name: self.selector.words.generation_cell(self.namespace, name) for name in names}

        def advance(engine: Engine) -> None:
            if isinstance(engine, RedisEngine):
                self.exchange.adopt(engine, cells)
            for name, cell in cells.items():
                generation = self.selector.words.advance(cell)
                if isinstance(engine, RedisEngine):
                    engine.write_number(self.exchange.name_of(name), generation)

        self.run(advance, spared=True)
        self.note_changes(cells)
        signals.made_void.send(self, names=cells)

    def mark_cell(self, name: str) -> int:
        """Return the cell of the mark *name*, which is exchanged with the other machines from now on."""
        cell = self.selector.words.generation_cell(self.namespace, name)

        def adopt(engine: Engine) -> None:
            if isinstance(engine, RedisEngine):
                self.exchange.adopt(engine, {name: cell})

        if name not in self._marks:
            self.run(adopt, spared=True)
            self._marks.add(name)
        return cell

    def note_changes(self, groups: Iterable[str]) -> None:
        """Remember that something in *groups* is void, if Redis is lost: other machines may still read it."""
        if self.selector.has_lost_redis:
            changed = set(groups)
            with self._lock:
                self._changed |= changed

    def publish_changes(self) -> None:
        """Tell the other machines, by the database, what was made void here out of reach of Redis."""
        with self._lock:
            changed, self._changed = self._changed, set()
        words = self.selector.words
        numbers = {
            group: words.publish(words.generation_cell(self.namespace, group)) for group in sorted(changed)
        }
        try:
            if numbers:
                state.store().save_generations(self.namespace, numbers)
        except Exception as error:  # noqa: BLE001
            # No app, no table, no database: the next time, perhaps. It is told once for each reason.
            with self._lock:
                self._changed |= changed
            _complain_once(type(error).__name__)

    def follow(self, saved: snapshot.Saved) -> None:
        """Take over what other machines have published."""
        for (namespace, group), number in saved.generations.items():
            if namespace == self.namespace:
                cell = self.selector.words.generation_cell(namespace, group)
                self.selector.words.adopt_published(cell, number)

    def sync(self) -> None:
        """Exchange generations with the other machines on this Redis, at most once a second."""
        now = time.monotonic()
        is_due = now - self._synced >= conf.get("REFRESH_INTERVAL")
        if not is_due or self.selector.live(spared=True) != Code.REDIS:
            return
        self._synced = now
        self.run(
            lambda engine: self.exchange.all(engine) if isinstance(engine, RedisEngine) else None, spared=True
        )

    def push_generations(self) -> None:
        """Exchange generations with the other machines, before a Redis that was away is read, and after."""
        client = connect(self.selector.address(), conf.get("CONNECT_TIMEOUT"), conf.get("ANSWER_TIMEOUT"))
        engine = RedisEngine(client, self._compressing, self.namespace)
        if self.selector.words.read(shared.HOME) == Code.REDIS:
            self.exchange.all(engine)

    # --- The whole ---

    def clear(self) -> None:
        """Empty this cache, all versions and groups of it, and nothing else."""
        self.clear_groups(self._group_names())
        self.run(lambda engine: engine.reclaim(), spared=True)

    def _group_names(self) -> list[str]:
        """Return the groups that are declared, and those that aliases name though nobody declares them."""
        declared = [group.name for group in groups.every()]
        configured = [entry.get("OPTIONS", {}).get("GROUP") for entry in settings.CACHES.values()]
        return list(dict.fromkeys(filter(None, [*declared, *configured, *self.named_groups])))

    def _followed(self) -> list[str]:
        """Return what is exchanged, the marks last: who sees a new one reads nothing older from a group."""
        return [*self._group_names(), *sorted(self._marks)]

    def sweep(self) -> None:
        """Give back the room of some entries that have ended, if that is due."""
        engine = self._engines.get((Code.FILE, "", ""))
        if isinstance(engine, FileEngine):
            with contextlib.suppress(EngineUnavailable):
                engine.sweep(_SWEEPING)

    def contents(self, *, spared: bool = False) -> Contents:
        """Return how many entries the live engine holds of this cache, and their bytes; see ``run()``."""
        return self.run(lambda engine: engine.contents(), spared=spared)


_spaces: dict[Identity, Space] = {}
_registry_lock = threading.Lock()
# Seconds that a sweep of the files may take.
_SWEEPING = 0.01
_complaints: set[str] = set()


def of(identity: Identity) -> Space:
    """Return this process's space for *identity*."""
    found = _spaces.get(identity)
    if found is None:
        with _registry_lock:
            found = _spaces.get(identity)
            if found is None:
                found = _spaces[identity] = Space(identity)
    return found


def every() -> list[Space]:
    """Return the spaces of this process."""
    with _registry_lock:
        return list(_spaces.values())


def aliases() -> list[str]:
    """Return the aliases of CACHES that are adaptive caches."""
    return [alias for alias in settings.CACHES if hasattr(caches[alias], "space")]


def _governing(choices: snapshot.Snapshot, location: str) -> snapshot.SavedChoice | None:
    """Return the saved choice of an alias at *location*, which governs all caches there."""
    return next((choice for alias, choice in choices.items() if conf.has_location(alias, location)), None)


def _complain_once(reason: str) -> None:
    if reason not in _complaints:
        _complaints.add(reason)
        logger.warning("Other machines cannot be told of changes made without Redis (%s).", reason)


def _follow(saved: snapshot.Saved) -> None:
    for one in selector.every():
        # The revision first: where it is in the words before the choice, nobody overrules a newer choice.
        if one.follow_database(saved.installation):
            one.follow(_governing(saved.choices, one.configured.location), saved.installation.suffix)
    for space in every():
        space.follow(saved)


def forget() -> None:
    """Drop all spaces of this process, so that nobody looks after them any more."""
    with _registry_lock:
        _spaces.clear()
    selector.forget()


def _forget(*, setting: str, **kwargs: object) -> None:
    if setting in ("CACHES", "SECRET_KEY", "SECRET_KEY_FALLBACKS", "CACHEADMIN"):
        forget()


def _after_fork() -> None:
    global _registry_lock
    _registry_lock = threading.Lock()
    for space in list(_spaces.values()):
        space.forget_threads()


os.register_at_fork(after_in_child=_after_fork)
state.listen(_follow)
setting_changed.connect(_forget, dispatch_uid="cacheadmin.space")
