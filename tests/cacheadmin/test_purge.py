"""``manage.py cache purge`` leaves nothing of ours, and everything of others."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import DatabaseError

from cacheadmin import clear, events, state
from cacheadmin.backend import AdaptiveCache
from cacheadmin.models import CacheEvent, CacheSettings
from tests.cacheadmin.workers import Worker, migrate, settings_of
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]


@pytest.fixture(autouse=True)
def _connected_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A purge is the last thing that a process does; this one goes on."""
    monkeypatch.setattr(state, "_store", state._store)


@pytest.fixture(autouse=True)
def _one_cache(settings: Any) -> None:
    settings.CACHES = {}


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("cache", "purge", *words, stdout=out, no_color=True)
    return out.getvalue()


def keys_in(server: RedisServer) -> set[bytes]:
    with server.client() as client:
        return set(client.keys())


@pytest.mark.django_db(transaction=True)
def test_nothing_of_ours_is_left_and_what_others_have_survives(
    new_cache: CacheMaker, redis_server: RedisServer, tmp_path: Path
) -> None:
    cache = new_cache("redis", location=redis_server.url(), KEY_PREFIX="ours[1]*")
    with redis_server.client() as client:
        client.mset({"theirs": 1, "ours": 2, "ours[1]*x:1:a": 3, "ours1:1:a": 4})
        client.lpush("celery", "a task")
    cache.set_many({f"content:{number}": number for number in range(2500)})
    state.save_choice(engine="redis", location=redis_server.url())
    clear.clear(["content"])
    cache.set("content:1", 1)
    (tmp_path / "cache" / "somebody's").write_text("theirs")
    assert CacheEvent.objects.exists()
    assert CacheSettings.objects.exists()
    answer = json.loads(run("--yes", "--json"))
    assert keys_in(redis_server) == {b"theirs", b"ours", b"ours[1]*x:1:a", b"ours1:1:a", b"celery"}
    (found,) = answer["redis"]
    assert found["removed"] > 2500
    assert (answer["ok"], found["namespace"], found["problem"]) == (True, "ours[1]*", "")
    assert answer["database"]["cacheadmin_cachesettings"] == 1
    for model in apps.get_app_config("cacheadmin").get_models():
        assert not model._default_manager.exists()
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["somebody's"]
    assert answer["disk"]
    events.keep_house()
    assert not CacheEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_server_is_sent_no_flush_and_no_keys(new_cache: CacheMaker, redis_server: RedisServer) -> None:
    new_cache("redis", location=redis_server.url()).set("a", 1)
    with redis_server.client() as client:
        client.config_resetstat()
        run("--yes")
        sent = {name.removeprefix("cmdstat_") for name in client.info("commandstats")}
    assert {"scan", "unlink"} <= sent
    assert not sent & {"flushdb", "flushall", "keys"}


@pytest.mark.django_db(transaction=True)
def test_files_go_and_an_empty_directory_with_them(new_cache: CacheMaker, tmp_path: Path) -> None:
    cache = new_cache("file")
    cache.set("a", 1)
    said = run("--yes")
    assert not (tmp_path / "cache").exists()
    assert f"Disk: {tmp_path / 'cache'}" in said
    assert "Database: 0 rows of cacheadmin_cachesettings" in said
    assert "migrate cacheadmin zero" in said


@pytest.mark.django_db(transaction=True)
def test_under_a_minimal_acl_it_says_what_it_cannot_do(
    new_cache: CacheMaker, new_redis: Callable[..., RedisServer]
) -> None:
    rights = "+ping +select +get +set +mget +del +expire +incrby +watch +multi +exec ~lean:*"
    server = new_redis(acl=[f"user lean on >secret {rights}"])
    cache = new_cache("redis", location=server.url(username="lean", password="secret"), KEY_PREFIX="lean")
    cache.set("a", 1)
    out = io.StringIO()
    with pytest.raises(CommandError, match="Not everything could be removed"):
        call_command("cache", "purge", "--yes", stdout=out, no_color=True)
    assert "may not use SCAN" in out.getvalue()
    assert "end by themselves within 30 days" in out.getvalue()
    assert b"lean:owner" not in keys_in(server)
    assert "secret" not in out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_without_unlink_del_does_it(new_cache: CacheMaker, new_redis: Callable[..., RedisServer]) -> None:
    server = new_redis(acl=["user some on >secret +@all -unlink ~*"])
    cache = new_cache("redis", location=server.url(username="some", password="secret"), KEY_PREFIX="some")
    cache.set("a", 1)
    assert json.loads(run("--yes", "--json"))["ok"] is True
    assert keys_in(server) == set()


