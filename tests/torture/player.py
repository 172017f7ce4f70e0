"""One process that uses the cache as hard as it can and checks whatever it gets."""

from __future__ import annotations

import random
import resource
import traceback
import zlib
from dataclasses import dataclass
from typing import Any, cast

from django.core.cache import caches

from cacheadmin import groups, upkeep
from cacheadmin.backend import AdaptiveCache
from tests.torture import ledger as facts
from tests.torture.ledger import KEYS, ROUNDS, Ledger

LIFE = 600
CLEARED = "torture"
TALLY = "tally:all"


@dataclass(frozen=True)
class Part:
    """What a player is told.

    Args:
        player: its place.
        seed: of its choices.
        shared: whether all players see one cache; else each checks only itself.
        largest: bytes of the largest values.
        limits_files: whether it forbids itself larger files now and then, as a full disk would.
    """

    player: int
    seed: int
    shared: bool
    largest: int
    limits_files: bool


def play(part: Part, ledger: Ledger) -> None:
    """Go on until killed."""
    groups.register(groups.Group(CLEARED))
    groups.register(groups.Group("tally"))
    player = _Player(part, ledger)
    while True:
        for _ in range(100):
            player.act()
        player.look_up()


class _Player:
    def __init__(self, part: Part, ledger: Ledger) -> None:
        self.part = part
        self.ledger = ledger
        self.chance = random.Random(part.seed)
        self.cache = cast(AdaptiveCache, caches["default"])
        self.round = 0
        self.tally = 0
        self.actions = (
            *((self.read, 40), (self.write, 20), (self.delete, 4), (self.touch, 4)),
            *((self.increment, 12), (self.add, 10), (self.read_many, 3), (self.change, 3)),
        )
        self.weights = [weight for _, weight in self.actions]

    def act(self) -> None:
        """Do one thing; whatever it raises is a failure of the cache."""
        (action, _), *_ = self.chance.choices(self.actions, self.weights)
        try:
            action()
        except Exception:  # noqa: BLE001 (that is what is looked for)
            self.ledger.complain(self.part.player, facts.ERRORS, traceback.format_exc())
        self.ledger.count(self.part.player, facts.OPERATIONS)

    def look_up(self) -> None:
        """What a process does at the start of a request, and what is rare."""
        try:
            upkeep.tick()
            if self.chance.random() < 0.1 and (self.part.player == 0 or not self.part.shared):
                self.clear()
        except Exception:  # noqa: BLE001 (that is what is looked for)
            self.ledger.complain(self.part.player, facts.ERRORS, traceback.format_exc())
        if self.part.limits_files:
            _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
            size = 64 if self.chance.random() < 0.002 else most
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))

    # --- Keys with one writer ---

    def own_key(self) -> int:
        return self.part.player * KEYS + self.chance.randrange(KEYS)

    def any_key(self) -> int:
        if self.part.shared:
            return self.chance.randrange(self.ledger.players * KEYS)
        return self.own_key()

    def name(self, key: int) -> str:
        return f"{CLEARED}:{key}"

    def value(self, key: int, number: int) -> dict[str, Any]:
        size = self.chance.randrange(100, self.part.largest)
        body = (f"{key}/{number}/" * (size // 8))[:size]
        value = {"key": key, "number": number, "writer": self.part.player, "body": body}
        return {**value, "sum": _sum(value)}

    def write(self) -> None:
        key = self.own_key()
        number = self.ledger.begin(key)
        self.cache.set(self.name(key), self.value(key, number), LIFE)
        self.ledger.finish(key, number)

    def delete(self) -> None:
        key = self.own_key()
        number = self.ledger.begin(key)
        self.cache.delete(self.name(key))
        self.ledger.finish(key, number)

    def change(self) -> None:
        key = self.own_key()
        number = self.ledger.begin(key)
        self.cache.replace(self.name(key), lambda _: self.value(key, number), LIFE)
        self.ledger.finish(key, number)

    def touch(self) -> None:
        self.cache.touch(self.name(self.any_key()), LIFE)

    def read(self) -> None:
        key = self.any_key()
        oldest = self.ledger.oldest_right(key)
        self.judge(key, oldest, self.cache.get(self.name(key)))

    def read_many(self) -> None:
        keys = {self.name(key): key for key in (self.any_key() for _ in range(8))}
        oldest = {name: self.ledger.oldest_right(key) for name, key in keys.items()}
        for name, value in self.cache.get_many(keys).items():
            self.judge(keys[name], oldest[name], value)

    def judge(self, key: int, oldest: int, value: Any) -> None:
        if value is None:
            return
        words = (
            f"key {key}, not older than {oldest}, not newer than {self.ledger.started(key)}: {value!r:.200}"
        )
        try:
            right = value["sum"] == _sum(value) and value["key"] == key
            right = right and value["number"] <= self.ledger.started(key)
        except (KeyError, TypeError):
            right = False
        if not right:
            self.ledger.complain(self.part.player, facts.WRONG, f"wrong: {words}")
        elif value["number"] < oldest:
            self.ledger.complain(self.part.player, facts.STALE, f"stale: {words}")

    def clear(self) -> None:
        done = self.ledger.done()
        self.cache.clear_groups([CLEARED])
        if self.part.shared:
            self.ledger.raise_floor(done)

    # --- Keys with many writers ---

    def increment(self) -> None:
        name = TALLY if self.part.shared else f"{TALLY}:{self.part.player}"
        self.cache.add(name, 0, None)
        self.ledger.count(self.part.player, facts.TALLY_STARTED)
        try:
            found = self.cache.incr(name)
        except ValueError:
            # It was evicted or emptied in between; where that cannot be, the sum tells.
            return
        self.ledger.count(self.part.player, facts.TALLY_DONE)
        self.tally += 1
        if not self.part.shared and found != self.tally:
            self.ledger.complain(self.part.player, facts.LOST, f"counted {found}, not {self.tally}")

    def add(self) -> None:
        self.round += self.chance.randrange(1, 3)
        if self.round >= ROUNDS:
            return
        mine = "" if self.part.shared else f":{self.part.player}"
        if self.cache.add(f"tally:round:{self.round}{mine}", self.part.player, LIFE):
            self.ledger.win(self.part.player, self.round)


def note_tally(ledger: Ledger) -> None:
    """Say what the cache has counted."""
    groups.register(groups.Group("tally"))
    ledger.note_tally(caches["default"].get(TALLY, 0))


def _sum(value: dict[str, Any]) -> int:
    words = "{key}/{number}/{writer}/{body}".format(**value)
    return zlib.crc32(words.encode())
