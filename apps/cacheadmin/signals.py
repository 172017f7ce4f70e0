"""One signal carries every event of a cache, of these kinds.

What people do: ``choice`` (of an engine), ``lifetime``, ``rollback`` (of these two), ``refused`` (a choice
that does not work), ``clear``, ``warm``, ``look`` (at a value), ``delete`` (one), ``moved`` and ``copied``.
What happens by itself: ``outage`` (an engine is lost), ``return`` (it is back), ``switch`` (any other change
of engine), ``undone`` (a choice is taken back that failed in its first minute), ``restored`` (the database
is another one).
"""

from __future__ import annotations

from typing import Any

from django.dispatch import Signal

cache_event = Signal()

# Sent by a cache with the ``names`` of the groups and marks that have been made void in it, and by the words
# that all caches at one LOCATION share with ``None``, which means all, while they are locked.
made_void = Signal()


def send(kind: str, **details: Any) -> None:
    """Tell all receivers; a receiver that fails is not the cache's business.

    Args:
        kind: see above.
        details: what belongs to the event: ``alias``, ``engine``, ``detail``, ``seconds``, ``ms``, and
            ``actor`` and ``request`` where somebody did it.
    """
    cache_event.send_robust(sender=None, kind=kind, **details)
