"""Values in the cache outlive a deployment, in which their class may have changed."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, make_dataclass
from typing import Any

import pytest
from django.core.cache import cache

from content import cards, kept, lookups, sitemaps
from content.kept import Kept


@dataclass(frozen=True, slots=True)
class Shown(Kept):
    """As the running version has it."""

    title: str
    words: int = 0


def deploy(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Put another version of the class in its place; its fields have no defaults."""
    other = make_dataclass(
        "Shown", names, bases=(Kept,), frozen=True, slots=True, namespace={"__module__": __name__}
    )
    monkeypatch.setitem(globals(), "Shown", other)


def test_a_value_comes_back_as_it_was(engine: str) -> None:
    cache.set("content:shown", Shown("Rain", 7))
    assert cache.get("content:shown") == Shown("Rain", 7)


# The memory of a process ends with it, and so with the version that it runs.
@pytest.mark.parametrize("engine", ["redis", "file"], indirect=True)
@pytest.mark.parametrize(
    "fields",
    [("words", "title", "summary"), ("summary", "title", "words"), ("title",), ("heading", "words")],
    ids=["one more", "one more in front", "one less", "another name"],
)
def test_what_another_version_made_is_a_miss(
    fields: tuple[str, ...], engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.set("content:shown", Shown("Rain", 7))
    deploy(monkeypatch, *fields)
    assert cache.get("content:shown") is None


def test_another_order_of_fields_mixes_nothing_up(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.set("content:shown", Shown("Rain", 7))
    deploy(monkeypatch, "words", "title")
    found: Any = cache.get("content:shown")
    assert (found.title, found.words) == ("Rain", 7)


def test_everything_that_is_kept_is_kept_by_name() -> None:
    classes = {
        value
        for module in (cards, lookups, sitemaps)
        for value in vars(module).values()
        if isinstance(value, type) and hasattr(value, "__dataclass_fields__")
        if value.__module__ == module.__name__
    }
    assert len(classes) >= 9
    assert all(issubclass(one, kept.Kept) for one in classes)
    assert pickle.loads(pickle.dumps(cards.TagCard(1, "Rain", "rain"))) == cards.TagCard(1, "Rain", "rain")
