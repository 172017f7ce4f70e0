"""A worker that has not read a new choice yet harms nobody who has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from cacheadmin.advice_checks import check_places
from tests.cacheadmin.workers import Worker, migrate, settings_of
from tests.servers.redis import RedisServer

RedisMaker = Callable[..., RedisServer]
SAVE = "from cacheadmin import state; state.save_choice(engine='redis', location={!r})"


@pytest.fixture
def pair(tmp_path: Path, redis_server: RedisServer) -> Iterator[tuple[Worker, Worker]]:
    """Two workers on one Redis, with the table of the saved choice."""
    project = settings_of(
        engine="redis",
        location=redis_server.url(),
        directory=tmp_path / "cache",
        database=tmp_path / "db.sqlite3",
    )
    migrate(project)
    with Worker(project) as early, Worker(project) as late:
        for worker in (early, late):
            worker.request()
            worker("cache.get('a')")
        yield early, late


@pytest.fixture
def moved(
    pair: tuple[Worker, Worker], new_redis: RedisMaker, redis_server: RedisServer
) -> tuple[Worker, Worker]:
    """The same, once one of them has moved to another Redis and the old one is gone."""
    early, late = pair
    early(SAVE.format(new_redis().url()))
    redis_server.kill()
    return early, late


def test_it_does_not_take_the_loss_of_the_old_engine_for_one_of_the_new(moved: tuple[Worker, Worker]) -> None:
    early, late = moved
    assert late("cache.get('a', 'nothing')") == "nothing"
    late("cache.set('a', 1)")
    assert early("cache.space.selector.is_degraded") is False
    assert early.engine == "redis"
    assert "->" not in early.said() + late.said()


def test_what_it_overwrites_is_read_by_nobody_any_more(moved: tuple[Worker, Worker]) -> None:
    early, late = moved
    for change in (
        "cache.set('a', 2)",
        "cache.delete('a')",
        "cache.set_many({'a': 2})",
        "cache.delete_many(['a'])",
    ):
        early("cache.set('a', 'old')")
        late(change)
        assert early("cache.get('a')") is None, change


def test_it_follows_at_the_start_of_its_next_request(moved: tuple[Worker, Worker]) -> None:
    early, late = moved
    early("cache.set('a', 'new')")
    late("cache.get('a')")
    late.request()
    assert (late("cache.get('a')"), late.engine) == ("new", "redis")


def test_one_that_cannot_read_the_choice_does_not_overrule_those_who_could(
    moved: tuple[Worker, Worker], tmp_path: Path, redis_server: RedisServer
) -> None:
    early, _late = moved
    blind = settings_of(
        engine="redis",
        location=redis_server.url(),
        directory=tmp_path / "cache",
        database=tmp_path / "none" / "db",
    )
    with Worker(blind) as worker:
        worker.request()
        assert worker("cache.get('a', 'nothing')") == "nothing"
    assert (early.engine, early("cache.space.selector.is_behind")) == ("redis", False)


def test_what_it_read_before_a_newer_choice_is_not_followed_after_it(pair: tuple[Worker, Worker]) -> None:
    early, late = pair
    early("from cacheadmin import state; state.save_choice(engine='file')")
    # Its thread gets no turn between the look and what comes of it, as on a busy machine.
    late("from cacheadmin import state; found = state.store().load_saved()")
    early("state.save_choice(engine='memory')")
    since = early("cache.space.selector.status().since.timestamp()")
    late("[listener(found) for listener in state._listeners]")
    assert (early.engine, early("cache.space.selector.is_behind")) == ("memory", False)
    assert early("cache.space.selector.status().since.timestamp()") == since
    late.request()
    assert (late.engine, late("cache.space.selector.is_behind")) == ("memory", False)
    assert "emptied" not in early.said() + late.said()


def test_the_memory_engine_is_pointed_out(settings: Settings) -> None:
    def on(engine: str) -> list[str]:
        entry = settings.CACHES["default"]
        options = {**entry["OPTIONS"], "ENGINE": engine}
        settings.CACHES = {**settings.CACHES, "default": {**entry, "OPTIONS": options}}
        return [str(message.id) for message in check_places() if "'default'" in message.msg]

    assert on("file") == []
    assert on("memory") == ["cacheadmin.W003"]
