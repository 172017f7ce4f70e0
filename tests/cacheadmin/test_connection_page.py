"""Testing connections over HTTP: who may, in which shape, how often, and whose password goes along."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from cacheadmin import clear as clearing
from cacheadmin import limit
from cacheadmin.backend import AdaptiveCache
from cacheadmin.views import connection
from tests.cacheadmin.conftest import nobodys_address
from tests.cacheadmin.people import JSON, person, text_of
from tests.cacheadmin.waiting import threads
from tests.servers.redis import RedisServer

NewRedis = Callable[..., RedisServer]
CacheMaker = Callable[..., AdaptiveCache]
SIMPLE, DEEP = "/admin/cache/test-redis/", "/admin/cache/test-advanced/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def tester() -> Client:
    return person("test_cache")


def fields(server: RedisServer, **more: Any) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": server.port, **more}


@pytest.mark.parametrize("path", [SIMPLE, SIMPLE[:-1], DEEP, DEEP[:-1]])
def test_json_has_the_promised_shape(tester: Client, redis_server: RedisServer, path: str) -> None:
    answer = tester.post(path, fields(redis_server), headers=JSON)
    assert answer.status_code == 200
    found = answer.json()
    assert list(found) == ["ok", "engine", "version", "memory", "steps"]
    assert (found["ok"], found["engine"]) == (True, "redis")
    assert all(list(step) == ["name", "ok", "ms", "message"] for step in found["steps"])
    assert ("delete" in {step["name"] for step in found["steps"]}) is path.startswith(DEEP[:-1])
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_page_shows_each_step_in_both_languages(
    tester: Client, redis_server: RedisServer, language: str
) -> None:
    answer = tester.post(DEEP, fields(redis_server), headers={"Accept-Language": language})
    assert answer.status_code == 200
    words = {
        "en": ("Redis works", "The connection stands."),
        "fr": ("Redis fonctionne", "La connexion est établie."),
    }
    for word in words[language]:
        assert word in text_of(answer)
    assert f"redis://127.0.0.1:{redis_server.port}/0" in text_of(answer)


def test_a_failing_test_is_an_answer_and_no_error(tester: Client) -> None:
    port = nobodys_address().rsplit(":", 1)[1].split("/")[0]
    answer = tester.post(SIMPLE, {"host": "127.0.0.1", "port": port}, headers=JSON)
    assert (answer.status_code, answer.json()["ok"]) == (200, False)
    page = tester.post(SIMPLE, {"host": "127.0.0.1", "port": port}, headers={"Accept-Language": "en"})
    assert page.status_code == 200
    assert "Redis cannot be used" in text_of(page)
    assert "Nothing listens at this address. Redis may be stopped" in text_of(page)
    assert "not available" in text_of(page)


@pytest.mark.parametrize("path", [SIMPLE, DEEP])
def test_fields_that_make_no_sense_are_told_and_nothing_is_tried(tester: Client, path: str) -> None:
    answer = tester.post(path, {"host": "a b", "port": "99999"}, headers={**JSON, "Accept-Language": "en"})
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {"host", "port"}
    (step,) = answer.json()["steps"]
    assert (step["name"], step["ok"]) == ("address", False)
    assert "Host: Write a host name or an IP address" in step["message"]
    page = tester.post(path, {"host": "<b>"}, headers={"Accept-Language": "fr"})
    assert page.status_code == 400
    assert "Rien n’a été testé" in text_of(page)
    assert "Écrivez un nom d’hôte" in text_of(page)
    assert "<b>" not in text_of(page)


def test_without_fields_the_address_in_use_is_tested(
    tester: Client, new_cache: CacheMaker, new_redis: NewRedis
) -> None:
    server = new_redis(password="swordfish")
    new_cache("redis", location=server.url())
    answer = tester.post(DEEP, headers=JSON)
    assert answer.json()["ok"] is True
    assert "ownership" in {step["name"] for step in answer.json()["steps"]}
    assert "swordfish" not in answer.content.decode()


def test_a_blank_password_is_the_one_in_use_at_the_same_server_only(
    tester: Client, new_cache: CacheMaker, new_redis: NewRedis
) -> None:
    server, thief = new_redis(password="swordfish"), new_redis()
    new_cache("redis", location=server.url())
    assert tester.post(SIMPLE, fields(server, password=""), headers=JSON).json()["ok"] is True
    assert tester.post(SIMPLE, fields(server, password="wrong"), headers=JSON).json()["ok"] is False
    answer = tester.post(SIMPLE, fields(thief, password=""), headers=JSON)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["password"])
    assert "auth" not in thief.commands_seen()


def test_only_testers_may_and_only_with_a_token(redis_server: RedisServer) -> None:
    for path in (SIMPLE, DEEP):
        assert person("view_cache", "configure_cache").post(path, fields(redis_server)).status_code == 403
        assert person("test_cache", is_staff=False).post(path, fields(redis_server)).status_code == 403
        assert person("test_cache").get(path).status_code == 405
        assert Client().post(path, fields(redis_server)).status_code == 302
        careful = Client(enforce_csrf_checks=True)
        careful.force_login(person("test_cache").get("/").wsgi_request.user)  # type: ignore[arg-type]
        assert careful.post(path, fields(redis_server)).status_code == 403


def test_too_many_tests_are_refused_for_a_while(
    tester: Client, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    monkeypatch.setattr(connection, "MOST_TESTS", 2)
    monkeypatch.setattr(limit, "_now", lambda: 60_030)
    blank = {"host": "a b"}
    assert [tester.post(SIMPLE, blank).status_code for _ in range(2)] == [400, 400]
    answer = tester.post(DEEP, blank, headers={**JSON, "Accept-Language": "en"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "30")
    assert "Try again in 30 seconds." in answer.json()["steps"][0]["message"]
    page = tester.post(SIMPLE, blank, headers={"Accept-Language": "fr"})
    assert page.status_code == 429
    assert "Réessayez dans 30\u00a0secondes." in text_of(page)
    # Another person has a count of their own, and so has the next minute.
    assert person("test_cache").post(SIMPLE, blank).status_code == 400
    monkeypatch.setattr(limit, "_now", lambda: 60_060)
    assert tester.post(SIMPLE, blank).status_code == 400


# --- The limit by itself ---


def test_never_one_more_than_the_limit(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit, "_now", lambda: 3600)
    allowed: list[int] = []

    def attempt() -> None:
        allowed.extend(limit.retry_after("test", 1, most=7, seconds=3600) for _ in range(10))

    with threads(4, attempt):
        pass
    assert allowed.count(0) == 7
    assert all(0 <= wait <= 3600 for wait in allowed)


def test_clear_all_forgives_nobody(cache: AdaptiveCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit, "_now", lambda: 3600)
    assert limit.retry_after("test", 1, most=1, seconds=3600) == 0
    clearing.clear(None)
    assert limit.retry_after("test", 1, most=1, seconds=3600) > 0


def test_with_the_engine_off_nobody_is_kept_out(new_cache: CacheMaker) -> None:
    new_cache("off")
    assert [limit.retry_after("test", 1, most=1, seconds=60) for _ in range(3)] == [0, 0, 0]
