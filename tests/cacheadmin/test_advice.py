"""Advice on real caches: what is found out about them, and what the system checks say."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core import checks
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from cacheadmin import looking, state, workers
from cacheadmin.advice import advise
from cacheadmin.advice_checks import check_places, check_redis, check_what_was_counted
from cacheadmin.backend import AdaptiveCache
from cacheadmin.looking import look
from cacheadmin.metrics import metrics
from cacheadmin.models import MachineReport
from cacheadmin.models.statistics import HourlyCount
from cacheadmin.report import report
from cacheadmin.statistics import statistics, top_keys
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]


@pytest.fixture(autouse=True)
def _one_cache(settings: Settings, fresh_statistics: None) -> None:
    settings.CACHES = {}


def ids(found: list[checks.CheckMessage]) -> list[str]:
    return [str(message.id) for message in found]


# --- Redis ---


def test_what_a_redis_tells_of_itself(new_cache: CacheMaker, new_redis: Callable[..., RedisServer]) -> None:
    server = new_redis(options=("maxmemory", "50mb", "maxmemory-policy", "noeviction"))
    cache = new_cache("redis", location=server.url())
    cache.set("small", 1)
    facts = look("default", at_redis=True).redis
    assert facts is not None
    assert (facts.policy, facts.limit, facts.has_foreign) == ("noeviction", 50 << 20, False)
    assert facts.used is not None
    assert (facts.large, facts.is_open) == ((), False)
    assert facts.looked_at > 0
    assert ids(check_redis()) == ["cacheadmin.W010"]
    (message,) = check_redis()
    assert isinstance(message, checks.Warning)
    assert message.msg.startswith(
        "CACHES['default']: Redis refuses writes when it is full. redis://127.0.0.1"
    )
    assert message.hint == (
        "Have it set maxmemory-policy to allkeys-lru: all keys in it are this site's. "
        "More: docs/checks.md#cacheadmin.W010"
    )


@pytest.mark.parametrize("database", [0, 5])
def test_foreign_keys_are_noticed_in_any_database(
    new_cache: CacheMaker, redis_server: RedisServer, database: int
) -> None:
    new_cache("redis", location=redis_server.url()).set("a", 1)
    with redis_server.client() as client:
        client.select(database)
        client.lpush("celery", "a task")
        facts = look("default", at_redis=True).redis
        assert facts is not None
        assert facts.has_foreign is True
        assert ids(check_redis()) == ["cacheadmin.W011"]
        assert "a Redis of its own" in str(check_redis()[0].hint)
        assert client.lrange("celery", 0, -1) == [b"a task"]


def test_large_entries_are_named(new_cache: CacheMaker, redis_server: RedisServer) -> None:
    cache = new_cache("redis", location=redis_server.url())
    cache.set("content:small", os.urandom(1000))
    cache.set("content:big", os.urandom(2 << 20))
    facts = look("default", at_redis=True).redis
    assert facts is not None
    ((name, size),) = facts.large
    assert "content:big" in name
    assert size > 2 << 20
    files = new_cache("file")
    files.set("content:big", os.urandom(2 << 20))
    found = look("default", at_redis=True).disk
    assert found is not None
    assert [size > 2 << 20 for _, size in found.large] == [True]
    assert "cacheadmin.W015" in [advice.id for advice in looking_at_all()]


def looking_at_all() -> list[Any]:
    from cacheadmin.rules import advise_on

    return advise_on(look("default", at_redis=True))


def test_evictions_since_an_earlier_look(
    new_cache: CacheMaker, new_redis: Callable[..., RedisServer]
) -> None:
    server = new_redis(options=("maxmemory", "3mb", "maxmemory-policy", "allkeys-lru"))
    cache = new_cache("redis", location=server.url())
    cache.set("a", 1)
    assert "cacheadmin.W012" not in ids(check_redis())
    assert "cacheadmin.W012" not in ids(check_redis())
    with server.client() as client:
        for number in range(60):
            client.set(f"theirs{number}", os.urandom(100_000))
        assert int(client.info("stats")["evicted_keys"]) > 0
    assert "cacheadmin.W012" in ids(check_redis())
    (kept,) = cache.space.selector.directory.glob("evictions-*")
    assert kept.stat().st_mode & 0o077 == 0
    kept.write_text("damaged")
    assert "cacheadmin.W012" not in ids(check_redis())


def test_under_a_minimal_acl_nothing_is_said_of_what_cannot_be_known(
    new_cache: CacheMaker, new_redis: Callable[..., RedisServer]
) -> None:
    rights = "+ping +select +get +set +mget +del +expire +incrby +watch +multi +exec ~*"
    server = new_redis(acl=[f"user lean on >secret {rights}"])
    cache = new_cache("redis", location=server.url(username="lean", password="secret"))
    cache.set("a", 1)
    facts = look("default", at_redis=True).redis
    assert facts is not None
    assert (facts.policy, facts.limit, facts.evicted, facts.has_foreign) == (None, None, None, None)
    assert check_redis() == []


def test_a_redis_that_is_gone_is_asked_nothing(new_cache: CacheMaker, redis_server: RedisServer) -> None:
    new_cache("redis", location=redis_server.url()).set("a", 1)
    redis_server.kill()
    assert check_redis() == []
    new_cache("file")
    assert look("default", at_redis=True).redis is None


@pytest.mark.parametrize(
    ("address", "is_open"),
    [
        ("redis://8.8.8.8:6379/0", True),
        ("rediss://8.8.8.8:6379/0", False),
        ("redis://10.0.0.8:6379/0", False),
        ("redis://127.0.0.1/0", False),
        ("redis://[2606:4700::1111]/0", True),
        ("redis://localhost/0", False),
        ("redis://no.such.name.invalid/0", False),
        ("unix:///run/redis.sock", False),
        ("nonsense", False),
    ],
)
def test_a_way_over_the_internet_in_the_clear(address: str, is_open: bool) -> None:
    assert looking._is_open(address) is is_open


def test_a_resolver_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    over = threading.Event()
    monkeypatch.setattr(looking, "_PATIENCE", 0.05)
    monkeypatch.setattr(looking, "_resolve", lambda hosts: over.wait(30) and [])
    assert looking._is_open("redis://cache.example.org/0") is False
    over.set()


# --- Directories, workers, machines ---


@pytest.mark.parametrize("name", ["STATIC_ROOT", "MEDIA_ROOT"])
def test_a_directory_that_is_served(
    new_cache: CacheMaker, settings: Settings, tmp_path: Path, name: str
) -> None:
    setattr(settings, name, str(tmp_path))
    new_cache("file")
    (message,) = check_places()
    assert (message.id, message.level) == ("cacheadmin.W006", checks.ERROR)
    assert str(tmp_path) in message.msg


def test_a_directory_that_is_served_by_its_name_or_as_a_source(
    new_cache: CacheMaker, settings: Settings, tmp_path: Path
) -> None:
    new_cache("file", DIRECTORY=str(tmp_path / "public_html" / "site" / "cache"))
    assert ids(check_places()) == ["cacheadmin.W006"]
    new_cache("file")
    assert check_places() == []
    settings.STATICFILES_DIRS = [("prefix", str(tmp_path))]
    assert ids(check_places()) == ["cacheadmin.W006"]


def test_a_disk_that_is_nearly_full(new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    new_cache("file")
    monkeypatch.setattr("shutil.disk_usage", lambda place: type("Usage", (), {"free": 10, "total": 100}))
    (message,) = check_places()
    assert message.id == "cacheadmin.W007"
    assert "10\xa0bytes of 100\xa0bytes are left" in message.msg

    def fail(_: Any) -> None:
        raise FileNotFoundError

    monkeypatch.setattr("shutil.disk_usage", fail)
    assert check_places() == []


def test_an_unsafe_directory_is_advice_too(new_cache: CacheMaker, tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    new_cache("file", DIRECTORY=str(tmp_path / "open"))
    assert "cacheadmin.W002" in [advice.id for advice in looking_at_all()]


def test_limits_and_sessions_that_memory_cannot_keep(
    new_cache: CacheMaker, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_cache("memory", GROUP="ratelimit", alias="ratelimit")
    new_cache("memory", alias="sessions")
    new_cache("memory")
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    settings.SESSION_CACHE_ALIAS = "sessions"
    assert ids(check_places()).count("cacheadmin.W016") == 2
    monkeypatch.setenv("WEB_CONCURRENCY", "1")
    (message,) = check_places()
    assert "sessions" in message.msg
    settings.SESSION_ENGINE = "cacheadmin.sessions"
    assert check_places() == []
    monkeypatch.setenv("WEB_CONCURRENCY", "nonsense")
    assert look("default").workers is None
    assert "cacheadmin.W003" in ids(check_places())


@pytest.mark.parametrize(("said", "known"), [("4", 4), ("", 1), ("nonsense", 1), ("0", 1)])
def test_the_workers_are_those_that_are_meant_or_those_that_answered(
    new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch, said: str, known: int
) -> None:
    new_cache("memory")
    monkeypatch.setenv("WEB_CONCURRENCY", said)
    monkeypatch.setattr("cacheadmin.watcher._has_answered", True)
    monkeypatch.setattr("cacheadmin.watcher.is_under_test", lambda: False)
    monkeypatch.setattr("cacheadmin.state._store", None)
    workers.sign_in()
    assert look("default").workers == known
    # The check and the advice say the same.
    expected = ["cacheadmin.W003"] if known > 1 else []
    assert ids(check_places()) == expected
    assert [advice.id for advice in looking_at_all() if advice.id == "cacheadmin.W003"] == expected


@pytest.mark.django_db
def test_machines_that_serve_at_the_same_time(new_cache: CacheMaker) -> None:
    cache = new_cache("file")
    now = timezone.now().timestamp()

    def told(**machines: tuple[int, int]) -> tuple[str, ...]:
        """Have machines tell when their worker began and was last seen, in seconds before now."""
        MachineReport.objects.all().delete()
        for name, (began, seen) in machines.items():
            row = {"pid": 7, "started": now - began, "seen": now - seen, "settings": "1"}
            state.store().save_workers(name, cache.space.selector.words.path.name, [row])
        return look("default", at_database=True).machines

    assert told() == told(one=(900, 0)) == ()
    # A container that has taken the place of another.
    assert told(old=(900, 100), new=(110, 0)) == ()
    assert told(one=(900, 100), two=(300, 0)) == ("one", "two")
    assert ids(check_what_was_counted(databases=["default"])) == ["cacheadmin.W008"]
    assert check_what_was_counted() == check_what_was_counted(databases=["other"]) == []


@pytest.mark.parametrize("row", [{}, {"pid": "x", "started": 1, "seen": 1, "settings": "1"}])
@pytest.mark.django_db
def test_rows_that_cannot_be_read_are_no_machines(new_cache: CacheMaker, row: dict[str, Any]) -> None:
    cache = new_cache("file")
    state.store().save_workers("later version", cache.space.selector.words.path.name, [row])
    assert look("default", at_database=True).machines == ()
    assert report().workers == ()


def test_a_report_goes_without_a_database(new_cache: CacheMaker) -> None:
    # No test may ask the database unless it says so: any query raises.
    new_cache("file")
    assert report().workers == ()


# --- What was counted ---


@pytest.mark.django_db
def test_what_was_counted_of_each_group(new_cache: CacheMaker) -> None:
    cache = new_cache("file")
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    for group, hits in (("content", 100), ("users", 900), ("sessions", 0)):
        HourlyCount.objects.create(cache=cache.space.alias, hour=hour, group=group, hits=hits, misses=1000)
    (message,) = check_what_was_counted(databases=["default"])
    assert (message.id, message.level) == ("cacheadmin.W013", checks.INFO)
    assert "content: 100 hits in 1100 lookups" in message.msg
    assert "users" not in message.msg
    assert "cacheadmin.W013" in [advice.id for advice in advise()]


@pytest.mark.django_db
def test_statistics_that_do_not_arrive(new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    new_cache("file")
    monkeypatch.setattr("cacheadmin.stats.trouble", lambda: "OperationalError")
    (message,) = check_what_was_counted(databases=["default"])
    assert message.id == "cacheadmin.W018"
    assert "OperationalError." in message.msg


def test_a_database_that_nobody_declares_spoils_no_advice(new_cache: CacheMaker, settings: Settings) -> None:
    settings.CACHEADMIN = {"DATABASE": "nobody declares this"}
    new_cache("file")
    (found,) = [one for one in advise() if one.id == "cacheadmin.W018"]
    assert found.evidence == "ConnectionDoesNotExist"
    assert statistics().groups == {}
    assert top_keys() == []
    assert b"cacheadmin_database_up 0" in metrics()


# --- The whole ---


@pytest.mark.django_db
def test_the_sites_own_caches_are_in_order(new_cache: CacheMaker, settings: Settings) -> None:
    new_cache("file")
    call_command("check", "--tag", "caches", "--tag", "database", "--database", "default")
    assert advise() == []
