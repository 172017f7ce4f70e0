"""A hit equals what was stored, in type and value; what somebody else has written is never a hit."""

from __future__ import annotations

import datetime
import os
import pickle
import zoneinfo
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import redis
from django.contrib.auth.models import Group as Team
from django.http import HttpResponse
from django.utils.safestring import SafeString, mark_safe

from cacheadmin.backend import AdaptiveCache
from cacheadmin.engines.base import MISSING
from cacheadmin.serializer import FORMAT, MAGIC, NotOurs, OtherFormat, Serializer
from tests.cacheadmin.conftest import CacheMaker
from tests.servers.redis import RedisServer

Point = namedtuple("Point", "x y")


@dataclass(frozen=True)
class Price:
    cents: int
    tags: tuple[str, ...]


VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 12345678901234567890, 1.5, float("inf"), 1 + 2j, "", "text", "7", "-7",
    "ünï 🗝", b"", b"7", b"\x00\xff", (), (1, "a"), [], [1, [2]], {}, {1: "one", "1": "uno"}, set(), {1, 2},
    frozenset({3}), OrderedDict(a=1), Point(1, 2), Price(995, ("a",)), Decimal("1.10"), UUID(int=5),
    datetime.date(2026, 1, 2),
    datetime.datetime(2026, 1, 2, 3, 4, tzinfo=zoneinfo.ZoneInfo("Europe/Paris")),
    datetime.timedelta(seconds=3), mark_safe("<b>"), range(3), "x" * 300_000,
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:30])
def test_what_comes_back_is_what_went_in(cache: AdaptiveCache, value: object) -> None:
    cache.set("a", value)
    for found in (cache.get("a"), cache.get_many(["a"])["a"]):
        assert found == value
        assert type(found) is type(value)


def test_a_model_comes_back_as_a_model(cache: AdaptiveCache) -> None:
    cache.set("team", Team(id=7, name="writers"))
    found = cache.get("team")
    assert isinstance(found, Team)
    assert (found.pk, found.name, found._state.adding) == (7, "writers", True)


def test_safe_text_stays_safe_and_a_response_a_response(cache: AdaptiveCache) -> None:
    cache.set("html", SafeString("<b>"))
    assert isinstance(cache.get("html"), SafeString)
    cache.set("page", HttpResponse(b"body", headers={"X-A": "b"}))
    assert (cache.get("page").content, cache.get("page")["X-A"]) == (b"body", "b")


def test_changing_what_was_read_changes_nothing_that_is_stored(cache: AdaptiveCache) -> None:
    value = {"list": [1]}
    cache.set("a", value)
    value["list"].append(2)
    cache.get("a")["list"].append(3)
    assert cache.get("a") == {"list": [1]}


@pytest.mark.parametrize("operation", ["set", "add", "set_many"])
def test_what_cannot_be_pickled_is_refused_and_leaves_the_old_value(
    cache: AdaptiveCache, operation: str
) -> None:
    cache.set("a", "old")
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        if operation == "set_many":
            cache.set_many({"a": lambda: None})
        else:
            getattr(cache, operation)("a", lambda: None)
    assert cache.get("a") == "old"


class Refusing:
    """A value that can be stored, and read no more."""

    def __reduce__(self) -> Any:
        return (int, ("no number",))


def test_a_value_that_cannot_be_read_any_more_is_a_miss_and_goes(cache: AdaptiveCache) -> None:
    engine = cache.space.engine()
    cache.set_many({"a": Refusing(), "b": 2})
    assert cache.get("a", "nothing") == "nothing"
    assert (engine.damaged, cache.has_key("a")) == (1, False)
    cache.set("a", Refusing())
    assert cache.get_many(["a", "b"]) == {"b": 2}
    cache.set("a", Refusing())
    assert cache.replace("a", str) is MISSING
    with pytest.raises(ValueError, match="not found"):
        cache.incr("a")
    assert cache.get_or_set("a", 7) == 7


# --- The signature ---


