"""Django's cache contract, the same to the letter on Redis, files and memory."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from cacheadmin.backend import AdaptiveCache

CacheMaker = Callable[..., AdaptiveCache]


# --- One entry ---


def test_a_stored_value_is_found_and_another_key_is_not(cache: AdaptiveCache) -> None:
    cache.set("a", 1)
    assert cache.get("a") == 1
    assert cache.get("b") is None
    assert cache.get("b", "nothing") == "nothing"
    assert "a" in cache
    assert "b" not in cache


def test_none_is_a_value_like_any_other(cache: AdaptiveCache) -> None:
    cache.set("a", None)
    assert cache.get("a", "nothing") is None
    assert cache.has_key("a")
    assert cache.get_many(["a", "b"]) == {"a": None}
    assert cache.add("a", 1) is False
    assert cache.get_or_set("a", 2) is None


def test_add_leaves_what_is_there(cache: AdaptiveCache) -> None:
    assert cache.add("a", 1) is True
    assert cache.add("a", 2) is False
    assert cache.get("a") == 1
    cache.delete("a")
    assert cache.add("a", 3) is True


def test_add_takes_the_place_of_what_has_ended(cache: AdaptiveCache) -> None:
    cache.set("a", 1, 0.05)
    time.sleep(0.1)
    assert cache.add("a", 2) is True
    assert cache.get("a") == 2


def test_delete_says_whether_something_was_there(cache: AdaptiveCache) -> None:
    cache.set("a", 1)
    assert cache.delete("a") is True
    assert cache.delete("a") is False
    assert cache.get("a") is None


# --- Life ---


def test_an_entry_ends_when_its_time_is_over(cache: AdaptiveCache) -> None:
    cache.set("short", 1, 0.3)
    cache.set("long", 2, 60)
    assert cache.get("short") == 1
    time.sleep(0.4)
    assert cache.get("short") is None
    assert cache.get("long") == 2


@pytest.mark.parametrize("timeout", [0, -1, -3.5])
def test_an_entry_without_a_future_is_not_kept(cache: AdaptiveCache, timeout: float) -> None:
    cache.set("a", "old")
    cache.set("a", "new", timeout)
    assert cache.get("a") is None
    assert cache.add("b", 1, timeout) is True
    assert cache.get("b") is None
    cache.set("c", 1)
    assert cache.touch("c", timeout) is True
    assert cache.get("c") is None
    cache.set("d", "old")
    assert cache.set_many({"d": 1, "e": 2}, timeout) == []
    assert cache.get_many(["d", "e"]) == {}


def test_adding_without_a_future_says_what_adding_would_have_said(cache: AdaptiveCache) -> None:
    cache.set("a", 1)
    assert cache.add("a", 2, 0) is False
    assert cache.get("a") == 1


def test_no_timeout_means_no_end(new_cache: CacheMaker, engine: str, redis_url: str) -> None:
    cache = new_cache(engine, location=redis_url, TIMEOUT=0.2)
    cache.set("lasting", 1, None)
    cache.set("ending", 2)
    time.sleep(0.3)
    assert cache.get("lasting") == 1
    assert cache.get("ending") is None


def test_an_alias_may_keep_everything_for_ever(new_cache: CacheMaker, engine: str, redis_url: str) -> None:
    cache = new_cache(engine, location=redis_url, TIMEOUT=None)
    cache.set("a", 1)
    assert cache.touch("a") is True
    assert cache.get("a") == 1


def test_touch_gives_a_new_life(cache: AdaptiveCache) -> None:
    cache.set("a", 1, 1)
    assert cache.touch("a", 60) is True
    assert cache.touch("b", 60) is False
    time.sleep(1.1)
    assert cache.get("a") == 1
    cache.set("ended", 1, 0.05)
    time.sleep(0.1)
    assert cache.touch("ended", 60) is False


def test_touch_can_shorten_a_life(cache: AdaptiveCache) -> None:
    cache.set("a", 1, 60)
    assert cache.touch("a", 1) is True
    time.sleep(1.1)
    assert cache.get("a") is None


# --- Numbers ---


def test_numbers_go_up_and_down(cache: AdaptiveCache) -> None:
    cache.set("n", 41)
    assert cache.incr("n") == 42
    assert cache.incr("n", 10) == 52
    assert cache.decr("n") == 51
    assert cache.decr("n", 100) == -49
    assert cache.incr("n", -1) == -50
    assert cache.get("n") == -50


def test_a_float_is_counted_too(cache: AdaptiveCache) -> None:
    cache.set("n", 1.5)
    assert math.isclose(cache.incr("n"), 2.5)


@pytest.mark.parametrize("number", [2**63, 10**30, -(10**30), 10**5000], ids=["word", "big", "low", "huge"])
def test_a_number_may_be_larger_than_a_word(cache: AdaptiveCache, number: int) -> None:
    cache.set("n", number)
    assert cache.get("n") == number
    assert cache.incr("n") == number + 1


def test_counting_what_is_not_there_is_a_value_error(cache: AdaptiveCache) -> None:
    with pytest.raises(ValueError, match="not found"):
        cache.incr("n")
    with pytest.raises(ValueError, match="not found"):
        cache.decr("n")
    with pytest.raises(ValueError, match="not found"):
        cache.incr_version("n")


@pytest.mark.parametrize("value", ["text", b"3", None, [1], {"n": 1}])
def test_counting_what_is_no_number_is_a_type_error(cache: AdaptiveCache, value: object) -> None:
    cache.set("n", value)
    with pytest.raises(TypeError):
        cache.incr("n")
    assert cache.get("n") == value


# --- Several at once ---


def test_many_are_written_read_and_deleted_together(cache: AdaptiveCache) -> None:
    assert cache.set_many({"a": 1, "b": [2], "c": None}) == []
    assert cache.get_many(["a", "b", "c", "d"]) == {"a": 1, "b": [2], "c": None}
    cache.delete_many(["a", "c", "d"])
    assert cache.get_many(["a", "b", "c"]) == {"b": [2]}


def test_many_may_be_none_at_all(cache: AdaptiveCache) -> None:
    assert cache.set_many({}) == []
    assert cache.get_many([]) == {}
    cache.delete_many([])


def test_many_may_come_from_a_generator(cache: AdaptiveCache) -> None:
    cache.set_many({str(number): number for number in range(5)})
    assert cache.get_many(str(number) for number in range(3)) == {"0": 0, "1": 1, "2": 2}
    cache.delete_many(str(number) for number in range(4))
    assert cache.get_many(str(number) for number in range(5)) == {"4": 4}


def test_many_have_their_timeout(cache: AdaptiveCache) -> None:
    cache.set_many({"a": 1, "b": 2}, 0.2)
    assert cache.get_many(["a", "b"]) == {"a": 1, "b": 2}
    time.sleep(0.3)
    assert cache.get_many(["a", "b"]) == {}


def test_get_or_set_computes_once(cache: AdaptiveCache) -> None:
    calls: list[int] = []

    def compute() -> str:
        calls.append(1)
        return "value"

    assert cache.get_or_set("a", compute) == "value"
    assert cache.get_or_set("a", compute) == "value"
    assert len(calls) == 1
    assert cache.get_or_set("b", lambda: None) is None
    assert cache.get("b", "nothing") is None


# --- Versions ---


def test_versions_are_apart(cache: AdaptiveCache) -> None:
    cache.set("a", 1)
    cache.set("a", 2, version=2)
    assert (cache.get("a"), cache.get("a", version=1), cache.get("a", version=2)) == (1, 1, 2)
    cache.delete("a", version=1)
    assert (cache.get("a"), cache.get("a", version=2)) == (None, 2)
    assert cache.get_many(["a"], version=2) == {"a": 2}


def test_a_version_can_be_raised_and_lowered(cache: AdaptiveCache) -> None:
    cache.set("a", "value")
    assert cache.incr_version("a") == 2
    assert (cache.get("a"), cache.get("a", version=2)) == (None, "value")
    assert cache.decr_version("a", version=2) == 1
    assert cache.get("a") == "value"


def test_clear_empties_all_versions(cache: AdaptiveCache) -> None:
    cache.set("a", 1)
    cache.set("a", 2, version=2)
    cache.set("content:b", 3)
    cache.clear()
    assert (cache.get("a"), cache.get("a", version=2), cache.get("content:b")) == (None, None, None)
    cache.set("a", 4)
    assert cache.get("a") == 4


# --- Async ---


async def story(cache: AdaptiveCache) -> None:
    await cache.aset("a", 1)
    assert await cache.aget("a") == 1
    assert await cache.aadd("a", 2) is False
    assert await cache.aincr("a", 4) == 5
    assert await cache.adecr("a") == 4
    assert await cache.atouch("a", 60) is True
    assert await cache.ahas_key("a") is True
    assert await cache.aset_many({"b": 2, "c": None}, 60) == []
    assert await cache.aget_many(["a", "b", "c", "d"]) == {"a": 4, "b": 2, "c": None}
    assert await cache.aget_or_set("e", lambda: 9) == 9
    assert await cache.aincr_version("e") == 2
    await cache.adelete_many(["b"])
    assert await cache.adelete("c") is True
    assert await cache.aget_many(["b", "c"]) == {}
    with pytest.raises(ValueError, match="not found"):
        await cache.aincr("nothing")
    await cache.aclear()
    assert await cache.aget("a") is None


def test_everything_has_an_async_form(cache: AdaptiveCache) -> None:
    asyncio.run(story(cache))


async def _at_once(task: Callable[[], Awaitable[Any]], times: int) -> list[Any]:
    return list(await asyncio.gather(*(task() for _ in range(times))))


def test_async_increments_are_exact(cache: AdaptiveCache) -> None:
    cache.set("n", 0)
    seen = asyncio.run(_at_once(lambda: cache.aincr("n"), 50))
    assert sorted(seen) == list(range(1, 51))


# --- Off ---


def test_off_forgets_and_complains_of_nothing(new_cache: CacheMaker) -> None:
    cache = new_cache("off")
    cache.set("a", 1)
    assert cache.add("a", 1) is True
    assert cache.get("a") is None
    assert cache.touch("a") is False
    assert cache.delete("a") is False
    assert cache.get_or_set("a", 3) == 3
    assert cache.set_many({"a": 1}) == []
    assert cache.get_many(["a"]) == {}
    with pytest.raises(ValueError, match="not found"):
        cache.incr("a")
    cache.clear()
    assert cache.space.contents().entries == 0
    cache.space.engine().probe()
