"""What ``@cached`` makes of arguments: one key for equal ones, and none that tells of people."""

from __future__ import annotations

import enum
from typing import Any, cast

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.models import Group as Team
from django.db import models
from django.utils.functional import SimpleLazyObject
from django.utils.safestring import mark_safe

from cacheadmin import cached
from cacheadmin.backend import AdaptiveCache
from cacheadmin.decorators import CachedFunction


class Colour(models.TextChoices):
    RED = "red"


class Number(enum.IntEnum):
    ONE = 1


def greet(name: str, greeting: str = "hello", *extra: object, loud: bool = False, **more: object) -> str:
    return f"{greeting} {name}"


GREET = cast(CachedFunction[..., str], cached("content")(greet))


def test_however_the_arguments_are_passed_the_key_is_the_same() -> None:
    keys = {
        GREET.key("ann"),
        GREET.key(name="ann"),
        GREET.key("ann", "hello"),
        GREET.key("ann", greeting="hello", loud=False),
        GREET.key(loud=False, greeting="hello", name="ann"),
    }
    assert len(keys) == 1
    assert GREET.key("ann", a=1, b=2) == GREET.key("ann", b=2, a=1)


def test_different_arguments_have_different_keys() -> None:
    different: list[Any] = [
        "ann", "bob", "", "1", 1, 1.0, True, None, b"ann", ("ann",), ["ann"], {"ann"}, {"ann": 1},
        ("a", "nn"), ("a,'nn'",), "None", frozenset(), [], {}, (), Team(pk=1), Team(pk=2), [Team(pk=1)],
    ]  # fmt: skip
    keys = {GREET.key(value) for value in different}
    # An empty set is an empty set, frozen or not.
    assert len(keys) == len(different)


def test_equal_arguments_have_one_key() -> None:
    assert GREET.key("red") == GREET.key(Colour.RED) == GREET.key(mark_safe("red"))
    assert GREET.key(1) == GREET.key(Number.ONE)
    assert GREET.key([1]) == GREET.key([Number.ONE])
    assert GREET.key({2, 1}) == GREET.key(frozenset([1, 2]))


def test_no_name_or_address_can_be_read_in_a_key() -> None:
    for secret in ("ann@example.org", "10.0.0.7", "swordfish"):
        keys = [
            GREET.key(secret),
            GREET.key(name=[secret]),
            GREET.key("x", "y", secret),
            GREET.key("x", more={secret: secret}),
        ]
        assert not any(secret in key for key in keys)


def test_numbers_and_models_stay_readable_in_a_key() -> None:
    assert GREET.key(7).startswith("content:")
    assert ":7:" in GREET.key(7)
    assert ":auth.group.5:" in GREET.key(Team(pk=5))
    assert GREET.key(SimpleLazyObject(lambda: Team(pk=5))) == GREET.key(Team(pk=5))


def test_a_key_has_no_length_and_no_character_that_memcached_refuses() -> None:
    many = [f"argument {number} with spaces" for number in range(40)]
    for key in (GREET.key(*many), GREET.key("a b\n\x7f"), GREET.key(Number.ONE)):
        assert len(key) < 200
        assert all("!" <= letter <= "~" for letter in key)
    assert GREET.key(*many) != GREET.key(*many[:-1], "another")

    @cached("content")
    def cut(a: str, b: str, c: str, d: str, e: str, f: str, g: str, h: str) -> str:
        return a + b + c + d + e + f + g + h

    assert len(cut.key(*"abcdefgh")) < 200
    assert cut.key(*"abcdefgh") != cut.key(*"abcdefgg")


@pytest.mark.parametrize("argument", [object(), Team(), AnonymousUser(), lambda: None, iter([])])
def test_what_makes_no_key_is_refused_in_words(argument: object) -> None:
    with pytest.raises(TypeError, match=r"cannot make a key from 'name'.*key=…"):
        GREET.key(argument)


def test_wrong_arguments_are_refused_as_the_function_would() -> None:
    with pytest.raises(TypeError, match="missing a required argument"):
        GREET.key()


def test_a_key_function_gives_the_rest_of_the_key(cache: AdaptiveCache) -> None:
    described = []

    class Thing:
        number = 3

    @cached("content", key=lambda thing: f"thing:{thing.number}")
    def describe(thing: Thing) -> str:
        described.append(thing)
        return f"number {thing.number}"

    assert describe.key(Thing()) == "content:thing:3"
    assert (describe(Thing()), describe(Thing())) == ("number 3", "number 3")
    assert len(described) == 1
