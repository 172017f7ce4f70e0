"""Which engine is live: chosen at first use, left when it fails, taken again when it is back.

The decision is one word of the state that the workers of a machine share, so an operation asks
nobody and waits for nothing. Every change of engine starts new generations: nothing that was
changed while an engine was away can be read from it afterwards.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from cacheadmin import announce, conf, deciding, detect, places, shared, state, watcher
from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.engines.file import FileEngine, check_directory
from cacheadmin.engines.redis import without_password
from cacheadmin.only_one import OnlyOne
from cacheadmin.plan import OURS, Code, Decision, Plan, Status
from cacheadmin.seen_database import SeenDatabase
from cacheadmin.serializer import Serializer
from cacheadmin.snapshot import Installation, SavedChoice
from cacheadmin.verdicts import Verdict

logger = logging.getLogger("cacheadmin")

# A decision this fresh, in nanoseconds, is taken over from another worker.
_FRESH = 5_000_000_000


class Selector:
    """Decides for all caches with one LOCATION and one directory.

    Args:
        location: the configured address of Redis.
        directory: where the file engine keeps its entries.
        choice: the configured choice.
    """

    def __init__(self, location: str, directory: Path, choice: str) -> None:
        self.directory = directory
        self.configured = Plan(choice, location)
        self.plan = self.configured
        self._fingerprint = self.plan.fingerprint
        # What the keys of its first cache begin with: a Redis user may be confined to them.
        self.namespace: Callable[[], str] = str
        # And those of all caches here: they go together, so nobody's keys may be taken.
        self.namespaces: Callable[[], list[str]] = list
        self.aliases: Callable[[], list[str]] = list
        # What is exchanged with the other machines before an engine that was away is read again, and after.
        self.around_return: list[Callable[[], None]] = []
        # Two sites of one user may have a directory in common, and each makes its own choices.
        identity = f"{location}\0{choice}\0{places.configured(conf.get('DATABASE'))}"
        self._shared = shared.SharedState(shared.state_path(directory, identity))
        self._thread_lock = threading.RLock()
        self._has_arrived = False
        self._prober: threading.Thread | None = None
        place = self._shared.path.with_name(f"{self._shared.path.name}.prober")
        self._only_prober = OnlyOne(place if self._shared.is_shared else None)
        self._is_over = threading.Event()
        self._database = SeenDatabase(self._shared)
        # The plan of others that could not be explained at the last look.
        self._doubted = 0

    @property
    def words(self) -> shared.SharedState:
        """The state shared by the workers of this machine."""
        return self._shared

    # --- Asking ---

    def live(self, *, spared: bool = False) -> int:
        """Return the code of the engine to use now.

        Args:
            spared: for what has to go on while the cache is switched off, such as sessions.
        """
        if not self._has_arrived:
            self._arrive()
        if self._shared.cells[shared.MOVED]:
            self.mend()
        active = Code.stored(self._shared.read(shared.ACTIVE))
        if active is Code.UNDECIDED:
            # Somebody has written over the words.
            self._settle_here()
            active = Code.stored(self._shared.read(shared.ACTIVE))
        if self.is_behind:
            # The others have followed a new choice already. Until this process has read it too, at the
            # start of its next request, it keeps away from an engine that nobody else uses any more.
            state.look_again_soon()
            return Code.OFF
        return Code.OFF if self.plan.choice == "off" and not spared else active

    @property
    def follows(self) -> int:
        """A number for the choice that this process follows; another one for another choice."""
        return self._fingerprint

    @property
    def is_behind(self) -> bool:
        """Whether the machine follows a choice that this process has not read yet."""
        return self._shared.read(shared.PLAN) != self._fingerprint

    def address(self) -> str:
        """Return the address of the Redis in use, or to come back to; it may hold a password."""
        if self.plan.choice in OURS:
            known = detect.addresses(self.plan.location)
            return known[min(self._shared.read(shared.CANDIDATE), len(known) - 1)]
        return self.plan.location

    def last_known(self) -> str:
        """Return the engine that this machine used last, or the configured choice; tries nothing out."""
        active = Code.stored(self._shared.read(shared.ACTIVE))
        return self.plan.choice if active is Code.UNDECIDED else active.word

    def last_reason(self) -> Verdict:
        """Return why this machine last chose its engine; tries nothing out."""
        return Verdict.stored(self._shared.read(shared.REASON))

    @property
    def is_degraded(self) -> bool:
        """Whether the live engine is not the one that ought to be."""
        return self._shared.read(shared.HOME) != self._shared.read(shared.ACTIVE)

    def status(self, *, spared: bool = False) -> Status:
        """Return the present state.

        Args:
            spared: of what goes on while the cache is switched off.
        """
        self.live()
        is_off = self.plan.choice == "off" and not spared
        active = Code.OFF if is_off else Code.stored(self._shared.read(shared.ACTIVE))
        return Status(
            choice=self.plan.choice,
            engine=active.word,
            reason=Verdict.CHOSEN if is_off else self.last_reason(),
            is_degraded=self.is_degraded and not is_off,
            since=datetime.fromtimestamp(self._shared.read(shared.SINCE) / 1e9, UTC),
            address=without_password(self.address()),
        )

    # --- Following the saved settings ---

    def follow(self, saved: SavedChoice | None, suffix: str = "") -> None:
        """Take over what is saved; an unchanged choice costs two comparisons."""
        plan = replace(self.configured, suffix=suffix) if suffix else self.configured
        if saved is not None:
            pinned = "LOCATION" in conf.get("ENVIRONMENT")
            location = self.configured.location if pinned or not saved.location else saved.location
            plan = Plan(saved.engine, location, saved.revision, suffix)
        if plan == self.plan:
            self._mend_plan()
            return
        self.plan, self._doubted = plan, 0
        self._fingerprint = plan.fingerprint
        # What this process remembers was found out under another plan.
        with self._shared.change():
            pass
        if self._has_arrived:
            self._settle_here()

    def _mend_plan(self) -> None:
        """Have the others follow what is saved, if what they follow is neither that nor anything newer.

        Whoever saves writes first what is saved and then the words. So what stood in the words at the last
        look already, and is not what this one has found, is an older choice or no choice at all.
        """
        foreign = self._shared.read(shared.PLAN) if self._has_arrived and self.is_behind else 0
        if foreign and foreign == self._doubted:
            self._settle_here()
        self._doubted = foreign

    def follow_database(self, known: Installation) -> bool:
        """Empty the caches if the database is an older one than that seen last, or another one.

        Returns:
            whether what was read together with *known* may be followed.
        """
        return self._database.follow(known) if self._has_arrived else True

    def reconsider(self) -> None:
        """Decide anew, now."""
        self.live()
        self._shared.write(shared.LOOKED, 0)
        self._settle_here()

    @property
    def has_lost_redis(self) -> bool:
        """Whether another engine stands in for Redis."""
        cells = self._shared.cells
        return cells[shared.HOME] == Code.REDIS and cells[shared.ACTIVE] != Code.REDIS

    def mend(self) -> None:
        """Begin anew with the others where the file behind the shared state was removed."""
        if not self._has_arrived:
            return
        if self._shared.mend():
            logger.warning("The cache state was removed; a new one is begun.")
            self._settle_here()
        elif Code.stored(self._shared.read(shared.HOME)) is Code.UNDECIDED:
            self._settle_here()
        if not state.has_store():
            # Nothing is saved anywhere, so nobody looks.
            self._mend_plan()

    # --- First use ---

    def _arrive(self) -> None:
        with self._thread_lock:
            if self._has_arrived:
                return
            state.refresh_at_first_use()
            if state.has_store() and state.is_known():
                # Before anybody follows what was read: who has read something older knows it then.
                self._database.follow(state.saved().installation)
            self._settle()
            self._has_arrived = True
        self.watch()

    def _settle_here(self) -> None:
        with self._thread_lock:
            self._settle()

    def _settle(self) -> None:
        """Bring plan and shared state together; one worker of the machine decides for all."""
        words = self._shared
        with words.lock():
            is_same_plan = not self.is_behind
            active, home = (Code.stored(words.read(cell)) for cell in (shared.ACTIVE, shared.HOME))
            if active and not is_same_plan and not state.is_known():
                # Whoever could not read the saved choice does not overrule those who could.
                return
            is_fresh = 0 <= time.time_ns() - words.read(shared.LOOKED) < _FRESH
            if active and home and is_same_plan and is_fresh:
                return
            decision = self._decide(home if is_same_plan else Code.UNDECIDED)
            words.write(shared.LOOKED, time.time_ns())
            known = (active, home, words.read(shared.CANDIDATE))
            decided = (decision.active, decision.home, decision.candidate)
            is_used = is_same_plan and active is Code.REDIS and home is Code.REDIS
            if is_used and known != decided and deciding.still_answers(self.address(), self.namespace()):
                # The others of this machine use it happily: one bad look of a newcomer is no loss of it.
                return
            words.write(shared.REASON, decision.reason)
            if not is_same_plan or known != decided:
                with words.change():
                    words.write(shared.PLAN, self._fingerprint)
                    self._publish(decision)

    def _decide(self, was_home: Code) -> Decision:
        known = deciding.Known(was_home, self._shared.read(shared.CANDIDATE))
        return deciding.decide(self.plan, self.directory, known, self.namespace(), self.namespaces())

    # --- Losing an engine ---

    def fall_back(self, failed: int, error: EngineUnavailable) -> None:
        """Leave the engine *failed* for the next best; the first worker to notice does it for all."""
        with self._shared.lock():
            if self.is_behind or self._shared.read(shared.ACTIVE) != failed:
                return
            home, active = Code.stored(self._shared.read(shared.HOME)), Code.MEMORY
            if failed == Code.REDIS:
                with contextlib.suppress(EngineUnavailable):
                    check_directory(self.directory)
                    active = Code.FILE
            self._publish(Decision(active, home, error.verdict, self._shared.read(shared.CANDIDATE)))
        self.watch()

    def _publish(self, decision: Decision) -> None:
        words = self._shared
        before, home_before = Code.stored(words.read(shared.ACTIVE)), words.read(shared.HOME)
        with words.change():
            # First the new generations, then the engine: nobody may read the new engine under the old ones.
            words.advance_all()
            words.write(shared.CANDIDATE, decision.candidate)
            words.write(shared.HOME, decision.home)
            words.write(shared.REASON, decision.reason)
            words.write(shared.SINCE, time.time_ns())
            words.write(shared.ACTIVE, decision.active)
            if before is not Code.UNDECIDED and decision.active == decision.home:
                words.write(shared.COLD, 1)
        if self.plan.choice == "off" and decision.active == decision.home:
            decision = replace(decision, active=Code.OFF, home=Code.OFF)
        announce.engine_changed(self.aliases(), before, home_before, decision)

    # --- Coming back ---

    def watch(self) -> None:
        """While the engine that ought to be live is away, have one thread of this machine ask for it."""
        if not self._has_arrived or not self.is_degraded or self._is_over.is_set():
            return
        if not watcher.threads_run():
            return
        with self._thread_lock:
            if self._prober is None or not self._prober.is_alive():
                self._prober = threading.Thread(
                    target=self._probe_until_back, name="cacheadmin-prober", daemon=True
                )
                self._prober.start()

    def probe_once(self) -> None:
        """Ask for the lost engine if nobody else of this machine does or just did; takes no longer than its
        timeouts.
        """
        if not self._has_arrived or not self.is_degraded or self.is_behind:
            return
        with self._only_prober.hold() as is_only, contextlib.suppress(EngineUnavailable):
            if is_only and self._shared.claim(shared.PROBED, conf.get("PROBE_INTERVAL")):
                self._return_home()

    def _probe_until_back(self) -> None:
        with self._only_prober.hold() as is_only:
            while is_only and self.is_degraded:
                if self._is_over.wait(conf.get("PROBE_INTERVAL")):
                    return
                if self.is_behind:
                    state.refresh_alone()
                with contextlib.suppress(EngineUnavailable):
                    self._return_home()

    def _return_home(self) -> None:
        home = Code.stored(self._shared.read(shared.HOME))
        if home is Code.UNDECIDED:
            self.mend()
            return
        if home is Code.REDIS:
            candidate = detect.examine(self.address(), self.namespace(), self.namespaces())
            if not candidate.is_usable:
                raise EngineUnavailable(candidate.verdict, candidate.detail)
        elif home is Code.FILE:
            # Nothing that a probe stores is ever read as a value, so it needs no secret.
            FileEngine(self.directory / "probe", Serializer(""), max_entries=1, cull_frequency=0).probe()
        with self._shared.lock():
            if self.is_behind or not self.is_degraded:
                return
            # What the others have begun is taken over before this machine begins anew: it is to be later.
            for exchange in self.around_return:
                exchange()
            # Once, and together with the engine: in a generation of its own in between, limits would
            # count a third time.
            self._publish(Decision(home, home, Verdict.FOUND, self._shared.read(shared.CANDIDATE)))
        for exchange in self.around_return:
            exchange()

    def forget_threads(self) -> None:
        """Start anew after a fork: the locks may be held by threads that the child does not have."""
        self._thread_lock = threading.RLock()
        self._shared.after_fork()
        self._prober = None
        self._is_over = threading.Event()
        self._only_prober.after_fork()

    def end(self) -> None:
        """Stop asking for a lost engine: nobody uses this selector any more."""
        self._is_over.set()


_selectors: dict[tuple[str, str, str], Selector] = {}
_registry_lock = threading.Lock()


def for_cache(location: str, directory: Path, choice: str) -> Selector:
    """Return the one selector of all caches with this location, directory and configured choice."""
    key = (location, str(directory), choice)
    with _registry_lock:
        if key not in _selectors:
            _selectors[key] = Selector(location, directory, choice)
        return _selectors[key]


def every() -> list[Selector]:
    """Return the selectors of this process."""
    with _registry_lock:
        return list(_selectors.values())


def forget() -> None:
    """Drop all selectors of this process; for tests and changed settings."""
    with _registry_lock:
        for selector in _selectors.values():
            selector.end()
        _selectors.clear()


def _after_fork() -> None:
    global _registry_lock
    _registry_lock = threading.Lock()
    for selector in list(_selectors.values()):
        selector.forget_threads()


os.register_at_fork(after_in_child=_after_fork)
