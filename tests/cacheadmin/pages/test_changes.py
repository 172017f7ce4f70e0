"""A change reaches every page that shows it, at once and in every worker, and no other."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import cast

import pytest
from django.core.cache import caches
from pytest_django import Settings

from cacheadmin import clear_group, pagecache, selector, shared
from cacheadmin.backend import AdaptiveCache
from cacheadmin.clear import clear
from cacheadmin.pagecache import keeper
from cacheadmin.pagecache.marks import Marks, name_of
from tests.cacheadmin.pages.asking import Asker
from tests.cacheadmin.pages.conftest import FrontMaker
from tests.cacheadmin.pages.urls import made, meanwhile
from tests.servers.redis import RedisServer


def test_a_change_has_the_pages_that_show_it_made_anew_and_no_other(
    engine: str, new_front: FrontMaker
) -> None:
    here, there = new_front(), new_front("asgi")
    for name in ("a", "b"):
        here(f"/things/{name}/")
    pagecache.forget("thing:a")
    assert there("/things/b/").cache == "hit"
    assert there("/things/a/").cache == "fwd=miss"
    assert here("/things/a/").cache == "hit"
    assert (made["a"], made["b"]) == (2, 1)


@pytest.mark.parametrize(
    "change",
    [
        lambda: pagecache.forget("list:all"),
        pagecache.forget_all,
        lambda: clear_group("pages"),
        clear,
        lambda: caches["default"].clear(),
    ],
    ids=["a mark of all", "all pages", "the group", "clear", "the alias"],
)
def test_whatever_all_pages_depend_on_has_all_of_them_made_anew(
    engine: str, ask: Asker, change: Callable[[], object]
) -> None:
    for name in ("a", "b"):
        ask(f"/things/{name}/")
    change()
    for name in ("a", "b"):
        assert [ask(f"/things/{name}/").cache for _ in range(2)] == ["fwd=miss", "hit"]


def test_nothing_to_forget_is_nothing_to_do(ask: Asker) -> None:
    ask("/things/a/")
    pagecache.forget()
    assert ask("/things/a/").cache == "hit"


@pytest.mark.parametrize(
    "change",
    [lambda: pagecache.forget("thing:a"), lambda: pagecache.forget("list:all"), pagecache.forget_all],
)
def test_a_page_from_before_a_change_is_never_kept(
    engine: str, ask_either: Asker, change: Callable[[], object]
) -> None:
    meanwhile["a"] = change
    assert ask_either("/things/a/").cache == "fwd=miss"
    meanwhile.clear()
    assert [ask_either("/things/a/").cache for _ in range(2)] == ["fwd=miss", "hit"]
    # Now that its marks are known already.
    pagecache.forget_all()
    meanwhile["a"] = change
    ask_either("/things/a/")
    meanwhile.clear()
    assert [ask_either("/things/a/").cache for _ in range(2)] == ["fwd=miss", "hit"]


def test_a_change_of_something_else_meanwhile_keeps_no_page_away(engine: str, ask: Asker) -> None:
    ask("/things/b/")
    meanwhile["a"] = lambda: pagecache.forget("thing:b")
    ask("/things/a/")
    assert ask("/things/a/").cache == "hit"


def test_a_page_that_is_begun_in_the_middle_of_a_change_is_not_kept(engine: str, ask: Asker) -> None:
    ask("/things/a/")
    pagecache.forget("thing:a")
    words = cast(AdaptiveCache, caches["default"]).space.selector.words
    with words.change():
        ask("/things/a/")
    assert ask("/things/a/").cache == "fwd=miss"
    assert ask("/things/a/").cache == "hit"


def test_workers_whose_shared_state_was_removed_show_nothing_old(engine: str, ask: Asker) -> None:
    ask("/things/a/")
    meanwhile["a"] = _remove_the_state
    pagecache.forget("thing:a")
    ask("/things/a/")
    meanwhile.clear()
    assert ask("/things/a/").cache == "fwd=miss"


def _remove_the_state() -> None:
    words = cast(AdaptiveCache, caches["default"]).space.selector.words
    words.path.unlink(missing_ok=True)
    for one in selector.every():
        one.mend()


def test_marks_of_other_machines_are_learned_with_the_groups(
    redis_server: RedisServer, new_cache: Callable[..., AdaptiveCache], settings: Settings, ask: Asker
) -> None:
    cache = new_cache("redis", location=redis_server.url())
    ask("/things/a/")
    assert ask("/things/a/").cache == "hit"
    # What another machine does.
    name = f"{cache.space.namespace}:generation:{name_of('thing:a')}"
    redis_server.client().set(name, time.time_ns())
    cache.space._synced = float("-inf")
    cache.space.sync()
    assert ask("/things/a/").cache == "fwd=miss"
    assert ask("/things/a/").cache == "hit"


def test_a_mark_that_another_machine_knows_is_taken_over_at_its_first_use(
    redis_server: RedisServer, new_cache: Callable[..., AdaptiveCache], ask: Asker
) -> None:
    cache = new_cache("redis", location=redis_server.url())
    name = f"{cache.space.namespace}:generation:{name_of('thing:a')}"
    cache.get("anything")
    redis_server.client().set(name, 7)
    # When it was changed last is not known: once more, to be sure.
    assert [ask("/things/a/").cache for _ in range(3)] == ["fwd=miss", "fwd=miss", "hit"]
    assert Marks(cache.space).are_current(((name_of("thing:a"), 7),))


def test_a_word_in_no_alphabet_is_a_mark_too() -> None:
    assert name_of("thing:été") != name_of("thing:hiver")
    assert name_of("pages") == "pages"


def test_one_cache_has_one_set_of_marks(engine: str) -> None:
    cache = keeper.cache_of_pages()
    assert keeper.marks_of(cache) is keeper.marks_of(keeper.new_handle())
    assert shared.EPOCH  # the number that what they remember depends on
