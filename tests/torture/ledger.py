"""What is known to be true, in memory that all players share, so that each read can be judged.

A key has one writer, who numbers what it does to it. It writes the number down before it begins
("started") and after it is done ("done"), so whoever reads knows which numbers can be right: a
value older than what was done before the read began is stale, one newer than what was started
is made up. A clear raises the floor: nothing that was done before it began may be read after it.
"""

from __future__ import annotations

import mmap
import time
from pathlib import Path

KEYS = 48
ROUNDS = 20_000
# What each player counts.
OPERATIONS, WRONG, STALE, ERRORS, LOST, TALLY_STARTED, TALLY_DONE = range(7)
_COUNTERS = 8
_MOST_ERRORS = 20


class Ledger:
    """The shared truth.

    Args:
        players: how many places for players there are.
        errors: a file for what was raised.
    """

    def __init__(self, players: int, errors: Path) -> None:
        self.players = players
        self.errors = errors
        cells = 1 + 3 * players * KEYS + players * _COUNTERS
        self._memory = mmap.mmap(-1, cells * 8 + players * ROUNDS)
        whole = memoryview(self._memory)
        self._cells = whole[: cells * 8].cast("Q")
        self._won = whole[cells * 8 :]

    # --- Keys; each player has its own, all read them ---

    def _cell(self, kind: int, key: int) -> int:
        return 1 + kind * self.players * KEYS + key

    def begin(self, key: int) -> int:
        """Note that the writer of *key* starts something, and return its number."""
        number = max(self._cells[self._cell(0, key)], self._cells[self._cell(1, key)]) + 1
        self._cells[self._cell(0, key)] = number
        return number

    def finish(self, key: int, number: int) -> None:
        """Note that it is done."""
        self._cells[self._cell(1, key)] = number

    def started(self, key: int) -> int:
        """The newest number that can be right."""
        return self._cells[self._cell(0, key)]

    def oldest_right(self, key: int) -> int:
        """The oldest number that a read which begins now may find."""
        return max(self._cells[self._cell(1, key)], self._cells[self._cell(2, key)] + 1)

    def done(self) -> list[int]:
        """What is done to each key by now."""
        return [self._cells[self._cell(1, key)] for key in range(self.players * KEYS)]

    def raise_floor(self, done: list[int]) -> None:
        """Note that all of that was cleared; only one player clears."""
        for key, number in enumerate(done):
            self._cells[self._cell(2, key)] = number

    # --- Counting ---

    def count(self, player: int, what: int, by: int = 1) -> None:
        """Add to a counter of a player."""
        self._cells[1 + 3 * self.players * KEYS + player * _COUNTERS + what] += by

    def total(self, what: int) -> int:
        """A counter, summed over the players."""
        return sum(self.of(player, what) for player in range(self.players))

    def of(self, player: int, what: int) -> int:
        """A counter of one player."""
        return self._cells[1 + 3 * self.players * KEYS + player * _COUNTERS + what]

    def note_tally(self, tally: int) -> None:
        """Note what the cache has counted in the end."""
        self._cells[0] = tally

    def tally(self) -> int:
        """What the cache has counted in the end."""
        return self._cells[0]

    def win(self, player: int, number: int) -> None:
        """Note that *player* was the one whose ``add`` of that round succeeded."""
        self._won[player * ROUNDS + number] += 1

    def several_winners(self, *, shared: bool) -> int:
        """How many rounds had more than one winner."""
        rows = [
            self._won[player * ROUNDS : (player + 1) * ROUNDS].tobytes() for player in range(self.players)
        ]
        if not shared:
            return sum(count > 1 for row in rows for count in row)
        return sum(sum(column) > 1 for column in zip(*rows, strict=True))

    def complain(self, player: int, what: int, words: str) -> None:
        """Count a failure and keep the words of the first few."""
        self.count(player, what)
        if self.total(what) <= _MOST_ERRORS:
            with self.errors.open("a", encoding="utf-8") as file:
                file.write(f"{time.strftime('%H:%M:%S')} player {player}: {words}\n")
