"""A password is kept encrypted, and shown nowhere: no page, no output, no log, no error, no repr."""

from __future__ import annotations

import io
import json
import logging
import traceback
from collections.abc import Callable
from dataclasses import replace

import pytest
from django.core.cache import caches
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from cacheadmin import encryption, state
from cacheadmin.backend import AdaptiveCache
from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.engines.redis import RedisEngine, connect, without_password
from cacheadmin.health import cache_health
from cacheadmin.models import CacheSettings, load_choices
from cacheadmin.report import report
from cacheadmin.serializer import Serializer
from cacheadmin.snapshot import SavedChoice
from tests.cacheadmin.conftest import nobodys_address
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]
SECRET = "swordfish"


# --- At rest ---


@pytest.mark.django_db
def test_a_saved_address_is_encrypted_in_the_database(new_cache: CacheMaker) -> None:
    new_cache("file")
    address = f"redis://:{SECRET}@127.0.0.1:1/0"
    state.save_choice(engine="file", location=address)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM cacheadmin_cachesettings")
        row = repr(cursor.fetchall())
    assert SECRET not in row
    assert "127.0.0.1" not in row
    assert load_choices()["default"].location == address


def test_an_encrypted_text_is_another_one_each_time_and_opens_again() -> None:
    first, second = encryption.encrypt("text"), encryption.encrypt("text")
    assert first != second
    assert encryption.decrypt(first) == encryption.decrypt(second) == "text"
    assert encryption.encrypt("") == encryption.decrypt("") == ""


def test_a_rotated_key_still_opens_what_the_old_one_closed(settings: Settings) -> None:
    closed = encryption.encrypt("text")
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "the next one"
    assert encryption.decrypt(closed) == "text"
    settings.SECRET_KEY_FALLBACKS = []
    assert encryption.decrypt(closed) == ""
    assert encryption.decrypt("damaged") == ""


@pytest.mark.django_db
def test_an_address_that_nobody_can_open_any_more_means_the_configured_one(
    new_cache: CacheMaker, redis_server: RedisServer, settings: Settings
) -> None:
    new_cache("file", location=redis_server.url())
    state.save_choice(engine="redis", location=nobodys_address())
    settings.SECRET_KEY = "quite another one"
    cache = new_cache("file", location=redis_server.url())
    state.refresh(now=True)
    cache.set("a", 1)
    assert cache_health()["engine"] == "redis"


# --- In sight ---


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("redis://:swordfish@host:6379/1", "redis://host:6379/1"),
        ("redis://ann:swordfish@host/1", "redis://ann@host/1"),
        ("rediss://ann:sword%2Ffish@host:1/0?ssl_ca_certs=/ca.pem", "rediss://ann@host:1/0?ssl_ca_certs=%2Fca.pem"),
        ("unix://:swordfish@/run/redis.sock?db=1", "unix:///run/redis.sock?db=1"),
        ("redis://host/0?password=swordfish&db=2", "redis://host/0?db=2"),
        ("redis://host/0?ssl_password=swordfish", "redis://host/0"),
        ("redis://:sword@fish@host/0", "redis://host/0"),
        ("redis://:sword#fish@host/0", "?"),
        ("redis://:12/34fish@host/0", "?"),
        ("redis://:sword?fish@host/0", "?"),
        ("redis://ann:swordfish@[::1]:7/0", "redis://ann@[::1]:7/0"),
        ("redis://:swordfish@host:port/0", "?"),
        ("redis://[::1/0", "?"),
        ("redis+sentinel://:swordfish@h1:26379,h2/mymaster/0?sentinel_password=fish", "redis+sentinel://h1:26379,h2/mymaster/0"),
        ("redis+sentinel://ann:sword,fish@h1,[::1]:7/m/0?db=1", "redis+sentinel://ann@h1,[::1]:7/m/0?db=1"),
        ("rediss+cluster://ann:swordfish@h1:7000,h2:7001?ssl_password=fish", "rediss+cluster://ann@h1:7000,h2:7001"),
        ("redis+cluster://:sword/fish@h1,h2", "?"),
        ("redis+cluster://ann:swordfish,h2", "?"),
        ("redis://h/0#swordfish", "?"),
        ("", ""),
    ],
)  # fmt: skip
def test_an_address_is_shown_without_its_password(address: str, shown: str) -> None:
    assert without_password(address) == shown
    assert "fish" not in shown


@pytest.fixture
def secretive(new_cache: CacheMaker, new_redis: Callable[..., RedisServer]) -> RedisServer:
    """A Redis with a password, and the default cache on it."""
    server = new_redis(password=SECRET)
    new_cache("redis", location=server.url()).set("a", 1)
    return server


@pytest.mark.django_db
def test_nothing_that_is_told_holds_the_password(
    secretive: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    space = caches["default"].space  # type: ignore[attr-defined]
    told = [repr(space.identity), repr(space.selector.plan), repr(space.selector.status()), repr(space)]
    for is_dead in (False, True):
        if is_dead:
            secretive.kill()
        caches["default"].get("a")
        told += [json.dumps(report().as_json()), repr(report()), repr(cache_health())]
        out = io.StringIO()
        call_command("cache", "status", stdout=out)
        call_command("cache", "use", "redis", "--redis-url", secretive.url(), "--force", stdout=out)
        told += [out.getvalue(), repr(state.snapshot()), repr(CacheSettings.objects.all().values())]
    told.append(caplog.text)
    assert not [text for text in told if SECRET in text]


@pytest.mark.django_db
def test_a_refused_address_is_repeated_without_its_password(new_cache: CacheMaker) -> None:
    new_cache("file")
    for address in (f"redis://:{SECRET}@127.0.0.1:1/0", f"redis://:{SECRET}/x@h/0", f"nonsense:{SECRET}"):
        with pytest.raises(CommandError) as refused:
            call_command("cache", "use", "redis", "--redis-url", address)
        assert SECRET not in "".join(traceback.format_exception_only(refused.value))


@pytest.mark.parametrize("address", [f"redis://:{SECRET}@127.0.0.1:1/0", f"redis://:{SECRET}@h:port/0"])
def test_an_error_of_the_engine_says_what_is_wrong_and_not_where(address: str) -> None:
    with pytest.raises(EngineUnavailable) as failed:
        RedisEngine(connect(address, 0.1, 0.1), Serializer(""), "p").probe()
    assert SECRET not in str(failed.value)
    assert SECRET not in failed.value.detail


def test_a_changed_password_is_noticed(new_cache: CacheMaker, new_redis: Callable[..., RedisServer]) -> None:
    server = new_redis(password=SECRET)
    cache = new_cache("redis", location=server.url())
    cache.set("a", 1)
    with server.client() as client:
        client.config_set("requirepass", "another")
        client.client_kill_filter(_type="normal", skipme=True)
    cache.set("a", 2)
    assert cache.space.selector.status().reason.word == "wrong password"
    moved = new_cache("redis", location=server.url(password="another"))
    moved.set("a", 3)
    assert (moved.get("a"), moved.space.selector.status().engine) == (3, "redis")


def test_a_choice_does_not_show_its_address() -> None:
    choice = SavedChoice("redis", f"redis://:{SECRET}@host/0", 1)
    assert SECRET not in repr(choice)
    assert SECRET not in repr(replace(choice, revision=2))
