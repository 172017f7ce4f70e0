"""Whose keys these are: one installation's, until its owner has said otherwise."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cacheadmin import ownership
from cacheadmin.ownership import Owner, is_ours, read_note
from tests.cacheadmin.conftest import WorkerMaker, nobodys_address
from tests.cacheadmin.waiting import wait_until
from tests.cacheadmin.workers import Worker
from tests.servers.redis import RedisServer

MIGRATE = "__import__('django.core.management').core.management.call_command('migrate', verbosity=0)"
REASON = "cache.space.selector.status().reason.word"
Installation = Callable[..., Worker]


@pytest.fixture
def server(new_redis: Callable[..., RedisServer]) -> RedisServer:
    return new_redis()


@pytest.fixture
def start(new_worker: WorkerMaker, server: RedisServer) -> Installation:
    """Start a process of the installation in a directory: its database and its cache live there."""

    def start(home: Path, engine: str = "redis", **more: Any) -> Worker:
        home.mkdir(exist_ok=True)
        is_new = not (home / "db.sqlite3").exists()
        more.setdefault("location", server.url())
        more.setdefault("directory", home / "cache")
        worker = new_worker(engine, database=home / "db.sqlite3", **more)
        if is_new:
            worker(MIGRATE)
        return worker

    return start


def keys(server: RedisServer) -> set[bytes]:
    with server.client() as client:
        return set(client.scan_iter())


@pytest.mark.parametrize("engine", ["redis", "auto"])
def test_a_copy_writes_nothing_until_it_is_said_what_it_is(
    start: Installation, server: RedisServer, tmp_path: Path, engine: str
) -> None:
    original = start(tmp_path / "original", engine)
    original("cache.set('a', 'of the original')")
    shutil.copytree(tmp_path / "original", tmp_path / "copy")
    before = keys(server)
    copy = start(tmp_path / "copy", engine)
    copy("cache.set('a', 'of the copy')")
    assert copy("cache.get('a')") == "of the copy"
    assert (copy.engine, copy(REASON)) == ("file", "taken")
    assert copy("cache.space.selector.is_degraded") is True
    assert keys(server) == before
    assert original("cache.get('a')") == "of the original"
    assert original.engine == "redis"


def test_a_copy_gets_keys_of_its_own(start: Installation, server: RedisServer, tmp_path: Path) -> None:
    original = start(tmp_path / "original")
    original("cache.set('a', 'of the original')")
    shutil.copytree(tmp_path / "original", tmp_path / "copy")
    copy, second = start(tmp_path / "copy"), start(tmp_path / "copy")
    for worker in (copy, second):
        worker("cache.get('a')")
        assert worker.engine == "file"
    copy("__import__('cacheadmin.moving').moving.copied()")
    assert copy.engine == "redis"
    assert copy("cache.get('a')") is None
    copy("cache.set('a', 'of the copy')")
    # The others hear of it within a second.
    second("time.sleep(1.05)")
    second.request()
    assert second("cache.get('a')") == "of the copy"
    assert original("cache.get('a')") == "of the original"
    copy("cache.clear()")
    assert original("cache.get('a')") == "of the original"
    third = start(tmp_path / "copy")
    assert third("cache.set('b', 1)") is None
    assert copy("cache.get('b')") == 1


def test_who_was_moved_takes_the_keys_over(start: Installation, server: RedisServer, tmp_path: Path) -> None:
    old = start(tmp_path / "old")
    old("cache.set('a', 'of another state of the database')")
    shutil.copytree(tmp_path / "old", tmp_path / "new")
    new = start(tmp_path / "new")
    new("cache.get('a')")
    assert new.engine == "file"
    new("__import__('cacheadmin.moving').moving.moved()")
    assert new.engine == "redis"
    assert new("cache.get('a')") is None
    new("cache.set('a', 'new')")
    # The old one hears of it within a second, should it still run.
    old("time.sleep(1.1)")
    old.request()
    old("cache.get('a')")
    assert (old.engine, old(REASON)) == ("file", "taken")
    assert new("cache.get('a')") == "new"


def test_another_site_on_the_same_prefix_is_told(start: Installation, tmp_path: Path) -> None:
    first = start(tmp_path / "first")
    first("cache.set('a', 1)")
    second = start(tmp_path / "second", SECRET_KEY="another site's")
    second("cache.set('a', 2)")
    assert (second.engine, second(REASON)) == ("file", "taken")
    assert first("cache.get('a')") == 1


def test_without_a_database_the_secret_tells(
    new_worker: WorkerMaker, server: RedisServer, tmp_path: Path
) -> None:
    first = new_worker("redis", location=server.url())
    first("cache.set('a', 1)")
    assert new_worker("redis", location=server.url())("cache.get('a')") == 1
    stranger = new_worker("redis", location=server.url(), SECRET_KEY="another", directory=tmp_path / "nobody")
    stranger("cache.get('a')")
    assert stranger(REASON) == "taken"


def test_a_new_secret_is_no_new_owner(start: Installation, tmp_path: Path) -> None:
    start(tmp_path / "site")("cache.set('a', 1)")
    rotated = start(tmp_path / "site", SECRET_KEY="rotated", SECRET_KEY_FALLBACKS=["the workers share it"])
    assert rotated("cache.get('a')") == 1
    assert rotated.engine == "redis"


def test_who_comes_back_to_an_emptied_redis_notes_it_again(
    start: Installation, server: RedisServer, tmp_path: Path
) -> None:
    worker = start(tmp_path / "site")
    worker("cache.set('a', 1)")
    server.flush()
    worker("time.sleep(1.1)")
    worker.request()
    assert b"workers:owner" in keys(server)


@pytest.mark.parametrize(
    "note",
    [b"", b"no note", b"[]", b"{}", b'{"secret": 1}', b"\xff", b"9" * 10_000, b'{"secret":"a","place":"b"}'],
)
def test_what_is_no_note_names_a_stranger(note: bytes) -> None:
    found = read_note(note)
    assert found is not None
    assert not is_ours(found)


def test_a_note_is_read_as_it_was_written() -> None:
    owner = ownership.here()
    assert read_note(owner.as_note()) == owner
    assert is_ours(owner)
    assert read_note(None) is None
    assert not is_ours(Owner("another", "", "", 0))


# --- Another state of the database ---


def test_a_restored_database_empties_the_cache(start: Installation, tmp_path: Path) -> None:
    home = tmp_path / "site"
    worker, other = start(home), start(home)
    save = "__import__('cacheadmin.state').state.save_lifetime('other', {})"
    worker(save.format(500))
    worker("__import__('django.db').db.connections.close_all()")
    shutil.copy(home / "db.sqlite3", tmp_path / "backup")
    worker(save.format(600))
    for one in (worker, other):
        one("cache.set('a', 'newer than the backup')")
        one("time.sleep(1.05)")
        one.request()
        assert one("cache.get('a')") == "newer than the backup"
        one("__import__('django.db').db.connections.close_all()")
    for name in ("db.sqlite3", "db.sqlite3-wal", "db.sqlite3-shm"):
        (home / name).unlink(missing_ok=True)
    shutil.copy(tmp_path / "backup", home / "db.sqlite3")
    worker("time.sleep(1.05)")

    def is_empty() -> bool:
        worker.request()
        return worker("cache.get('a')") is None

    wait_until(is_empty, seconds=2)
    assert other("cache.get('a')") is None
    # Once is enough.
    worker("cache.set('a', 1)")
    for _ in range(3):
        worker("time.sleep(1.05)")
        worker.request()
        other.request()
    assert other("cache.get('a')") == 1


# --- Machines that cannot reach Redis ---


def test_what_one_machine_makes_void_without_redis_the_others_hear_from_the_database(
    new_worker: WorkerMaker, server: RedisServer, new_redis: Callable[..., RedisServer], tmp_path: Path
) -> None:
    database = tmp_path / "db.sqlite3"
    machines = [
        new_worker("redis", location=server.url(), database=database, directory=tmp_path / name)
        for name in ("here", "there")
    ]
    here, there = machines
    here(MIGRATE)
    here("cache.set('content:a', 'old')")
    assert there("cache.get('content:a')") == "old"
    there("cache.set('other:a', 'kept')")
    # Only this machine loses its way to Redis.
    here(
        "cache.space.selector.fall_back(1, __import__('cacheadmin.engines.base', fromlist=['x'])"
        ".EngineUnavailable(__import__('cacheadmin.verdicts', fromlist=['x']).Verdict.REFUSED))"
        " or cache.space.selector.end()"
    )
    assert here.engine == "file"
    here("cache.set('content:b', 'mine')")
    here("cache.delete('content:a')")
    here("__import__('django.core.signals').core.signals.request_finished.send(sender=None) and None")
    there("time.sleep(1.05)")
    there.request()
    assert there("cache.get('content:a')") is None
    assert there("cache.get('other:a')") == "kept"
    # Who has said it does not lose its own by it.
    here("time.sleep(1.05)")
    here.request()
    assert here("cache.get('content:b')") == "mine"


def test_caches_of_which_one_is_taken_stay_together_and_keep_what_they_hold(
    new_worker: WorkerMaker, server: RedisServer, tmp_path: Path
) -> None:
    def caches(directory: str, **prefixes: str) -> dict[str, Any]:
        options = {"ENGINE": "redis", "DIRECTORY": str(tmp_path / directory)}
        entry = {"BACKEND": "cacheadmin.backend.AdaptiveCache", "LOCATION": server.url(), "OPTIONS": options}
        return {alias: {**entry, "KEY_PREFIX": prefix} for alias, prefix in prefixes.items()}

    new_worker("redis", SECRET_KEY="another", CACHES=caches("other", default="second"))("cache.set('a', 1)")
    ours = new_worker("redis", CACHES=caches("ours", default="first", other="second"))
    ours("cache.set('a', 1, None)")
    assert ours("caches['other'].get('a')") is None
    # Longer than it takes to ask Redis again, several times.
    ours("time.sleep(1.2)")
    assert ours("cache.get('a')") == 1
    assert (ours.engine, ours(REASON)) == ("file", "taken")


def test_keys_taken_in_the_redis_of_the_environment_are_taken_over_there(
    start: Installation, server: RedisServer, tmp_path: Path
) -> None:
    old = start(tmp_path / "old")
    old("cache.set('a', 1)")
    shutil.copytree(tmp_path / "old", tmp_path / "new")
    new = start(tmp_path / "new", "auto", location=nobodys_address(), environment={"REDIS_URL": server.url()})
    new("cache.get('a')")
    assert (new.engine, new(REASON)) == ("file", "taken")
    new("__import__('cacheadmin.moving').moving.moved()")
    assert new.engine == "redis"


def test_a_copy_that_begins_on_an_event_loop_is_known_for_one_as_well(
    start: Installation, tmp_path: Path
) -> None:
    original = start(tmp_path / "original")
    original("cache.set('a', 'of the original')")
    shutil.copytree(tmp_path / "original", tmp_path / "copy")
    copy = start(tmp_path / "copy")
    copy(
        "import asyncio\n"
        "async def use():\n"
        "    found = cache.get('a')\n"
        "    cache.set('a', 'of the copy')\n"
        "    return found"
    )
    assert copy("asyncio.run(use())") is None
    assert (copy.engine, copy(REASON)) == ("file", "taken")
    assert original("cache.get('a')") == "of the original"


def test_two_sites_of_one_user_do_not_disturb_each_other_in_one_directory(
    start: Installation, tmp_path: Path
) -> None:
    # As where neither names a directory: both have the one among the temporary files.
    shared: dict[str, Any] = {"directory": tmp_path / "cache", "location": nobodys_address()}
    one = start(tmp_path / "one", "auto", SECRET_KEY="one's", **shared)
    other = start(tmp_path / "other", "auto", SECRET_KEY="the other's", **shared)
    sites = (one, other)
    for site in sites:
        site("cache.set('a', 1, None)")
        site("__import__('cacheadmin.state').state.save_lifetime('content', 60)")
    for _ in range(3):
        for site in sites:
            site("cacheadmin.refresh(); __import__('cacheadmin.state').state.look_again_soon()")
            site.request()
    one("__import__('cacheadmin.state').state.save_choice(engine='memory')")
    other.request()
    assert other("cache.get('a')") == 1
    assert (one.engine, other.engine) == ("memory", "file")
    assert "not the one seen before" not in one.said() + other.said()