class Trap:
    """Whose unpickling leaves a trace."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return (Path.touch, (self.trace,))


@pytest.fixture
def ours() -> Serializer:
    return Serializer("our secret")


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:30])
def test_the_serializer_reads_what_it_writes(ours: Serializer, value: object) -> None:
    found = ours.loads("key", ours.dumps("key", value))
    assert found == value
    assert type(found) is type(value)


def test_a_value_of_another_installation_is_not_ours(ours: Serializer) -> None:
    with pytest.raises(NotOurs):
        ours.loads("key", Serializer("their secret").dumps("key", "value"))


def test_a_value_moved_to_another_key_is_not_ours(ours: Serializer) -> None:
    data = ours.dumps("session of ann", {"user": 1})
    with pytest.raises(NotOurs):
        ours.loads("session of bob", data)
    # Nor may the border between key and value be moved.
    with pytest.raises(NotOurs):
        ours.loads("session of ann" + data[19:20].decode("latin-1"), data)


def test_a_planted_pickle_is_not_even_looked_at(ours: Serializer, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    body = pickle.dumps(Trap(trace))
    for data in (body, MAGIC + bytes(16) + body, Serializer("theirs").dumps("key", Trap(trace))):
        with pytest.raises(NotOurs):
            ours.loads("key", data)
    assert not trace.exists()
    # The trap works: whoever unpickled it would have left the trace.
    pickle.loads(body)
    assert trace.exists()


@pytest.mark.parametrize("number", range(0, 60, 3))
def test_one_wrong_bit_anywhere_makes_it_not_ours(ours: Serializer, number: int) -> None:
    data = bytearray(ours.dumps("key", "a value that is long enough to have sixty bytes in it"))
    data[number] ^= 1
    with pytest.raises((NotOurs, OtherFormat)):
        ours.loads("key", bytes(data))


def test_every_truncation_is_not_ours(ours: Serializer) -> None:
    data = ours.dumps("key", ["some", "value"])
    for length in range(len(data)):
        with pytest.raises((NotOurs, OtherFormat)):
            ours.loads("key", data[:length])


def test_a_large_value_is_compressed_where_that_pays() -> None:
    compressing = Serializer("our secret", compress_from=10_000)
    text, noise = "word " * 4000, os.urandom(20_000)
    half = noise + bytes(20_000)
    assert len(compressing.dumps("key", text)) < 2000
    # Neither what is small, nor what would hardly become smaller.
    for value in (noise, half, "word " * 1000):
        assert len(compressing.dumps("key", value)) > len(value)
    for value in (text, noise, half):
        assert compressing.loads("key", compressing.dumps("key", value)) == value
    # Who compresses nothing reads it all the same.
    assert Serializer("our secret").loads("key", compressing.dumps("key", text)) == text


def test_large_values_are_compressed_on_redis_alone(new_cache: CacheMaker, redis_server: RedisServer) -> None:
    text, client = "word " * 40_000, redis.Redis.from_url(redis_server.url())
    on_redis = new_cache("redis", location=redis_server.url())
    on_redis.set("a", text)
    assert client.strlen(on_redis.full_key("a")) < 20_000
    assert on_redis.get("a") == text
    as_they_are = new_cache("redis", location=redis_server.url(), COMPRESS_FROM=None)
    as_they_are.set("a", text)
    assert client.strlen(as_they_are.full_key("a")) > 200_000
    on_files = new_cache("file")
    on_files.set("a", text)
    assert (on_files.space.contents().size or 0) > 200_000


def test_another_version_is_told_apart_from_damage(ours: Serializer) -> None:
    with pytest.raises(OtherFormat):
        ours.loads("key", FORMAT + b"\x03" + b"whatever a later version writes")


@pytest.mark.parametrize("data", [b"1.5", b"+1", b" 1", b"1\n", b"", b"-", b"0x1", b"9" * 5000])
def test_what_is_nearly_a_number_is_not_ours(ours: Serializer, data: bytes) -> None:
    with pytest.raises(NotOurs):
        ours.loads("key", data)


def test_an_earlier_secret_is_still_read_and_no_longer_written() -> None:
    before = Serializer("old").dumps("key", "value")
    rotated = Serializer("new", ("old",))
    assert rotated.loads("key", before) == "value"
    with pytest.raises(NotOurs):
        Serializer("old").loads("key", rotated.dumps("key", "value"))


def test_a_class_that_is_gone_is_a_miss(ours: Serializer, monkeypatch: pytest.MonkeyPatch) -> None:
    data = ours.dumps("key", Price(1, ()))
    monkeypatch.delattr(f"{__name__}.Price")
    with pytest.raises(NotOurs):
        ours.loads("key", data)
