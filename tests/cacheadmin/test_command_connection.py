"""``manage.py cache detect``, ``test`` and ``use``: finding a Redis, trying it, taking only what works."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from cacheadmin import detect
from cacheadmin.backend import AdaptiveCache
from tests.cacheadmin.conftest import nobodys_address
from tests.cacheadmin.redis_engines import MINIMAL
from tests.cacheadmin.test_command import run, run_json
from tests.cacheadmin.test_offers import quiet
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]
NewRedis = Callable[..., RedisServer]
pytestmark = pytest.mark.django_db


# --- detect ---


def test_detect_tells_what_it_found_and_what_to_do_with_it(
    new_cache: CacheMaker, new_redis: NewRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked, elsewhere = new_redis(password="swordfish"), new_redis()
    quiet(monkeypatch)
    new_cache("auto", location=locked.url(password=""))
    said = run("detect", "--port", str(elsewhere.port))
    assert f"redis://127.0.0.1:{locked.port}/0  it asks for a password" in said
    assert "    It asks for a password. Redis is there. Enter its password" in said
    assert f"redis://127.0.0.1:{elsewhere.port}/0  found and working" in said
    assert f"manage.py cache use redis --redis-url 'redis://127.0.0.1:{elsewhere.port}/0'" in said
    assert f"{detect.LOCALHOST}  nothing listens" in said


def test_detect_in_json(new_cache: CacheMaker, new_redis: NewRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    locked, elsewhere = new_redis(password="swordfish"), new_redis()
    quiet(monkeypatch)
    new_cache("auto", location=locked.url())
    first, usual, offered = run_json("detect", "--port", str(elsewhere.port))["candidates"]
    assert (first["usable"], first["offered"], usual["verdict"]) == (True, False, "refused")
    assert (offered["usable"], offered["detected"], offered["offered"]) == (True, True, True)
    assert "swordfish" not in json.dumps(first)


def test_detect_says_so_where_there_is_none(new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    quiet(monkeypatch)
    new_cache("auto")
    assert "No Redis was found. The cache works on files" in run("detect")


def test_a_port_that_is_none_is_misuse(new_cache: CacheMaker) -> None:
    new_cache("file")
    with pytest.raises(CommandError, match="1 to 65535") as misuse:
        run("detect", "--port", "70000")
    assert misuse.value.returncode == 2


# --- test ---


def test_test_tries_the_address_in_use(new_cache: CacheMaker, redis_server: RedisServer) -> None:
    new_cache("redis", location=redis_server.url())
    said = run("test")
    assert said.startswith(f"Redis at redis://127.0.0.1:{redis_server.port}/0\nok ")
    assert "Connect: The connection stands." in said
    assert "Delete" not in said
    assert "Look whose keys these are: No other installation has this prefix." in run("test", "--deep")


def test_test_in_json_has_the_promised_shape(new_cache: CacheMaker, redis_server: RedisServer) -> None:
    new_cache("file")
    found = run_json("test", "--deep", "--url", redis_server.url())
    assert list(found) == ["ok", "engine", "version", "memory", "steps"]
    assert found["ok"] is True


def test_a_failing_test_fails(new_cache: CacheMaker, new_redis: NewRedis) -> None:
    new_cache("file")
    server = new_redis(acl=[f"user site on >secret ~* {MINIMAL} -incrby"])
    address = server.url(username="site", password="secret")
    assert run("test", "--url", address)
    for words in (["--deep"], ["--deep", "--json"]):
        with pytest.raises(CommandError, match="lacks a permission") as failed:
            run("test", "--url", address, *words)
        assert failed.value.returncode == 1
        assert "secret" not in str(failed.value)


# --- use ---


def test_use_refuses_what_fails_the_deep_test_and_what_was_live_stays_live(
    new_cache: CacheMaker, redis_server: RedisServer, new_redis: NewRedis
) -> None:
    cache = new_cache("redis", location=redis_server.url())
    cache.set("a", 1)
    weak = new_redis(acl=[f"user site on >secret ~* {MINIMAL} -exec"])
    address = weak.url(username="site", password="secret")
    with pytest.raises(CommandError, match=r"Missing is \+exec\..*Nothing was changed") as refused:
        run("use", "redis", "--redis-url", address)
    assert refused.value.returncode == 1
    assert (cache.get("a"), run_json("status")["choice"]) == (1, "redis")
    assert cache.space.selector.address() == redis_server.url()


@pytest.mark.parametrize("engine", ["redis", "auto"])
def test_use_tests_a_given_address_for_auto_too(new_cache: CacheMaker, engine: str) -> None:
    new_cache("file")
    with pytest.raises(CommandError, match="Nothing listens at this address"):
        run("use", engine, "--redis-url", nobodys_address())
    assert run_json("use", "auto", "--redis-url", nobodys_address(), "--force")["choice"] == "auto"


def test_use_refuses_another_installations_prefix(new_cache: CacheMaker, redis_server: RedisServer) -> None:
    new_cache("file", KEY_PREFIX="shared")
    with redis_server.client() as client:
        client.set("shared:owner", b"nobody we know")
    with pytest.raises(CommandError, match="moved, or copied"):
        run("use", "redis", "--redis-url", redis_server.url())


def test_json_goes_to_programs_even_if_the_test_fails(
    new_cache: CacheMaker, capsys: pytest.CaptureFixture[str]
) -> None:
    new_cache("redis")
    with pytest.raises(CommandError):
        call_command("cache", "test", "--json")
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (found["ok"], found["steps"][0]["name"]) == (False, "connect")
