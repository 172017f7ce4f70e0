"""Keys by pattern: the same on every engine, ours alone, and never a KEYS."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cacheadmin import globs
from cacheadmin.backend import AdaptiveCache
from tests.cacheadmin.conftest import nobodys_address
from tests.cacheadmin.redis_engines import Counted
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*", ["a*c", "a:b:c", "ab", "abc", "b@c", "line\nend", "É"]),
        ("a*", ["a*c", "a:b:c", "ab", "abc"]),
        ("a?c", ["a*c", "abc"]),
        (r"a\*c", ["a*c"]),
        ("[ab]*c", ["a*c", "a:b:c", "abc", "b@c"]),
        ("a[^:]*", ["a*c", "ab", "abc"]),
        ("[a-b]b*", ["ab", "abc"]),
        ("*c", ["a*c", "a:b:c", "abc", "b@c"]),
        ("É", ["É"]),
        ("line*", ["line\nend"]),
        ("nothing", []),
    ],
)
@pytest.mark.filterwarnings("ignore:Cache key contains characters")
def test_patterns_mean_the_same_on_every_engine(cache: AdaptiveCache, pattern: str, found: list[str]) -> None:
    cache.set_many(dict.fromkeys(["ab", "abc", "a:b:c", "a*c", "b@c", "É", "line\nend"], 1), 60)
    assert sorted(cache.keys(pattern)) == sorted(found)
    assert cache.delete_pattern(pattern) == len(found)
    assert sorted(cache.keys("*")) == sorted(
        {*("ab", "abc", "a:b:c", "a*c", "b@c", "É", "line\nend")} - {*found}
    )


def test_patterns_are_read_as_redis_reads_them(redis_server: RedisServer) -> None:
    names = [
        "abc",
        "a-c",
        "adc",
        "ac",
        "a]c",
        "ab",
        "a[b",
        "ay",
        "aw",
        "a\\",
        "a",
        "a.c",
        "a^c",
        "a\nc",
        "b",
        "a]",
    ]
    patterns = [
        "a[b-]c",
        "a[b-]",
        "a[]c",
        "a[^]c",
        "a[b",
        r"a[\]]c",
        "a[z-x]",
        "a\\",
        "a.c",
        "a[^b]c",
        "a*c",
        "[a-",
        "[^",
    ]
    with redis_server.client() as client:
        client.mset(dict.fromkeys(names, 1))
        found = {pattern: {name.decode() for name in client.keys(pattern)} for pattern in patterns}
    ours = {
        pattern: {name for name in names if globs.compiled(pattern).fullmatch(name)} for pattern in patterns
    }
    assert ours == found


def test_a_prefix_full_of_signs_is_meant_as_it_is(new_cache: CacheMaker, redis_server: RedisServer) -> None:
    cache = new_cache("redis", location=redis_server.url(), KEY_PREFIX="a*[b]?")
    cache.set("key", 1)
    with redis_server.client() as client:
        client.set("axb:1:key@1", "foreign")
        assert cache.keys("*") == ["key"]
        assert cache.delete_pattern("*") == 1
        assert client.exists("axb:1:key@1")
    with pytest.raises(ValueError, match="prefix"):
        cache.delete_pattern("*", prefix="somebody")


def test_without_a_prefix_the_installation_gives_one(
    new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    cache = new_cache("redis", location=redis_server.url(), KEY_PREFIX="")
    cache.set("content:1", 1)
    assert cache.keys("content:*") == ["content:1"]
    assert cache.delete_pattern("content:*") == 1


def test_what_a_clear_orphaned_is_not_there(cache: AdaptiveCache) -> None:
    cache.set("content:old", 1)
    cache.clear_groups(["other", "content"])
    cache.set("content:new", 1)
    assert cache.keys("*") == ["content:new"]


def reverse(made: str) -> str:
    return made.partition("|")[2]


def made_otherwise(key: str, prefix: str, version: int) -> str:
    return f"{prefix}.{version}|{key}"


@pytest.mark.parametrize("engine_name", ["redis", "file", "memory"])
def test_a_key_function_is_undone_by_its_reverse(
    new_cache: CacheMaker, redis_server: RedisServer, engine_name: str
) -> None:
    location = redis_server.url() if engine_name == "redis" else nobodys_address()
    cache = new_cache(
        engine_name,
        location=location,
        KEY_FUNCTION=made_otherwise,
        REVERSE_KEY_FUNCTION=f"{__name__}.reverse",
    )
    cache.set("a", 1)
    assert cache.keys("*") == ["a"]
    assert cache.delete_pattern("*") == 1


def test_deleting_by_pattern_scans_and_never_stops_redis(
    new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    cache = new_cache("redis", location=redis_server.url())
    cache.set_many({f"a:{number}": number for number in range(2500)})
    with redis_server.client() as client:
        client.set("foreign", 1)
    with Counted(redis_server) as seen:
        assert cache.delete_pattern("a:*") == 2500
    assert set(seen.commands) == {"scan", "del"}
    assert seen.commands["del"] == 3
    with redis_server.client() as client:
        assert client.exists("foreign")


def test_a_redis_lost_while_its_keys_are_listed_ends_the_list(
    new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    cache = new_cache("redis", location=redis_server.url())
    cache.set_many({f"a:{number}": number for number in range(5000)})
    listed = cache.iter_keys("a:*", itersize=10)
    next(listed)
    redis_server.kill()
    assert len(list(listed)) < 5000
    assert cache.space.selector.status().engine == "file"
    assert cache.delete_pattern("*") == 0
