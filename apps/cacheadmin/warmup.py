"""Warm-up: fills the cache by its warmers, one warm-up at a time for a cache over all machines.

An entry of the cache is the lock and tells the progress at once (``warm_lock``), so that whoever wants to
show it has only to read it. It ends by itself where its holder is killed; where a clear or a switch took it
away, the holder takes it again, or leaves the rest to whoever has it by now.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from django.core.cache import caches
from django.utils.translation import gettext as _

from cacheadmin import groups, signals, warm_lock, warmers
from cacheadmin.backend import AdaptiveCache
from cacheadmin.warm_progress import GroupResult, Progress
from cacheadmin.warmers import Warmer

logger = logging.getLogger("cacheadmin")

# Seconds between two words of progress.
PACE = 1.0
# After so many failures in a row, the rest of a warmer would fail too.
_MOST_FAILURES = 10


class AlreadyRunning(Exception):
    """A warm-up of this cache is running somewhere.

    Args:
        progress: how far that is.
    """

    def __init__(self, progress: Progress) -> None:
        super().__init__("A warm-up of this cache is running already.")
        self.progress = progress


class NothingToWarm(ValueError):
    """Nobody has declared a warmer for that, or the cache keeps nothing."""


def progress(alias: str = "default") -> Progress | None:
    """Return how far the warm-up is that runs somewhere, or how the last one ended; ``None`` if long ago."""
    return warm_lock.read(alias)


def warm(
    names: Iterable[str] | None = None,
    *,
    alias: str = "default",
    budget: float | None = None,
    tell: Callable[[Progress], None] | None = None,
    **origin: Any,
) -> Progress:
    """Fill a cache, and tell the event.

    Args:
        names: names of groups; ``None`` means all that have warmers.
        alias: the cache.
        budget: seconds after which no new item is begun; ``None`` for no end.
        tell: called with the progress, about every second and at the end.
        origin: what the event says of its cause, such as ``actor`` and ``request``.

    Raises:
        KeyError: there is no such group.
        NothingToWarm: no group of these has a warmer, or the cache is off.
        AlreadyRunning: somebody else is at it.
    """
    warmup = WarmUp(names, alias=alias, budget=budget, tell=tell, **origin)
    warmup.begin()
    while warmup.go_on():
        pass
    return warmup.progress


class WarmUp:
    """One warm-up, which may be done in slices; see ``warm()`` for the arguments and errors."""

    def __init__(
        self,
        names: Iterable[str] | None = None,
        *,
        alias: str = "default",
        budget: float | None = None,
        tell: Callable[[Progress], None] | None = None,
        **origin: Any,
    ) -> None:
        self._alias, self._budget, self._tell, self._origin = alias, budget, tell, origin
        self._warmers = _chosen(names, alias)
        self._results = {warmer.group: GroupResult() for warmer in self._warmers}
        self._token = secrets.token_hex(8)
        self._group = ""
        self._began = self._told = time.monotonic()
        self._is_over = self._is_complete = False
        self._steps: Iterator[None] = iter(())

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return Progress(
            groups=dict(self._results),
            group=self._group,
            seconds=time.monotonic() - self._began,
            is_over=self._is_over,
            is_complete=self._is_complete,
        )

    def begin(self) -> None:
        """Take the lock.

        Raises:
            NothingToWarm: the cache is off.
            AlreadyRunning: somebody else has it.
        """
        cache = cast(AdaptiveCache, caches[self._alias])
        if cache.space.selector.status().engine == "off":
            raise NothingToWarm(_("The cache is off, so nothing would be kept."))
        self._began = self._told = time.monotonic()
        if not warm_lock.take(self._alias, self._token, self.progress):
            raise AlreadyRunning(progress(self._alias) or self.progress)
        self._steps = self._work()

    def go_on(self, seconds: float | None = None) -> bool:
        """Warm for some *seconds*, or to the end; return whether there is more to do."""
        pause_at = None if seconds is None else time.monotonic() + seconds
        is_paused = False
        try:
            for _step in self._steps:
                if self._is_due_to_stop():
                    break
                if pause_at is not None and time.monotonic() >= pause_at:
                    is_paused = True
                    return True
            else:
                self._is_complete = not any(result.gave_up for result in self._results.values())
        finally:
            # Also where somebody interrupts it in the middle.
            if not is_paused:
                self._end()
        return False

    def _is_due_to_stop(self) -> bool:
        now = time.monotonic()
        if self._budget is not None and now - self._began >= self._budget:
            return True
        if now - self._told < PACE:
            return False
        self._told = now
        if self._tell is not None:
            self._tell(self.progress)
        return not warm_lock.renew(self._alias, self._token, self.progress)

    def _end(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        if warm_lock.renew(self._alias, self._token, self.progress):
            warm_lock.give_back(self._alias, self._token, self.progress)
        ended = self.progress
        if self._tell is not None:
            self._tell(ended)
        signals.send(
            "warm",
            alias=self._alias,
            groups=list(self._results),
            done=ended.done,
            errors=ended.errors,
            is_complete=self._is_complete,
            ms=ended.seconds * 1000,
            **self._origin,
        )

    # --- The work ---

    def _work(self) -> Iterator[None]:
        begun = []
        for warmer in self._warmers:
            try:
                items, count = warmer.begin()
            except Exception as error:  # noqa: BLE001 (counted and told)
                self._note(warmer, error=error, gave_up=True)
            else:
                begun.append((warmer, items))
                known = self._results[warmer.group].count
                self._note(warmer, count=None if count is None else (known or 0) + count)
            yield
        for warmer, items in begun:
            yield from self._work_through(warmer, items)

    def _work_through(self, warmer: Warmer, items: Iterable[Any]) -> Iterator[None]:
        self._group = warmer.group
        failures = 0
        for item in _guarded(items):
            began = time.monotonic()
            error = item if isinstance(item, _Failure) else _try(warmer, item)
            failures = failures + 1 if error else 0
            gave_up = isinstance(item, _Failure) or failures >= _MOST_FAILURES
            self._note(
                warmer,
                done=0 if error else 1,
                error=error.error if error else None,
                seconds=time.monotonic() - began,
                gave_up=gave_up,
            )
            yield
            if gave_up:
                return

    def _note(
        self,
        warmer: Warmer,
        *,
        done: int = 0,
        error: Exception | None = None,
        seconds: float = 0.0,
        gave_up: bool = False,
        **counted: int | None,
    ) -> None:
        before = self._results[warmer.group]
        errors = Counter(before.errors)
        if error is not None:
            errors[type(error).__name__] += 1
            if sum(errors.values()) == 1:
                logger.warning("Warming up %s failed (%s).", warmer.name, type(error).__name__)
        self._results[warmer.group] = GroupResult(
            done=before.done + done,
            count=counted.get("count", before.count),
            errors=dict(errors),
            seconds=before.seconds + seconds,
            gave_up=before.gave_up or gave_up,
        )


@dataclass(frozen=True)
class _Failure:
    error: Exception


def _try(warmer: Warmer, item: Any) -> _Failure | None:
    try:
        warmer.warm(item)
    except Exception as error:  # noqa: BLE001 (counted and told)
        return _Failure(error)
    return None


def _guarded(items: Iterable[Any]) -> Iterator[Any]:
    """Yield the items, and a failure where the next one cannot be had."""
    try:
        yield from items
    except Exception as error:  # noqa: BLE001 (counted and told)
        yield _Failure(error)


def _chosen(names: Iterable[str] | None, alias: str) -> list[Warmer]:
    known = warmers.of(alias)
    wanted = {warmer.group for warmer in known} if names is None else set(names)
    for name in wanted:
        if groups.get(name) is None:
            raise KeyError(name)
    found = [warmer for warmer in known if warmer.group in wanted]
    without = wanted - {warmer.group for warmer in found}
    if without or not found:
        if not without:
            raise NothingToWarm(_("There is no warmer for any group."))
        raise NothingToWarm(_("There is no warmer for %(groups)s.") % {"groups": ", ".join(sorted(without))})
    return found
