"""The buttons that test in place: as a part of a page, as JSON, and as a whole page without a script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache

from cacheadmin.detect import Candidate
from cacheadmin.verdicts import Verdict
from installer import redis_found, trials
from tests.installer.wizard import FORM_TOKEN, GOOD, PASSWORD, Walker
from tests.servers.process import free_port
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.django_db

JSON = {"Accept": "application/json"}


@pytest.fixture
def walker(not_installed: Path) -> Walker:
    return Walker()


def pressed(walker: Walker, slug: str, to: str, headers: dict[str, str], **fields: str) -> Any:
    """Press a button of the step *slug* as a script does."""
    token = FORM_TOKEN.search(walker.page(slug))
    assert token
    return walker.client.post(f"/install/{to}/", {"csrfmiddlewaretoken": token[1], **fields}, headers=headers)


def redis_at(port: int, **more: str) -> dict[str, str]:
    return {"engine": "redis", "host": "127.0.0.1", "port": str(port), **more}


@pytest.mark.parametrize(("to", "least"), [("test-redis", 3), ("test-advanced", 8)])
def test_programs_get_the_json_that_the_cache_page_gives(
    walker: Walker, redis_server: RedisServer, to: str, least: int
) -> None:
    walker.walk(until="cache")
    told = pressed(walker, "cache", to, JSON, **redis_at(redis_server.port)).json()
    assert (told["ok"], told["engine"]) == (True, "redis")
    assert told["version"]
    assert told["memory"]
    assert len(told["steps"]) >= least
    for step in told["steps"]:
        assert step.keys() >= {"name", "ok", "ms", "message"}
    assert not told.keys() & trials.FOR_PAGES
    failed = pressed(walker, "cache", to, JSON, **redis_at(free_port())).json()
    assert failed["ok"] is False
    assert failed["steps"][-1]["ok"] is False
    wrong = pressed(walker, "cache", to, JSON, **redis_at(0, host="redis://x")).json()
    assert wrong.keys() >= {"ok", "engine", "version", "memory", "steps", "errors"}
    assert not wrong["ok"]
    assert wrong["errors"].keys() == {"host", "port"}


def test_a_script_gets_a_part_of_the_page_and_a_browser_without_one_the_whole(
    walker: Walker, redis_server: RedisServer
) -> None:
    walker.walk(until="cache")
    fields = redis_at(redis_server.port)
    part = pressed(walker, "cache", "test-redis", {"X-Fragment": "1"}, **fields).content.decode()
    assert 'data-engine="redis"' in part
    assert "<html" not in part
    whole = walker.send("cache", to="test-redis", **fields).content.decode()
    assert 'data-engine="redis"' in whole
    assert "<h1>" in whole
    no_address = walker.send("cache", to="test-redis", **redis_at(1, host="a b")).content.decode()
    assert "This is not an address yet" in no_address
    assert "Files were selected instead" in no_address


def test_redis_that_fails_is_given_up_for_files_and_said_so_when_one_goes_on(walker: Walker) -> None:
    walker.walk(until="cache")
    response = walker.answer("cache", **redis_at(free_port()))
    assert response.status_code == 200
    page = response.content.decode()
    assert "Files were selected instead" in page
    assert "Test again" in page
    assert walker.send("cache", skip="1", **redis_at(1)).status_code == 302
    assert walker.client.get("/install/summary/").status_code == 200


def test_the_odd_port_answers_in_each_way(walker: Walker, redis_server: RedisServer) -> None:
    walker.walk(until="requirements")

    def press(**fields: str) -> Any:
        return pressed(walker, "requirements", "test-port", JSON, **fields).json()

    port = redis_server.port
    assert press(port=str(port)) == {"ok": True, "message": f"Redis available on port {port}"}
    assert press(port=str(free_port())) == {"ok": False, "message": "No Redis — continuing with files"}
    assert "Enter the port" in press()["message"]
    assert "from the first / on" in press(socket="relative.sock")["message"]
    assert press(socket="/nowhere/redis.sock")["ok"] is False


def test_a_socket_and_a_redis_that_asks_for_a_password_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_at(places: list[str]) -> redis_found.Found:
        found = Candidate(places[0], Verdict.NEEDS_PASSWORD, "", 1.0)
        return redis_found.Found([found], found)

    monkeypatch.setattr(redis_found, "look_at", look_at)
    told = trials._port({"custom": True, "socket": "/run/redis.sock", "port": None})
    assert told["ok"]
    assert "on the socket /run/redis.sock (it asks for a password)" in told["message"]
    assert redis_found.as_fields("redis+sentinel://a/x/0") == {}


@pytest.mark.parametrize("to", ["test-port", "test-redis", "test-advanced", "measure"])
def test_a_step_that_is_not_open_yet_tests_nothing(walker: Walker, to: str) -> None:
    response = walker.send("welcome", to=to, **redis_at(1))
    assert response["Location"] == "/install/"


def test_what_could_be_measured_is_told_to_programs_too(
    walker: Walker, monkeypatch: pytest.MonkeyPatch
) -> None:
    from installer.measuring import Figures, Line

    walker.walk(until="cache")
    figures = Figures([Line("redis", 50.0, 60.0), Line("file", 17.0, 20.0)], "Files are faster.", "file")
    monkeypatch.setattr("installer.measuring.measure", lambda address: figures)
    told = pressed(walker, "cache", "measure", JSON, **redis_at(1)).json()
    assert told == {
        "ok": True,
        "lines": [
            {"engine": "redis", "read": 50.0, "write": 60.0},
            {"engine": "file", "read": 17.0, "write": 20.0},
        ],
        "verdict": "Files are faster.",
        "winner": "file",
    }
    assert pressed(walker, "cache", "measure", JSON, engine="redis", host="a b").json() == {"ok": False}


# --- The password ---


@pytest.mark.parametrize(
    ("password", "score"),
    [
        ("", 0),
        ("12345", 1),
        ("owner@example.org", 1),
        ("ivory-oak", 1),
        ("ivory-oak1", 2),
        ("ivory-oak-12", 3),
        (PASSWORD, 4),
    ],
)
def test_a_password_is_judged_by_the_validators_and_its_length(
    walker: Walker, password: str, score: int
) -> None:
    walker.walk(until="administrator")
    cache.clear()
    fields = {**GOOD["administrator"], "admin_password": password}
    told = pressed(walker, "administrator", "check-password", JSON, **fields).json()
    assert told["score"] == score
    assert bool(told["messages"]) is (score < 2)
