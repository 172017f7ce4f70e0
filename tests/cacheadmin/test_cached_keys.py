"""What ``@cached`` makes of arguments: one key for equal ones, and none that tells of people."""

from __future__ import annotations

import datetime
import enum
import hashlib
import subprocess
import sys
import uuid
from decimal import Decimal
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
from tests.cacheadmin.workers import Worker


class Colour(models.TextChoices):
    RED = "red"


class Plain(enum.Enum):
    ONE = 1


class Other(enum.Enum):
    ONE = 1


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


def test_short_and_long_ways_to_a_key_lead_to_the_same() -> None:
    @cached("content")
    def cut(first: object, second: object = 2, third: object = None, *, last: str = "z") -> None:
        return None

    for value in (1, True, None, "ann", "é\ud800", Colour.RED, Number.ONE, Team(pk=5), 1.5, ("a", 1)):
        keys = {cut.key(value), cut.key(first=value), cut.key(value, 2, None), cut.key(value, last="z")}
        assert len(keys) == 1, value
        assert cut.key(1, value) == cut.key(1, second=value)
    assert cut.key(1) == cut.key(True).replace(":True:", ":1:") != cut.key(True)


def test_a_default_that_changes_is_another_argument() -> None:
    @cached("content")
    def collect(into: list[int] = []) -> list[int]:  # noqa: B006 (such functions are what this is about)
        return into

    before = collect.key()
    assert before == collect.key([])
    cast(Any, collect._function).__defaults__[0].append(1)
    assert collect.key() == collect.key([1]) != before


def test_dates_numbers_and_members_of_enumerations_make_keys() -> None:
    day = datetime.date(2026, 11, 22)
    moment = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)
    different: list[Any] = [
        day, str(day), moment, moment.replace(tzinfo=None), moment.isoformat(), moment.time(),
        moment - moment, Decimal("1.5"), 1.5, "1.5", uuid.UUID(int=5), str(uuid.UUID(int=5)),
        Plain.ONE, Other.ONE,
    ]  # fmt: skip
    assert len({GREET.key(value) for value in different}) == len(different)


def test_a_key_is_the_same_in_every_process_and_version_of_python() -> None:
    # Letters that only newer versions know as such, sets, and what no encoding has a place for.
    values = [
        "{'b', 'a', ('x', 1)}", "{'b': {3, 1}, 'a': None}", "1.1", "b'bytes'", "10**30",
        r"'\u1c89 \U0001fae8'", r"'\ud800'",
    ]  # fmt: skip
    code = (
        "import django; django.setup()\n"
        "from cacheadmin.cache_keys import KeyMaker\n"
        "def greet(name, *more, **words): pass\n"
        "greet.__module__ = 'app'\n"
        f"for value in [{', '.join(values)}]:\n"
        "    print(KeyMaker(greet, 'content', None).make((value, value), {'a': value}))\n"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**Worker.environment({"SECRET_KEY": "x"}), "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    (keys,) = found
    # As every supported Python makes them: a change here empties the caches of all who update.
    assert hashlib.sha256(keys.encode()).hexdigest()[:16] == "c5e64b1f7d34bf19"


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


@pytest.mark.parametrize("argument", [object(), Team(), AnonymousUser(), lambda: None, iter([]), [object()]])
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
