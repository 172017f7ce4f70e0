"""More groups than the shared state has places for: some are cleared together, and nothing old is read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.cache import caches
from pytest_django import Settings

from cacheadmin import groups, shared
from cacheadmin.backend import AdaptiveCache
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]


@pytest.fixture(autouse=True)
def _few_slots(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """Places for a few groups: how many there are makes no difference to what is told here."""
    monkeypatch.setattr(shared, "SLOTS", 64)
    # On a busy machine a Redis may take its time, and is not lost.
    settings.CACHEADMIN = {**settings.CACHEADMIN, "ANSWER_TIMEOUT": 5, "CONNECT_TIMEOUT": 5}


@pytest.fixture(params=["redis", "file", "memory"])
def crowded(
    request: pytest.FixtureRequest,
    new_cache: CacheMaker,
    redis_server: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
) -> AdaptiveCache:
    """A cache whose groups ``left`` and ``right`` have come too late."""
    known = {name: groups.Group(name) for name in ("left", "right")}
    monkeypatch.setattr(groups, "_registry", {**groups._registry, **known})
    cache = new_cache(request.param, location=redis_server.url())
    words = cache.space.selector.words
    for number in range(shared.SLOTS):
        words.generation_cell("others", str(number))
    return cache


def test_they_work_like_any_other(crowded: AdaptiveCache) -> None:
    for name in ("left", "right"):
        crowded.set(f"{name}:a", name)
        crowded.add(f"{name}:count", 0)
        assert [crowded.incr(f"{name}:count") for _ in range(3)] == [1, 2, 3]
    assert crowded.get_many(["left:a", "right:a"]) == {"left:a": "left", "right:a": "right"}
    words = crowded.space.selector.words
    assert not words.has_slot(crowded.space.namespace, "left")


def test_a_clear_of_one_is_never_undone_and_may_empty_the_other(crowded: AdaptiveCache) -> None:
    for _ in range(3):
        crowded.set("left:a", "old")
        crowded.set("right:a", "old")
        crowded.clear_groups(["left"])
        crowded.space._synced = float("-inf")
        crowded.space.sync()
        assert crowded.get("left:a") is None
        assert crowded.get("right:a") is None
        crowded.set("right:a", "new")
        assert crowded.get("right:a") == "new"


def test_those_with_a_place_of_their_own_are_spared(
    new_cache: CacheMaker, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = new_cache("redis", location=redis_server.url())
    cache.set("early", 1)
    words = cache.space.selector.words
    for number in range(shared.SLOTS):
        words.generation_cell("others", str(number))
    monkeypatch.setattr(groups, "_registry", {**groups._registry, "late": groups.Group("late")})
    cache.set("late:a", 1)
    cache.clear_groups(["late"])
    assert (cache.get("late:a"), cache.get("early")) == (None, 1)


def test_two_machines_agree_where_one_of_them_is_crowded(
    new_cache: CacheMaker,
    redis_server: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    known = {name: groups.Group(name) for name in ("left", "right")}
    monkeypatch.setattr(groups, "_registry", {**groups._registry, **known})
    elsewhere = str(tmp_path_factory.mktemp("elsewhere"))
    new_cache("redis", location=redis_server.url(), KEY_PREFIX="same")
    roomy = new_cache(
        "redis", location=redis_server.url(), KEY_PREFIX="same", alias="other", DIRECTORY=elsewhere
    )
    crowded = caches["default"]
    assert isinstance(crowded, AdaptiveCache)
    words = crowded.space.selector.words
    for number in range(shared.SLOTS):
        words.generation_cell("others", str(number))

    def exchange() -> None:
        for cache in (roomy, crowded):
            cache.space._synced = float("-inf")
            cache.space.sync()

    for writer, reader in ((roomy, crowded), (crowded, roomy)):
        exchange()
        exchange()
        writer.set("left:a", "new")
        assert reader.get("left:a") == "new"
        writer.clear_groups(["right"])
        exchange()
        exchange()
        assert reader.get("left:a") in (None, "new")
        reader.set("left:a", "newer")
        exchange()
        assert writer.get("left:a") == "newer"
