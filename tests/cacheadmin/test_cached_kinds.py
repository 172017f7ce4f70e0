"""``@cached`` on everything that can be called, and refused where it makes no sense."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any, cast

import pytest
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from cacheadmin import cached
from cacheadmin.backend import AdaptiveCache
from cacheadmin.decorators import CachedFunction

CacheMaker = Callable[..., AdaptiveCache]
computed: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_computed() -> None:
    computed.clear()


class Shelf:
    name = "shelf"

    @cached("content")
    @classmethod
    def counted(cls, number: int = 1) -> str:
        computed.append(cls.name)
        return f"{cls.name} {number}"

    @cached("content")
    @staticmethod
    def doubled(number: int) -> int:
        computed.append("doubled")
        return number * 2

    @staticmethod
    @cached("content")
    def tripled(number: int) -> int:
        computed.append("tripled")
        return number * 3

    @classmethod
    @cached("content")
    def upside_down(cls, number: int = 1) -> str:
        return cls.name


class Board(Shelf):
    name = "board"


def test_a_class_method_is_kept_for_each_class(cache: AdaptiveCache) -> None:
    shelf, board = cast(Any, Shelf), cast(Any, Board)
    for _ in range(2):
        assert (shelf.counted(), board.counted(), board().counted(number=1)) == (
            "shelf 1",
            "board 1",
            "board 1",
        )
    assert computed == ["shelf", "board"]
    board.counted.invalidate()
    assert (shelf.counted(1), board.counted(1)) == ("shelf 1", "board 1")
    assert computed == ["shelf", "board"] + ["shelf"] * (not cache.is_shared) + ["board"]


def test_a_static_method_is_kept_either_way_round(cache: AdaptiveCache) -> None:
    shelf = cast(Any, Shelf)
    assert (shelf.doubled(2), shelf().doubled(number=2), shelf.tripled(2), shelf().tripled(2)) == (4, 4, 6, 6)
    assert computed == ["doubled", "tripled"]
    shelf().tripled.refresh(2)
    shelf.doubled.refresh(2)
    assert computed == ["doubled", "tripled", "tripled", "doubled"]


def test_a_class_method_under_the_decorator_is_refused_where_it_would_be_wrong(cache: AdaptiveCache) -> None:
    # ``.invalidate(5)`` would take 5 for the class.
    under = cast("CachedFunction[..., str]", inspect.getattr_static(Shelf, "upside_down").__func__)
    with pytest.raises(TypeError, match="stands above @classmethod"):
        under.invalidate(5)


def test_a_class_made_in_a_function_has_namesakes(cache: AdaptiveCache) -> None:
    class Local(Shelf):
        name = "local"

    with pytest.raises(TypeError, match=r"namesakes: use key=…"):
        cast(Any, Local).counted()


def test_arguments_of_any_number_and_name(cache: AdaptiveCache) -> None:
    @cached("content")
    def collect(*args: int, sep: str = "-", **kwargs: int) -> str:
        computed.append("collect")
        return sep.join(map(str, (*args, *kwargs.items())))

    assert collect(1, 2, a=3) == collect(1, 2, sep="-", a=3) == "1-2-('a', 3)"
    assert (collect(), collect(1), collect(1, 2)) == ("", "1", "1-2")
    assert len(computed) == 4


def test_an_async_function_is_known_as_one() -> None:
    @cached("content")
    async def compute() -> int:
        return 1

    assert inspect.iscoroutinefunction(inspect.unwrap(compute))
    from asgiref.sync import iscoroutinefunction

    assert iscoroutinefunction(compute)


# --- Refused ---


def test_a_generator_is_refused_in_words() -> None:
    def generate() -> Iterator[int]:
        yield 1

    async def generate_async() -> AsyncIterator[int]:
        yield 1

    for function in (generate, generate_async, staticmethod(generate)):
        with pytest.raises(TypeError, match=r"generate.*, a generator: it can be read only once"):
            cached("content")(cast(Any, function))


@pytest.mark.parametrize("thing", [partial(int, "5"), Shelf, 5, cached("content")(lambda: 1)])
def test_what_is_no_function_is_refused_in_words(thing: Any) -> None:
    with pytest.raises(TypeError, match="stands above a function or method"):
        cached("content")(thing)


@pytest.mark.parametrize(
    "wrong",
    [{"ttl": 0}, {"ttl": -1}, {"ttl": float("nan")}, {"stale_while_revalidate": -1}, {"wait": -0.1}],
)
def test_seconds_that_are_none_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="ttl above 0 seconds"):
        cached("content", **cast(Any, wrong))


def test_another_backend_is_refused_in_words(settings: Settings) -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

    @cached("content")
    def compute() -> int:
        return 1

    for call in (compute, compute.invalidate, compute.refresh):
        with pytest.raises(ImproperlyConfigured, match=r"AdaptiveCache, and CACHES\['default'\] is none"):
            call()


# --- Where ---


def test_a_call_may_use_another_cache(new_cache: CacheMaker) -> None:
    new_cache("memory")
    second = new_cache("memory", alias="second")
    first = cast(AdaptiveCache, caches["default"])

    @cached("content")
    def compute(number: int) -> int:
        computed.append("compute")
        return number

    assert compute(1) == compute.using("second")(1) == compute.using("second")(1) == 1
    assert len(computed) == 2
    key = compute.key(1)
    assert (first.get(key), second.get(key)) == (1, 1)
    compute.using("second").invalidate(1)
    assert (first.get(key), second.get(key)) == (1, None)


def test_a_decorator_may_name_its_cache(new_cache: CacheMaker) -> None:
    new_cache("memory")
    second = new_cache("memory", alias="second")

    @cached("content", alias="second")
    def compute() -> int:
        return 1

    compute()
    assert second.get(compute.key()) == 1
