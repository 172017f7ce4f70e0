"""One computation per key: the way from a miss to a value, over all threads, workers and machines."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any

from cacheadmin import flights, leases
from cacheadmin.backend import AdaptiveCache
from cacheadmin.engines.base import MISSING
from cacheadmin.leases import Kept, Lease, LeaseLost
from cacheadmin.steps import FAILED, Ask, Compute, Steps, Wait, is_computing

_FIRST_PAUSE, _LONGEST_PAUSE = 0.002, 0.05
# Seconds between two looks at the engine while a thread of this process computes: it says itself
# when it is done, but an invalidation by somebody else makes waiting for it pointless.
_LOOK_AGAIN = 0.25
_MOST_TRIES = 3
_SHORTEST_LIFE = 0.001


@dataclass(frozen=True)
class Place:
    """Where one result is kept, and on which terms.

    Args:
        cache: the cache.
        key: its key there.
        timeout: seconds it lives, or what the cache's methods take for "as the group says".
        stale: seconds after that in which it is still given out while it is computed anew.
        wait: seconds a caller waits for another one's computation.
    """

    cache: AdaptiveCache
    key: str
    timeout: Any
    stale: float
    wait: float

    # --- The ways ---

    def find_or_compute(self, found: Any) -> Steps:
        """The way to a value, from what a first look has *found*."""
        deadline = time.monotonic() + self.wait
        misses = 0
        self._count_if_void(found)
        while not is_fresh(found):
            held = leases.lease_in(found)
            if held is not None and is_computing(held):
                return (yield Compute(None))
            if held is not None and not leases.is_abandoned(held, flights.held()):
                if _is_usable(found):
                    break
                if time.monotonic() < deadline:
                    found = yield from self._wait_for(held, found, deadline)
                    continue
            token = yield from self._take(functools.partial(self._join, found))
            if token:
                return (yield from self._compute(token))
            # Somebody was faster: with a value, with a lease, or it is gone again.
            found = yield Ask(self._get)
            misses += found is MISSING
            if misses == _MOST_TRIES or (leases.lease_in(found) and time.monotonic() >= deadline):
                return (yield Compute(None))
        return _value(found)

    def refresh(self) -> Steps:
        """The way to a value computed from now on; the present one is read until it is there."""
        if not (yield Ask(self._can_be_replaced)):
            return (yield from self._forget_and_compute())
        try:
            token = yield from self._take(self._announce, refreshes=True)
        except PermissionError:
            # A minimal user of Redis may not ask how long the present value would live.
            return (yield from self._forget_and_compute())
        return (yield from self._compute(token))

    def _forget_and_compute(self) -> Steps:
        yield Ask(lambda: self.cache.invalidate(self.key))
        return (yield from self.find_or_compute(MISSING))

    def _take(self, attempt: Callable[[str], bool], *, refreshes: bool = False) -> Generator[Ask, Any, str]:
        """Try to get the lease; return the token of the computation, or nothing."""
        token = leases.new_token(refreshes=refreshes)
        # Before anybody can see it in the cache: who finds it there and not here takes us for dead.
        flights.begin(token)
        is_taken = False

        def take() -> bool:
            # Known here even if nobody waits for the answer any more.
            nonlocal is_taken
            is_taken = attempt(token)
            return is_taken

        try:
            yield Ask(take)
        except GeneratorExit:
            # Nobody does what is asked for any more; others will find the lease abandoned.
            flights.end(token)
            raise
        except BaseException:
            if is_taken:
                yield Ask(lambda: self._give_back(token))
            flights.end(token)
            raise
        if not is_taken:
            flights.end(token)
        return token if is_taken else ""

    def _compute(self, token: str) -> Steps:
        if not token:
            return (yield Compute(None))
        try:
            value = yield Compute(token)
            if value is FAILED:
                yield Ask(lambda: self._give_back(token))
            else:
                yield Ask(lambda: self._hand_in(token, value))
        except GeneratorExit:
            # Nobody does what is asked for any more; others will find the lease abandoned.
            raise
        except BaseException:
            yield Ask(lambda: self._give_back(token))
            raise
        finally:
            flights.end(token)
        return value

    def _wait_for(self, held: Lease, found: Any, deadline: float) -> Steps:
        """Wait until something else than *found* stands in the cache, or waiting has lost its sense."""
        flight = flights.of(held)
        if flight is not None:
            yield Wait(flight, max(0.0, min(_LOOK_AGAIN, deadline - time.monotonic())))
            return (yield Ask(self._get))
        flight, asks_for_all = flights.watch(held)
        if not asks_for_all:
            yield Wait(flight, max(0.0, deadline - time.monotonic()))
            return (yield Ask(self._get))
        pause = _FIRST_PAUSE
        try:
            while leases.lease_in(found) == held:
                left = deadline - time.monotonic()
                if left <= 0 or leases.is_abandoned(held, flights.held()):
                    break
                yield Wait(None, min(pause, left))
                pause = min(pause * 2, _LONGEST_PAUSE)
                found = yield Ask(self._get)
        finally:
            flights.unwatch(held)
        return found

    # --- What is done with the engine ---

    def _count_if_void(self, found: Any) -> None:
        """Have a look that has *found* something count as a miss, if its caller does not get that."""
        # An old value is given out only while somebody computes the next one.
        is_answer = is_fresh(found) or (leases.lease_in(found) is not None and _is_usable(found))
        if found is not MISSING and not is_answer:
            next(self.cache.space.tally(self.cache.group_of(self.key)).unfit)

    def _get(self) -> Any:
        # Counted nowhere: the caller has looked once, and that is what he is told of.
        cache = self.cache
        return cache.space.run(lambda engine: engine.get(cache.full_key(self.key)), spared=cache.is_spared)

    def _add(self, token: str) -> bool:
        return self.cache.add(self.key, leases.lease((token,)), leases.LONGEST_LEASE)

    def _join(self, seen: Any, token: str) -> bool:
        """Get a lease, or one beside the holders of that in *seen*; of many who try, one succeeds."""
        if seen is MISSING:
            return self._add(token)
        held = leases.lease_in(seen)

        def join(there: Any) -> Any:
            if leases.lease_in(there) != held or _end_of(there) != _end_of(seen):
                raise LeaseLost
            return leases.under(there, held.joined(token) if held else leases.lease((token,)))

        return self._replace(join, leases.life_under_lease(seen))

    def _can_be_replaced(self) -> bool:
        # Elsewhere the others would go on with the old value: it has to go at once.
        return self.cache.is_shared and not self.cache.space.selector.is_behind

    def _announce(self, token: str) -> bool:
        """Have the lease stand beside the present value, or in its place if there is none."""
        for _ in range(_MOST_TRIES):
            left = self.cache.remaining(self.key)
            if left is not MISSING:
                end = math.inf if left is None else time.time() + left

                def announce(there: Any, end: float = end) -> Any:
                    held = leases.lease_in(there)
                    new = held.joined(token) if held else leases.lease((token,))
                    return leases.under(Kept(there, end, end) if leases.is_value(there) else there, new)

                life = None if left is None else max(leases.LONGEST_LEASE, left)
                if self._replace(announce, life):
                    return True
            if self._add(token):
                return True
        return False

    def _hand_in(self, token: str, value: Any) -> None:
        """Store the value, where the lease still stands: no invalidation has removed it."""
        life = self.cache.life(self.key, self.timeout)
        end = math.inf if life is None else time.time() + life

        def hand_in(there: Any) -> Any:
            held = leases.lease_in(there)
            if held is None or token not in held.tokens:
                raise LeaseLost
            later = leases.later_refreshes(held, token)
            return Kept(value, end, end + self.stale, later) if later or self.stale else value

        self._replace(hand_in, None if life is None else life + self.stale)

    def _give_back(self, token: str) -> None:
        """Let the next caller compute at once."""
        found = self._get()
        held = leases.lease_in(found)
        if held is None or token not in held.tokens:
            return
        if held.tokens == (token,) and type(found) is Lease:
            # Should another one's have taken its place this moment, then that one is computed again.
            self.cache.delete(self.key)
            return

        def give_back(there: Any) -> Any:
            now_held = leases.lease_in(there)
            if now_held is None or token not in now_held.tokens:
                raise LeaseLost
            others = tuple(other for other in now_held.tokens if other != token)
            return replace(there, lease=replace(now_held, tokens=others) if others else None)

        if type(found) is Kept:
            life = found.life
            self._replace(give_back, None if life is None else max(_SHORTEST_LIFE, life))

    def _replace(self, change: Callable[[Any], Any], life: float | None) -> bool:
        try:
            return self.cache.replace(self.key, change, life) is not MISSING
        except LeaseLost:
            return False


def is_fresh(found: Any) -> bool:
    """Whether *found* is, or holds, a value within its lifetime."""
    return time.time() < found.fresh_until if type(found) is Kept else leases.is_value(found)


def _end_of(found: Any) -> float:
    if type(found) is Kept:
        return found.fresh_until
    return math.inf if leases.is_value(found) else 0.0


def _is_usable(found: Any) -> bool:
    return type(found) is Kept and time.time() < found.usable_until


def _value(found: Any) -> Any:
    return found.value if type(found) is Kept else found
