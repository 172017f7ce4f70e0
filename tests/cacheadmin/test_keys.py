"""What a key may be, and whose it is."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, cast

import pytest
from django.core.cache import CacheKeyWarning, caches
from pytest_django import Settings

from cacheadmin.backend import AdaptiveCache
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]


def shouted(key: str, key_prefix: str, version: int) -> str:
    return f"{version}-{key_prefix}-{key.upper()}"


def of_tenant(key: str, key_prefix: str, version: int) -> str:
    return f"{TENANT[0]}:{key_prefix}:{version}:{key}"


TENANT = ["ann"]


@pytest.fixture
def handles(cache: AdaptiveCache, settings: Settings) -> Callable[..., AdaptiveCache]:
    """Make another handle beside the default cache: ``handles(KEY_PREFIX="other")``."""

    def make(**changes: Any) -> AdaptiveCache:
        entry = {**settings.CACHES["default"], **changes}
        settings.CACHES = {**settings.CACHES, "second": entry}
        return cast(AdaptiveCache, caches["second"])

    return make


def test_caches_with_another_prefix_are_apart(handles: Callable[..., AdaptiveCache]) -> None:
    second = handles(KEY_PREFIX="other")
    first = cast(AdaptiveCache, caches["default"])
    first.set("a", 1)
    second.set("a", 2)
    assert (first.get("a"), second.get("a")) == (1, 2)
    second.clear()
    assert (first.get("a"), second.get("a")) == (1, None)


def test_two_aliases_with_one_prefix_are_one_cache(handles: Callable[..., AdaptiveCache]) -> None:
    second = handles(VERSION=2)
    first = cast(AdaptiveCache, caches["default"])
    first.set("a", 1)
    assert second.get("a") is None
    assert second.get("a", version=1) == 1
    second.clear()
    assert first.get("a") is None


def test_a_key_function_is_used_as_a_function_or_by_its_name(handles: Callable[..., AdaptiveCache]) -> None:
    second = handles(KEY_FUNCTION=shouted)
    second.set("a", 1)
    assert second.get("A") == 1
    assert caches["default"].get("a") is None
    third = handles(KEY_FUNCTION=f"{__name__}.shouted")
    third.set("a", 2)
    assert third.get("A") == 2


def test_a_key_function_may_keep_tenants_apart(handles: Callable[..., AdaptiveCache]) -> None:
    second = handles(KEY_FUNCTION=of_tenant)
    TENANT[0] = "ann"
    second.set("content:a", "ann's")
    TENANT[0] = "bob"
    assert second.get("content:a") is None
    second.set("content:a", "bob's")
    TENANT[0] = "ann"
    assert second.get("content:a") == "ann's"


@pytest.mark.parametrize(
    "key",
    ["ünïcödé", "漢字", "🗝", "a" * 250, "colon:in:it", "\u202f", "100%", "..", "a/b\\c", "\ud800", ""],
    ids=ascii,
)
def test_a_key_may_be_any_text(cache: AdaptiveCache, key: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CacheKeyWarning)
        cache.set(key, {"of": key})
        assert cache.get(key) == {"of": key}
        assert cache.get_many([key]) == {key: {"of": key}}
        cache.set(key, 1)
        assert cache.incr(key) == 2
        assert cache.add(key, 3) is False
        assert cache.touch(key, 60) is True
        assert cache.delete(key) is True
        cache.set_many({key: 4})
        cache.delete_many([key])
        assert cache.get(key) is None


def test_keys_that_only_look_alike_are_apart(cache: AdaptiveCache) -> None:
    lookalikes = ["e\u0301", "\u00e9", "E\u0301", "é ".strip() + "\u200b"]
    cache.set_many({key: number for number, key in enumerate(lookalikes)})
    assert [cache.get(key) for key in lookalikes] == [0, 1, 2, 3]


@pytest.mark.parametrize("key", ["with space", "line\nbreak", "x" * 300], ids=ascii)
@pytest.mark.parametrize(
    "operation", ["get", "set", "add", "delete", "incr", "touch", "get_many", "set_many"]
)
def test_a_key_that_memcached_would_refuse_is_warned_of_once(
    cache: AdaptiveCache, operation: str, key: str
) -> None:
    with pytest.warns(CacheKeyWarning):
        cache.set(key, 1)
    arguments: dict[str, list[Any]] = {
        "set": [key, 1],
        "add": [key, 1],
        "get_many": [[key]],
        "set_many": [{key: 1}],
    }
    with pytest.warns(CacheKeyWarning) as seen:
        getattr(cache, operation)(*arguments.get(operation, [key]))
    assert len(seen) == 1


def test_a_cache_without_a_prefix_is_still_nobody_elses(
    new_cache: CacheMaker, redis_server: RedisServer, settings: Settings
) -> None:
    new_cache("redis", location=redis_server.url(), KEY_PREFIX="").set("a", "ours")
    settings.SECRET_KEY = "another installation in the same Redis"
    other = new_cache("redis", location=redis_server.url(), KEY_PREFIX="")
    assert other.get("a") is None
    other.set("a", "theirs")
    other.clear()
    settings.SECRET_KEY = "for tests only, and known to everybody"
    assert new_cache("redis", location=redis_server.url(), KEY_PREFIX="").get("a") == "ours"
