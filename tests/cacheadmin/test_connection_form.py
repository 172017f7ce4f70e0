"""The form for an address of Redis: what it takes, what it refuses, and whose password goes where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import translation

from cacheadmin.connection import deep_test
from cacheadmin.engines.redis import parse
from cacheadmin.forms import ConnectionForm, Place
from tests.servers.redis import RedisServer

NewRedis = Callable[..., RedisServer]


def form(*, saved: str = "", is_guarded: bool = False, **data: Any) -> ConnectionForm:
    return ConnectionForm(data, saved=saved, is_guarded=is_guarded)


def address(**data: Any) -> str:
    found = form(**data)
    assert found.is_valid(), found.errors
    return found.address()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, "redis://127.0.0.1:6379/0"),
        ({"host": "redis", "port": "6380", "database": "3"}, "redis://redis:6380/3"),
        ({"host": "::1"}, "redis://[::1]:6379/0"),
        ({"host": "[2001:db8::1]", "tls": "on"}, "rediss://[2001:db8::1]:6379/0"),
        ({"host": "my_redis.example.org."}, "redis://my_redis.example.org.:6379/0"),
        ({"password": "a:b@c/d?e#f%"}, "redis://:a%3Ab%40c%2Fd%3Fe%23f%25@127.0.0.1:6379/0"),
        ({"username": "ann@site", "password": " x "}, "redis://ann%40site:%20x%20@127.0.0.1:6379/0"),
        ({"socket": "/run/my redis?.sock", "database": "1"}, "unix:///run/my%20redis%3F.sock?db=1"),
        ({"socket": "/run/r.sock", "password": "x"}, "unix://:x@/run/r.sock?db=0"),
        (
            {"tls": "on", "ca_file": "/etc/my ca&b.pem"},
            "rediss://127.0.0.1:6379/0?ssl_ca_certs=%2Fetc%2Fmy+ca%26b.pem",
        ),
    ],
)
def test_what_is_typed_becomes_an_address(data: dict[str, str], expected: str) -> None:
    found = address(**data)
    assert found == expected
    understood = parse(found)
    assert understood.login.get("password", "") == data.get("password", "")
    assert understood.login.get("username", "") == data.get("username", "")
    assert understood.path == data.get("socket", "")
    assert Place.of(found) == Place.of(Place.of(found).address())  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("host", "redis://127.0.0.1"),
        ("host", "127.0.0.1:6379"),
        ("host", "a..b"),
        ("host", "-a"),
        ("host", "a" * 64),
        ("host", "a." * 127 + "a"),
        ("host", "a@b"),
        ("host", "a b"),
        ("host", "a\nb"),
        ("host", "a/../b"),
        ("host", "[::1"),
        ("host", "h1,h2"),
        ("host", "x" * 300),
        ("port", "0"),
        ("port", "65536"),
        ("port", "6379/1"),
        ("database", "-1"),
        ("database", "1000000"),
        ("database", "one"),
        ("username", "a\nb"),
        ("username", "a" * 256),
        ("password", "a\r\nFLUSHALL"),
        ("password", "a\x00b"),
        ("password", "a\u2028b"),
        ("password", "x" * 1001),
        ("socket", "run/redis.sock"),
        ("socket", "/run/re\ndis.sock"),
        ("socket", "/" + "s" * 107),
        ("ca_file", "ca.pem"),
        ("ca_file", "/etc/ca.pem"),
    ],
)
def test_what_makes_no_sense_is_refused_where_it_was_typed(field: str, value: Any) -> None:
    found = form(**{field: value})
    assert list(found.errors) == [field]
    english = str(found.errors[field])
    with translation.override("fr"):
        assert str(found.errors[field]) != english


def test_a_socket_has_no_tls() -> None:
    assert list(form(socket="/run/r.sock", tls="on").errors) == ["tls"]


# --- The saved password ---

SAVED = "redis://ann:swordfish@cache.example:6380/2"


def test_a_blank_password_is_the_saved_one_and_is_never_shown() -> None:
    same: dict[str, Any] = {"host": "cache.example", "port": "6380", "username": "ann"}
    assert parse(address(saved=SAVED, **same, database="5")).login["password"] == "swordfish"
    assert parse(address(saved=SAVED, **same, password="new")).login["password"] == "new"
    unbound = ConnectionForm(saved=SAVED)
    page = unbound.as_p()
    assert "cache.example" in page
    assert 'value="6380"' in page
    assert "Leave it empty to keep the one that is saved." in page
    for shown in (page, form(saved=SAVED, **same).as_p(), form(saved=SAVED, password="typed").as_p()):
        assert "swordfish" not in shown
        assert "typed" not in shown


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"host": "thief.example", "port": "6380", "username": "ann"},
        {"host": "cache.example", "port": "6381", "username": "ann"},
        {"host": "cache.example", "port": "6380", "username": "bob"},
        {"host": "cache.example", "port": "6380", "username": "ann", "tls": "on"},
        {"socket": "/tmp/thief.sock", "username": "ann"},
    ],
)
def test_the_saved_password_goes_to_nobody_else(elsewhere: dict[str, Any]) -> None:
    found = form(saved=SAVED, **elsewhere)
    assert list(found.errors) == ["password"]
    assert parse(address(saved=SAVED, **elsewhere, password="own")).login["password"] == "own"


def test_a_saved_socket_keeps_its_password() -> None:
    saved = "unix://:swordfish@/run/r.sock?db=1"
    assert parse(address(saved=saved, socket="/run/r.sock")).login == {"password": "swordfish"}
    assert ConnectionForm(saved=saved).initial["socket"] == "/run/r.sock"


@pytest.mark.parametrize(
    "saved",
    [
        "redis+cluster://:swordfish@h1,h2",
        "redis+sentinel://:swordfish@h1/main/0",
        "rediss://:swordfish@h1/0?ssl_cert_reqs=none",
        "rediss://:swordfish@h1/0?ssl_certfile=/etc/c.pem",
        "nonsense",
    ],
)
def test_what_the_fields_cannot_say_is_not_filled_in(saved: str) -> None:
    assert Place.of(saved) is None
    assert ConnectionForm(saved=saved).initial == {}
    assert address(saved=saved, host="h1") == "redis://h1:6379/0"


def test_no_place_shows_its_password() -> None:
    assert "swordfish" not in repr(Place.of(SAVED))


# --- Strangers ---


@pytest.mark.parametrize("host", ["169.254.169.254", "fe80::1%eth0", "::ffff:169.254.0.1", "100.100.100.200"])
def test_strangers_may_not_type_link_local_addresses(host: str) -> None:
    assert form(host=host).is_valid()
    found = form(host=host, is_guarded=True)
    assert "Link-local" in str(found.errors["host"])
    assert form(host="10.0.0.1", is_guarded=True).is_valid()


# --- For real ---


def test_what_is_typed_reaches_a_redis(new_redis: NewRedis) -> None:
    secret = "p@ss:w/o?r#d %41é"
    server = new_redis(password=secret, unix_socket=True)
    assert deep_test(address(host="127.0.0.1", port=str(server.port), password=secret, database="1")).ok
    assert deep_test(address(socket=str(server.socket), password=secret)).ok


def test_a_ca_file_that_is_typed_is_trusted(new_redis: NewRedis) -> None:
    server = new_redis(tls=True)
    assert server.certificates is not None
    typed: dict[str, Any] = {"host": "localhost", "port": str(server.port), "tls": "on"}
    assert not deep_test(address(**typed)).ok
    assert deep_test(address(**typed, ca_file=str(server.certificates.authority))).ok
