"""Which state of the database this machine has seen, and what happens when an older one comes back."""

from __future__ import annotations

import logging

from cacheadmin import shared, signals, state, watcher
from cacheadmin.snapshot import Installation

logger = logging.getLogger("cacheadmin")


class SeenDatabase:
    """Compares the database with the one seen before.

    Args:
        words: where the workers of this machine remember that.
    """

    def __init__(self, words: shared.SharedState) -> None:
        self._words = words
        self._doubted: tuple[int, int, int] | None = None

    def follow(self, known: Installation) -> bool:
        """Empty the caches if *known* is an older state than that seen last, or another database.

        Returns:
            whether what was read together with *known* may be followed: not if somebody has read something
            newer meanwhile.
        """
        if watcher.is_under_test():
            # There the database goes back with the end of every test.
            return True
        words = self._words
        seen = (words.read(shared.REVISION), words.read(shared.NONCE), words.read(shared.PLACE))
        place = int(known.place[:15], 16) if known.place else seen[2]
        if seen == (known.revision, known.nonce, place):
            return True
        is_older = (known.revision, known.nonce) != seen[:2] and known.revision <= seen[0]
        is_another = bool(seen[2] and place != seen[2])
        if (is_older or is_another) and seen != self._doubted:
            # Perhaps somebody has read something newer since this was read: look once more.
            self._doubted = seen
            state.look_again_soon()
            return False
        with words.change():
            words.write(shared.REVISION, known.revision)
            words.write(shared.NONCE, known.nonce)
            words.write(shared.PLACE, place)
            if is_older or is_another:
                words.advance_all()
        if is_older or is_another:
            logger.warning("The database is not the one seen before; the cache is emptied.")
            signals.send("restored", detail="older" if is_older else "another")
        return True
