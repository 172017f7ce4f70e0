"""What users of django-redis call: the table in docs/reusable-app.md, walked on each engine."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from django.core.cache import caches
from django_redis import get_redis_connection

from cacheadmin.backend import AdaptiveCache
from cacheadmin.redis_api import RedisNotLiveError
from tests.cacheadmin.conftest import nobodys_address
from tests.servers.redis import RedisServer
from tests.servers.site import CHECKOUT

CacheMaker = Callable[..., AdaptiveCache]
TABLE = Path(CHECKOUT) / "docs" / "reusable-app.md"


# --- The table ---


def ttl(cache: AdaptiveCache) -> None:
    cache.set("a", 1, 60)
    assert cache.ttl("a") in (59, 60)


def pttl(cache: AdaptiveCache) -> None:
    cache.set("a", 1, 60)
    assert 59_000 < (cache.pttl("a") or 0) <= 60_000


def expire(cache: AdaptiveCache) -> None:
    cache.set("a", 1, 60)
    assert cache.expire("a", 600) is True
    assert cache.ttl("a") in (599, 600)


def pexpire(cache: AdaptiveCache) -> None:
    cache.set("a", 1, 60)
    assert cache.pexpire("a", 600_500) is True
    assert 599_000 < (cache.pttl("a") or 0) <= 600_500


def expire_at(cache: AdaptiveCache) -> None:
    cache.set("a", 1, 60)
    assert cache.expire_at("a", datetime.now(UTC) + timedelta(seconds=600)) is True
    assert cache.ttl("a") in (599, 600)


def pexpire_at(cache: AdaptiveCache) -> None:
    cache.set("a", 1, 60)
    assert cache.pexpire_at("a", int((time.time() + 600) * 1000)) is True
    assert cache.ttl("a") in (599, 600)


def persist(cache: AdaptiveCache) -> None:
    cache.set("a", 1, 60)
    assert cache.persist("a") is True
    assert cache.ttl("a") is None


def set_nx(cache: AdaptiveCache) -> None:
    assert cache.set("a", 1, 60, nx=True) is True
    assert cache.set("a", 2, 60, nx=True) is False
    assert cache.get("a") == 1


def set_xx(cache: AdaptiveCache) -> None:
    assert cache.set("a", 1, 60, xx=True) is False
    cache.set("a", 1, 60)
    assert cache.set("a", 2, 600, xx=True) is True
    assert (cache.get("a"), cache.ttl("a")) in ((2, 599), (2, 600))


def incr_ignore_key_check(cache: AdaptiveCache) -> None:
    assert [cache.incr("a", 2, ignore_key_check=True) for _ in range(2)] == [2, 4]


def keys(cache: AdaptiveCache) -> None:
    cache.set_many({"a:1": 1, "a:2": 2, "b:1": 3})
    assert sorted(cache.keys("a:*")) == ["a:1", "a:2"]


def iter_keys(cache: AdaptiveCache) -> None:
    cache.set_many({"a:1": 1, "a:2": 2, "b:1": 3})
    assert sorted(set(cache.iter_keys("*:1", itersize=5))) == ["a:1", "b:1"]


def delete_pattern(cache: AdaptiveCache) -> None:
    cache.set_many({"a:1": 1, "a:2": 2, "b:1": 3})
    assert cache.delete_pattern("a:*", itersize=100) == 2
    assert cache.get_many(["a:1", "a:2", "b:1"]) == {"b:1": 3}


def lock(cache: AdaptiveCache) -> None:
    with cache.lock("a", timeout=5):
        assert cache.lock("a").acquire(blocking=False) is False
    assert cache.lock("a").acquire(blocking=False) is True


def connection(cache: AdaptiveCache) -> None:
    client = get_redis_connection("default")
    client.set("raw", "value")
    assert client.get("raw") == b"value"


def structures(cache: AdaptiveCache) -> None:
    cache.sadd("a", 1)


METHODS: dict[str, Callable[[AdaptiveCache], None]] = {
    "ttl": ttl,
    "pttl": pttl,
    "expire": expire,
    "pexpire": pexpire,
    "expire_at": expire_at,
    "pexpire_at": pexpire_at,
    "persist": persist,
    "set(nx=True)": set_nx,
    "set(xx=True)": set_xx,
    "incr(ignore_key_check=True)": incr_ignore_key_check,
    "keys": keys,
    "iter_keys": iter_keys,
    "delete_pattern": delete_pattern,
    "lock": lock,
    "get_redis_connection": connection,
    "sadd": structures,
}


def rows() -> dict[str, dict[str, str]]:
    """The table of the document: method → engine → what it says."""
    text = TABLE.read_text()
    lines = [line for line in text.splitlines() if line.startswith("|")]
    lines = lines[next(number for number, line in enumerate(lines) if line.startswith("| method |")) :]
    head = next(line for line in lines if "redis" in line and "memory" in line)
    engines = [cell.strip(" `") for cell in head.strip("|").split("|")][1:]
    found = {}
    for line in lines[lines.index(head) + 2 :]:
        first, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        if len(cells) != len(engines):
            # Another table begins.
            break
        for name in re.findall(r"`([^`]+)`", first):
            found[name] = dict(zip(engines, cells, strict=True))
    return found


def test_the_table_tells_of_every_method() -> None:
    missing = METHODS.keys() - rows().keys()
    assert not missing
    assert {engine for row in rows().values() for engine in row} == {"redis", "file", "memory", "off"}


@pytest.mark.parametrize("name", sorted(METHODS))
@pytest.mark.parametrize("engine_name", ["redis", "file", "memory", "off"])
def test_the_table_says_what_is_so(
    new_cache: CacheMaker, redis_server: RedisServer, name: str, engine_name: str
) -> None:
    location = redis_server.url() if engine_name == "redis" else nobodys_address()
    cache = new_cache(engine_name, location=location)
    said = rows()[name][engine_name]
    if said == "yes":
        METHODS[name](cache)
    elif said == "nothing is there":
        with pytest.raises(AssertionError):
            METHODS[name](cache)
    else:
        with pytest.raises((NotImplementedError, AttributeError)) as refused:
            METHODS[name](cache)
        assert type(refused.value).__name__ == said.strip("`")


# --- What they return ---


def test_of_what_is_not_there_there_is_nothing_left(cache: AdaptiveCache) -> None:
    assert (cache.ttl("none"), cache.pttl("none")) == (0, 0)
    assert (cache.expire("none", 5), cache.persist("none"), cache.pexpire("none", 5)) == (False, False, False)
    assert cache.expire_at("none", time.time() + 5) is False
    assert cache.delete_pattern("none*") == 0
    assert cache.keys("*") == []


def test_of_what_has_no_end_there_is_no_number(cache: AdaptiveCache) -> None:
    cache.set("a", 1, None)
    assert (cache.ttl("a"), cache.pttl("a"), cache.persist("a")) == (None, None, False)
    cache.expire("a", timedelta(minutes=1))
    assert cache.ttl("a") in (59, 60)
    cache.expire("a", None)
    assert cache.ttl("a") is None


def test_a_life_that_is_over_is_no_life(cache: AdaptiveCache) -> None:
    ends: list[Callable[[], Any]] = [
        lambda: cache.expire("a", 0),
        lambda: cache.pexpire("a", -5),
        lambda: cache.expire_at("a", datetime.now(UTC) - timedelta(days=1)),
        lambda: cache.set("a", 2, 0, xx=True),
    ]
    for end in ends:
        cache.set("a", 1, 60)
        end()
        assert cache.get("a") is None
    assert cache.set("a", 2, 0, nx=True) is True
    assert cache.get("a") is None


def test_versions_are_apart(cache: AdaptiveCache) -> None:
    cache.set("a", 1, 60, version=1)
    cache.set("a", 2, 600, version=2)
    assert cache.ttl("a", version=2) in (599, 600)
    assert cache.keys("*", version=2) == ["a"]
    assert cache.set("a", 3, version=2, nx=True) is False
    assert cache.delete_pattern("a", version=2) == 1
    assert (cache.get("a", version=1), cache.get("a", version=2)) == (1, None)


# --- The raw connection, and what never works ---


def test_without_redis_the_engine_that_is_live_is_named(new_cache: CacheMaker) -> None:
    new_cache("file")
    with pytest.raises(RedisNotLiveError, match="'file'"):
        get_redis_connection("default")
    assert issubclass(RedisNotLiveError, NotImplementedError)


def test_the_raw_connection_is_ours_with_our_timeouts(
    new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    new_cache("redis", location=redis_server.url(3)).set("a", 1)
    client = get_redis_connection("default", write=False)
    options = client.connection_pool.connection_kwargs
    assert (options["db"], options["socket_timeout"], options["socket_connect_timeout"]) == (3, 0.25, 0.25)
    with redis_server.client() as other:
        other.client_kill_filter(_type="normal", skipme=True)
    assert client.ping() is True


def test_structures_are_named_and_a_slip_of_the_pen_is_not(cache: AdaptiveCache) -> None:
    for name in ("sadd", "hset", "zadd", "zrevrangebyscore", "sscan_iter"):
        assert not hasattr(cache, name)
        with pytest.raises(AttributeError, match="get_redis_connection"):
            getattr(cache, name)
    with pytest.raises(AttributeError, match="no attribute 'gett'"):
        cast(Any, caches["default"]).gett("a")
