"""``manage.py cache``: the same actions as the page, for people and for scripts."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from pytest_django import Settings

from cacheadmin import watcher
from cacheadmin.backend import AdaptiveCache
from cacheadmin.management import language
from cacheadmin.models import CacheSettings
from tests.cacheadmin.conftest import nobodys_address
from tests.cacheadmin.workers import Worker, migrate, settings_of
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]
WorkerMaker = Callable[..., Worker]


def run(*words: str) -> str:
    """What the command prints."""
    out = io.StringIO()
    call_command("cache", *words, stdout=out, no_color=True)
    return out.getvalue()


def run_json(*words: str) -> dict[str, Any]:
    return dict(json.loads(run(*words, "--json")))


# --- Language ---


@pytest.mark.parametrize(
    ("environment", "spoken"),
    [
        ({"LANG": "fr_FR.UTF-8"}, "fr"),
        ({"LANG": "fr_FR.UTF-8", "LC_ALL": "en_GB.UTF-8"}, "en"),
        ({"LC_MESSAGES": "fr_CA@euro", "LANG": "en_US"}, "fr"),
        ({"LC_ALL": "", "LANG": "fr"}, "fr"),
        ({"LANG": "C.UTF-8"}, None),
        ({"LANG": "xx_YY"}, None),
        ({}, None),
    ],
)
def test_the_terminal_says_the_language(
    environment: dict[str, str], spoken: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert language.of_terminal() == spoken


@pytest.mark.django_db
def test_a_french_terminal_is_spoken_to_in_french(
    new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    new_cache("file")
    said = run("status")
    assert "Moteur\xa0:" in said
    assert "Raison\xa0:" in said
    assert "aucun n’a encore répondu" in said
    with pytest.raises(CommandError, match="Il n’y a pas de groupe") as misuse:
        run("clear", "--group", "contents")
    assert misuse.value.returncode == 2
    # What programs read has the same names in every language.
    assert {"choice", "engine", "reason", "degraded"} <= set(run_json("status"))


@pytest.mark.django_db
def test_whoever_interrupts_it_reads_no_traceback(
    new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_cache("file")

    def interrupted(alias: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cacheadmin.management.subcommands.status.report", interrupted)
    with pytest.raises(CommandError, match="Interrupted") as ended:
        run("status")
    assert ended.value.returncode == 130


# --- status ---


@pytest.mark.django_db
def test_status_tells_the_engine_and_why(new_cache: CacheMaker, redis_server: RedisServer) -> None:
    new_cache("auto", location=redis_server.url())
    said = run("status")
    assert "Engine:  redis (working), choice: auto, since 20" in said
    assert f"Redis was found at redis://127.0.0.1:{redis_server.port}/0" in said
    assert "Tried:   file at" in said
    assert "Group:   settings: 600 s\n" in said
    assert "Group:   sessions: 3600 s, spared by clear\n" in said
    assert "Group:   other: as the alias says\n" in said


@pytest.mark.django_db
def test_status_in_json_has_the_promised_shape(new_cache: CacheMaker, redis_server: RedisServer) -> None:
    new_cache("auto", location=redis_server.url())
    status = run_json("status")
    assert status["choice"] == "auto"
    assert status["engine"] == "redis"
    assert status["degraded"] is False
    assert status["workers"] == []
    assert datetime.fromisoformat(status["since"]).tzinfo is not None
    assert status["reason"].startswith("Redis was found")
    assert status["groups"]["content"] == {
        "ttl": 120,
        "declared": 120,
        "saved": None,
        "protected": False,
    }
    assert status["groups"]["sessions"]["protected"] is True
    first = status["candidates"][0]
    assert first["engine"] == "redis"
    assert first["address"] == f"redis://127.0.0.1:{redis_server.port}/0"
    assert first["verdict"] == "found"
    assert first["detail"] == ""
    assert 0 < first["ms"] < 1000
    assert status["candidates"][-1]["engine"] == "file"


@pytest.mark.django_db
def test_a_degraded_status_says_so_and_is_no_failure(new_cache: CacheMaker) -> None:
    new_cache("redis")
    status = run_json("status")
    assert (status["engine"], status["degraded"]) == ("file", True)
    assert "nothing listens at this address" in status["reason"]
    assert "file (degraded)" in run("status")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        ("file", "This engine is chosen in the settings."),
        ("memory", "This engine is chosen in the settings."),
        ("off", "This engine is chosen in the settings."),
        ("auto", "so files are used."),
    ],
)
def test_status_gives_a_reason_for_every_engine(
    new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch, choice: str, reason: str
) -> None:
    monkeypatch.setattr("cacheadmin.detect.LOCALHOST", nobodys_address())
    # A command, whatever other tests have done in this process: it sees no worker's memory.
    monkeypatch.setattr(watcher, "_has_answered", False)
    cache = new_cache(choice)
    cache.set("a", 1)
    said = run("status")
    assert reason in said
    assert ("Entries: not available: each process" in said) is (choice == "memory")
    status = run_json("status")
    assert status["engine"] == ("file" if choice == "auto" else choice)
    assert status["entries"] == {"off": 0, "memory": None}.get(choice, 1)


@pytest.mark.django_db
def test_status_where_nothing_can_be_used(
    new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("cacheadmin.detect.LOCALHOST", nobodys_address())
    (tmp_path / "in the way").touch()
    new_cache("auto", DIRECTORY=str(tmp_path / "in the way" / "cache"))
    said = run("status")
    assert "Neither Redis nor a cache directory can be used (the directory cannot be written)" in said
    assert run_json("status")["candidates"][-1]["verdict"] == "not writable"


# --- use ---


@pytest.mark.django_db
def test_use_switches_at_once_and_keeps_the_choice(new_cache: CacheMaker, redis_server: RedisServer) -> None:
    new_cache("auto", location=redis_server.url())
    assert run_json("use", "file")["engine"] == "file"
    assert "Engine:  memory (working)" in run("use", "memory")
    assert CacheSettings.objects.get().engine == "memory"
    assert run_json("use", "auto")["engine"] == "redis"


@pytest.mark.django_db
def test_use_takes_an_address_that_works(
    new_cache: CacheMaker, new_redis: Callable[..., RedisServer]
) -> None:
    server = new_redis(password="swordfish")
    new_cache("file")
    status = run_json("use", "redis", "--redis-url", server.url())
    assert (status["engine"], status["degraded"]) == ("redis", False)
    assert "swordfish" not in json.dumps(status)


@pytest.mark.django_db
def test_an_address_that_does_not_work_is_refused_in_words_and_nothing_changes(new_cache: CacheMaker) -> None:
    new_cache("file")
    with pytest.raises(CommandError) as refused:
        run("use", "redis", "--redis-url", f"redis://:swordfish@{nobodys_address().split('//')[1]}")
    assert refused.value.returncode == 1
    assert "Nothing listens at this address" in str(refused.value)
    assert "Nothing was changed" in str(refused.value)
    assert "swordfish" not in str(refused.value)
    assert not CacheSettings.objects.exists()


@pytest.mark.django_db
def test_force_saves_it_all_the_same(new_cache: CacheMaker) -> None:
    new_cache("file")
    status = run_json("use", "redis", "--redis-url", nobodys_address(), "--force")
    assert (status["choice"], status["engine"], status["degraded"]) == ("redis", "file", True)


# --- clear ---


@pytest.mark.django_db
def test_clear_empties_all_but_sessions_and_limits(cache: AdaptiveCache) -> None:
    cache.set_many({"content:1": 1, "plain": 2, "sessions:1": 3})
    said = run("clear")
    assert "Cleared: " in said
    assert "content, " in said
    assert "Spared: sessions, ratelimit." in said
    assert cache.get_many(["content:1", "plain", "sessions:1"]) == {"sessions:1": 3}


@pytest.mark.django_db
def test_clear_takes_several_groups(cache: AdaptiveCache) -> None:
    cache.set_many({"content:1": 1, "lists:1": 2, "users:1": 3})
    result = run_json("clear", "--group", "content", "--group", "lists")
    assert result["ok"] is True
    assert result["cleared"] == ["content", "lists"]
    assert "users" in result["spared"]
    assert result["ms"] >= 0
    assert cache.get_many(["content:1", "lists:1", "users:1"]) == {"users:1": 3}


@pytest.mark.django_db
def test_clear_knows_one_alias_from_another(engine: str) -> None:
    caches["default"].set("plain", 1)
    caches["ratelimit"].set("plain", 2)
    run("clear", "--alias", "ratelimit", "--group", "ratelimit")
    assert (caches["default"].get("plain"), caches["ratelimit"].get("plain")) == (1, None)


# --- Misuse ---


@pytest.mark.django_db
def test_an_unknown_group_is_misuse_and_clears_nothing(cache: AdaptiveCache) -> None:
    cache.set("content:1", 1)
    with pytest.raises(CommandError, match="no group “contents”") as misuse:
        run("clear", "--group", "content", "--group", "contents")
    assert misuse.value.returncode == 2
    assert cache.get("content:1") == 1


@pytest.mark.django_db
def test_a_protected_group_is_spared_even_by_name(cache: AdaptiveCache) -> None:
    cache.set_many({"content:1": 1, "sessions:1": 2})
    with pytest.raises(CommandError, match="“sessions” is protected") as misuse:
        run("clear", "--group", "content", "--group", "sessions")
    assert misuse.value.returncode == 2
    assert cache.get_many(["content:1", "sessions:1"]) == {"content:1": 1, "sessions:1": 2}


@pytest.mark.django_db
def test_without_a_table_a_choice_is_refused_in_words(new_cache: CacheMaker) -> None:
    new_cache("file")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE cacheadmin_cachesettings RENAME TO elsewhere")
    with pytest.raises(CommandError, match=r"manage\.py migrate"), transaction.atomic():
        run("use", "memory")


@pytest.mark.django_db
def test_an_unknown_alias_is_misuse_and_the_right_ones_are_named(settings: Settings) -> None:
    settings.CACHES = {
        **settings.CACHES,
        "plain": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    }
    for alias in ("nothing", "plain"):
        with pytest.raises(CommandError, match="there are: default, sessions, ratelimit") as misuse:
            run("status", "--alias", alias)
        assert misuse.value.returncode == 2


# --- As a program ---


@pytest.fixture
def project(tmp_path: Path) -> dict[str, Any]:
    """A project on files, with a database."""
    settings = settings_of(
        engine="file",
        location=nobodys_address(),
        directory=tmp_path / "cache",
        database=tmp_path / "db.sqlite3",
    )
    migrate(settings)
    return settings


def manage(project: dict[str, Any], *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a program."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "django", "cache", *words],
        env=Worker.environment(project),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("status", 0),
        ("status --json", 0),
        ("clear", 0),
        ("use memory", 0),
        ("use redis", 1),
        ("use memcached", 2),
        ("use", 2),
        ("", 2),
        ("flush", 2),
        ("status --loud", 2),
        ("clear --group nothing", 2),
        ("status --alias nothing", 2),
    ],
)
def test_exit_codes(project: dict[str, Any], line: str, code: int) -> None:
    done = manage(project, *line.split())
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    if code:
        assert done.stderr.strip()
    if "--json" in line:
        json.loads(done.stdout)


def test_without_tables_a_choice_is_refused_in_words(project: dict[str, Any], tmp_path: Path) -> None:
    project["DATABASES"]["default"]["NAME"] = str(tmp_path / "empty.sqlite3")
    assert manage(project, "status").returncode == 0
    done = manage(project, "use", "memory")
    assert done.returncode == 1
    assert "manage.py migrate" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_running_process_sees_what_the_command_did(project: dict[str, Any]) -> None:
    with Worker(project) as worker:
        worker("cache.set('plain', 1)")
        assert manage(project, "clear").returncode == 0
        assert worker("cache.get('plain')") is None
        worker("cache.set('plain', 2)")
        assert manage(project, "use", "memory").returncode == 0
        worker("time.sleep(1.1)")
        worker.request()
        assert worker.engine == "memory"


def test_help_names_every_action(project: dict[str, Any]) -> None:
    said = " ".join(manage(project, "--help").stdout.split())
    for word in ("status", "use", "clear", "sessions and rate limits stay"):
        assert word in said
    assert "--redis-url" in manage(project, "use", "--help").stdout
