"""How often somebody may do something on the cache page, while the engine is changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cacheadmin import limit
from cacheadmin.backend import AdaptiveCache
from tests.cacheadmin.following import be_behind

CacheMaker = Callable[..., AdaptiveCache]


def try_once() -> int:
    return limit.retry_after("test", "somebody", most=2, seconds=60)


@pytest.fixture(autouse=True)
def _one_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit, "_now", lambda: 1_000_010)


def test_a_worker_that_is_behind_follows_before_it_counts(
    new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = new_cache("file")
    assert [try_once() for _ in range(3)] == [0, 0, 10]
    be_behind(cache, monkeypatch)
    assert try_once() == 10


def test_while_the_cache_is_off_nothing_is_counted(new_cache: CacheMaker) -> None:
    new_cache("off")
    assert [try_once() for _ in range(4)] == [0] * 4
