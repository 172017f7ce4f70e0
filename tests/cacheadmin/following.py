"""A worker that has not followed yet what the others of its machine follow."""

from __future__ import annotations

import pytest

from cacheadmin import shared, state
from cacheadmin.backend import AdaptiveCache


def be_behind(cache: AdaptiveCache, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others follow a choice that this worker learns of when it looks, and not before."""
    words = cache.space.selector.words
    plan = words.read(shared.PLAN)

    def write(found: int) -> None:
        with words.change():
            words.write(shared.PLAN, found)

    write(plan + 1)
    monkeypatch.setattr(state, "refresh", lambda now=False: write(plan))