@pytest.mark.django_db(transaction=True)
def test_a_redis_in_use_that_is_away_is_named(new_cache: CacheMaker, redis_server: RedisServer) -> None:
    new_cache("redis", location=redis_server.url()).set("a", 1)
    redis_server.kill()
    out = io.StringIO()
    with pytest.raises(CommandError, match="Not everything"):
        call_command("cache", "purge", "--yes", stdout=out, no_color=True)
    assert "Redis could not be used: nothing listens at this address." in out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_what_cannot_be_done_is_told(
    new_cache: CacheMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_cache("file").set("a", 1)

    def fail(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    def no_table(*_: Any, **__: Any) -> Any:
        raise DatabaseError("no such table")

    monkeypatch.setattr("shutil.rmtree", fail)
    monkeypatch.setattr("django.db.models.query.QuerySet.delete", no_table)
    out = io.StringIO()
    with pytest.raises(CommandError, match="Not everything"):
        call_command("cache", "purge", "--yes", stdout=out, no_color=True)
    assert "cannot be removed: Permission denied." in out.getvalue()
    assert "The table cacheadmin_cachesettings cannot be emptied (DatabaseError)." in out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_one_alias_alone_leaves_the_tables_and_the_other_caches(
    new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    first = new_cache("redis", location=redis_server.url(), KEY_PREFIX="first")
    second = new_cache("redis", location=redis_server.url(), KEY_PREFIX="second", alias="other")
    first.set("a", 1)
    second.set("a", 2)
    state.save_lifetime("content", 50)
    answer = json.loads(run("--yes", "--json", "--alias", "other"))
    assert answer["database"] == {}
    assert {name.partition(b":")[0] for name in keys_in(redis_server)} == {b"first"}
    assert CacheEvent.objects.exists()
    with pytest.raises(CommandError, match="no adaptive cache “third”"):
        run("--yes", "--alias", "third")


# --- Consent ---


def test_a_script_has_to_say_yes(new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    new_cache("file").set("a", 1)
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    with pytest.raises(CommandError, match="Say --yes") as refused:
        run()
    assert refused.value.returncode == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("answer", ["yes", "no", ""])
def test_a_person_is_asked(
    new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: str
) -> None:
    new_cache("file").set("a", 1)
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    monkeypatch.setattr("builtins.input", lambda _: answer)
    if answer == "yes":
        assert "Stop the site first" in run()
    else:
        with pytest.raises(CommandError, match="Nothing was removed"):
            run()
    assert (tmp_path / "cache").exists() is (answer != "yes")


# --- Whose keys these are ---


def test_a_copy_leaves_the_keys_of_the_original_alone(tmp_path: Path, redis_server: RedisServer) -> None:
    projects = [
        settings_of(
            engine="redis",
            location=redis_server.url(),
            directory=tmp_path / name / "cache",
            database=tmp_path / f"{name}.sqlite3",
        )
        for name in ("original", "copy")
    ]
    purge = "from django.core.management import call_command\ncall_command('cache', 'purge', yes=True)"
    for project in projects:
        migrate(project)
    with Worker(projects[0]) as original, Worker(projects[1]) as copy:
        for worker in (original, copy):
            worker("from cacheadmin import moving, state; state.save_lifetime('content', 60)")
            worker("cache.set('content:1', 'mine')")
        assert (original.engine, copy.engine) == ("redis", "file")
        copy("moving.copied()")
        copy("cache.set('content:1', 'the copy')")
        assert copy.engine == "redis"
        before = keys_in(redis_server)
        assert any(name.startswith(b"workers~") for name in before)
        copy(purge)
        left = keys_in(redis_server)
        assert left
        assert not any(name.startswith(b"workers~") for name in left)
        assert {name for name in before if name.startswith(b"workers:")} <= left
        assert original("cache.get('content:1')") == "mine"


def test_who_has_not_said_yet_whose_keys_these_are_removes_none(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    projects = [
        settings_of(
            engine="redis",
            location=redis_server.url(),
            directory=tmp_path / name / "cache",
            database=tmp_path / f"{name}.sqlite3",
        )
        for name in ("original", "copy")
    ]
    for project in projects:
        migrate(project)
    with Worker(projects[0]) as original, Worker(projects[1]) as copy:
        for worker in (original, copy):
            worker("from cacheadmin import state; state.save_lifetime('content', 60)")
            worker("cache.set('content:1', 'mine')")
        copy(
            "import io\nfrom django.core.management import call_command, CommandError\nout = io.StringIO()\n"
            "try: call_command('cache', 'purge', yes=True, stdout=out)\n"
            "except CommandError as error: out.write(str(error))\n"
        )
        assert "belong to another installation" in copy("out.getvalue()")
        assert original("cache.get('content:1')") == "mine"
