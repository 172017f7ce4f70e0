"""One signal carries every event of a cache: ``outage``, ``switch``, ``clear``, ``choice``, ``lifetime``."""

from __future__ import annotations

from typing import Any

from django.dispatch import Signal

cache_event = Signal()


def send(kind: str, **details: Any) -> None:
    """Tell all receivers; a receiver that fails is not the cache's business.

    Args:
        kind: ``outage``, ``switch``, ``clear``, ``choice`` or ``lifetime``.
        details: what belongs to the event: ``engine``, ``detail``, ``seconds``, ``actor``, ``request``, …
    """
    cache_event.send_robust(sender=None, kind=kind, **details)
