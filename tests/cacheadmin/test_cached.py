"""``@cached``: a hit equals a computation."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group as Team
from django.test.utils import isolate_apps

from cacheadmin import cached
from cacheadmin.backend import AdaptiveCache
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]


class Calls:
    """Counts how often something was computed."""

    def __init__(self) -> None:
        self.made: list[Any] = []

    def __call__(self, *what: Any) -> None:
        self.made.append(what)

    def __len__(self) -> int:
        return len(self.made)


@pytest.fixture
def calls() -> Calls:
    return Calls()


# --- Keeping ---


@pytest.mark.parametrize("value", [None, 0, False, "", [], ("a", {1}), {"a": 1.5}, 7])
def test_a_hit_equals_the_computation(cache: AdaptiveCache, calls: Calls, value: object) -> None:
    @cached("content", ttl=60)
    def compute(number: int) -> object:
        calls(number)
        return value

    for _ in range(3):
        assert compute(1) == value
        assert type(compute(1)) is type(value)
        assert len(calls) == 1


def test_other_arguments_are_another_result(cache: AdaptiveCache, calls: Calls) -> None:
    @cached("content")
    def double(number: int) -> int:
        calls(number)
        return number * 2

    assert [double(1), double(2), double(1)] == [2, 4, 2]
    assert len(calls) == 2


def test_invalidate_forgets_one_result_and_refresh_computes_it_anew(engine: str, calls: Calls) -> None:
    @cached("content")
    def count(name: str) -> int:
        calls(name)
        return len(calls)

    assert (count("a"), count("b")) == (1, 2)
    count.invalidate("a")
    assert (count("a"), count("a")) == (3, 3)
    # Memory cannot reach into other workers for one entry: there the group goes.
    assert count("b") == (4 if engine == "memory" else 2)
    before = len(calls)
    assert count.refresh("b") == before + 1
    assert count("b") == before + 1


def test_a_result_ends_with_its_time(cache: AdaptiveCache, calls: Calls) -> None:
    @cached("content", ttl=0.2)
    def count() -> int:
        calls()
        return len(calls)

    assert (count(), count()) == (1, 1)
    time.sleep(0.3)
    assert count() == 2


def test_the_decorators_time_is_kept_to_the_letter_and_the_groups_is_spread(
    new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    cache = new_cache("redis", location=redis_server.url())

    @cached("content", ttl=1000)
    def exact(number: int) -> int:
        return number

    @cached("content")
    def spread(number: int) -> int:
        return number

    with redis_server.client() as client:
        for number in range(5):
            exact(number)
            spread(number)
            assert 999_000 < client.pttl(cache.full_key(exact.key(number))) <= 1_000_000
            # The group's own 120 seconds, less a tenth at the most.
            assert 107_000 < client.pttl(cache.full_key(spread.key(number))) <= 120_000


# --- Methods ---


class Reader:
    """No model: it has to say what its key is."""

    def __init__(self, name: str) -> None:
        self.name = name

    @cached("content", key=lambda self, page: f"reader:{self.name}:{page}")
    def read(self, page: int) -> str:
        """Read one page."""
        return f"{self.name} reads {page}"

    @cached("content")
    def write(self) -> str:
        return self.name


# Kept out of the registry, where a model without a migration would be missed.
with isolate_apps("django.contrib.auth"):

    class TeamWithMembers(Team):
        class Meta:
            proxy = True
            app_label = "auth"

        computed: list[int] = []

        @cached("users")
        def members(self, limit: int = 10) -> list[int]:
            self.computed.append(self.pk)
            return [self.pk * 100] * limit


def test_a_method_of_a_model_is_kept_by_its_primary_key(cache: AdaptiveCache) -> None:
    TeamWithMembers.computed.clear()
    first, same, other = TeamWithMembers(pk=1), TeamWithMembers(pk=1), TeamWithMembers(pk=2)
    assert first.members() == [100] * 10
    assert same.members() == [100] * 10
    assert other.members(limit=1) == [200]
    assert TeamWithMembers.computed == [1, 2]
    same.members.invalidate()
    first.members()
    assert TeamWithMembers.computed == [1, 2, 1]
    with pytest.raises(TypeError, match="'self', a TeamWithMembers"):
        TeamWithMembers(name="unsaved").members()


def test_a_method_of_anything_else_needs_a_key_function(cache: AdaptiveCache) -> None:
    assert Reader("ann").read(3) == "ann reads 3"
    assert Reader("ann").read.key(3) == "content:reader:ann:3"
    with pytest.raises(TypeError, match="'self', a Reader"):
        Reader("ann").write()


def test_the_function_keeps_its_name_and_words() -> None:
    assert Reader.read.__doc__ == "Read one page."
    assert list(inspect.signature(Reader.read).parameters) == ["self", "page"]
