"""System checks: whole messages, as an owner reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core import checks
from django.core.cache import caches
from django.core.management import call_command
from pytest_django import Settings

from cacheadmin.advice_checks import check_places
from cacheadmin.checks import check_directories, check_options, check_owner, check_threads
from cacheadmin.engines.file import own_directory
from cacheadmin.ownership import Owner
from tests.servers.redis import RedisServer


@pytest.fixture
def configure(settings: Settings, tmp_path: Path) -> Any:
    """Set CACHES to one adaptive cache with these options."""

    def set_options(**options: Any) -> None:
        settings.CACHES = {
            "default": {
                "BACKEND": "cacheadmin.backend.AdaptiveCache",
                "OPTIONS": {"DIRECTORY": str(tmp_path / "cache"), **options},
            },
            "theirs": {
                "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
                "OPTIONS": {"NONSENSE": 1},
            },
        }

    return set_options


def test_the_sites_own_settings_are_in_order(engine: str) -> None:
    assert check_options() == check_directories() == []
    if engine != "memory":
        call_command("check", "--tag", "caches", "--fail-level", "WARNING")


def test_memory_is_reported_since_workers_do_not_share_it(
    configure: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WEB_CONCURRENCY", raising=False)
    configure(ENGINE="memory")
    assert check_places() == [
        checks.Warning(
            "CACHES['default']: Each worker has a memory cache of its own. "
            "The engine is memory, with an unknown number of workers.",
            hint="Use files or Redis: then workers share what they keep, and limits count for all of them. "
            "More: docs/checks.md#cacheadmin.W003",
            id="cacheadmin.W003",
        )
    ]
    # With one worker, nothing is to be shared.
    monkeypatch.setenv("WEB_CONCURRENCY", "1")
    assert check_places() == []
    configure(ENGINE="file")
    assert check_places() == []


def test_files_that_had_to_give_way_to_memory_are_reported_too(configure: Any, tmp_path: Path) -> None:
    (tmp_path / "in the way").touch()
    configure(ENGINE="file", DIRECTORY=str(tmp_path / "in the way" / "cache"))
    assert check_places() == []
    caches["default"].set("a", 1)
    assert [message.id for message in check_places()] == ["cacheadmin.W003"]


def test_an_option_that_nobody_reads_is_reported(configure: Any) -> None:
    configure(ENGINE="file", MAX_ENTRIES=5, COLOUR="x", PASSWORD="y")
    assert check_options() == [
        checks.Warning(
            f"CACHES['default'] has an option '{name}' that nothing reads.",
            hint=hint,
            id="cacheadmin.W001",
        )
        for name, hint in (
            (
                "COLOUR",
                "Known options: COMPRESS_FROM, CULL_FREQUENCY, DIRECTORY, ENGINE, GROUP, MAX_BYTES, "  # noqa: ISC004
                "MAX_ENTRIES, REVERSE_KEY_FUNCTION.",
            ),
            ("PASSWORD", "It belongs into LOCATION: redis://user:password@host:6379/0."),
        )
    ]


def test_an_engine_that_does_not_exist_is_an_error(configure: Any) -> None:
    configure(ENGINE="memcached")
    assert check_options() == [
        checks.Error(
            "CACHES['default'] names an engine that does not exist: 'memcached'.",
            hint="Choose one of auto, redis, file, memory, off.",
            id="cacheadmin.E001",
        )
    ]


@pytest.mark.parametrize("engine_name", ["auto", "redis", "file", "memory", "off"])
def test_every_engine_is_known(configure: Any, engine_name: str) -> None:
    configure(ENGINE=engine_name)
    assert check_options() == []


def test_a_directory_that_others_can_write_is_reported(configure: Any, tmp_path: Path) -> None:
    configure()
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(0o777)
    assert check_directories() == [
        checks.Warning(
            f"CACHES['default'] cannot use its directory {tmp_path / 'cache'}: "
            "other users can write to the directory.",
            hint="Give the user that runs the site a directory of its own with mode 0700. "
            f'This one would do: "DIRECTORY": "{own_directory(tmp_path / "cache")}".',
            id="cacheadmin.W002",
        )
    ]


def test_a_directory_that_cannot_be_made_is_reported(configure: Any, tmp_path: Path) -> None:
    (tmp_path / "in the way").touch()
    configure(DIRECTORY=str(tmp_path / "in the way" / "cache"))
    (message,) = check_directories()
    assert message.id == "cacheadmin.W002"
    assert message.msg.endswith("the directory cannot be written.")


def test_keys_that_are_another_installations_are_reported(new_cache: Any, redis_server: RedisServer) -> None:
    cache = new_cache("redis", location=redis_server.url(), KEY_PREFIX="theirs")
    with redis_server.client() as client:
        client.set("theirs:owner", Owner("another", "place", "elsewhere:/srv/site", 0).as_note())
    cache.set("a", 1)
    assert check_owner() == [
        checks.Warning(
            "CACHES['default'] does not use Redis: its keys there belong to another installation.",
            hint="If this installation was moved and the other one is no more: manage.py cache claim moved. "
            "If it is a copy and the other one goes on: manage.py cache claim copied.",
            id="cacheadmin.W005",
        )
    ]
    call_command("cache", "claim", "moved")
    assert check_owner() == []
    assert cache.space.selector.status().engine == "redis"


def test_a_host_that_stops_threads_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_threads() == []
    monkeypatch.setenv("PASSENGER_APP_ENV", "production")
    assert [(message.id, message.msg.split()[1]) for message in check_threads()] == [
        ("cacheadmin.I001", "Passenger")
    ]
