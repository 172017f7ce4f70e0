"""From which address a request comes."""

from __future__ import annotations

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from core.checks import check_trusted_proxies
from core.client_ip import client_ip


def address(peer: str, forwarded: str | None = None) -> str:
    request = RequestFactory().get("/", REMOTE_ADDR=peer)
    if forwarded is not None:
        request.META["HTTP_X_FORWARDED_FOR"] = forwarded
    return client_ip(request)


def test_without_a_proxy_it_is_the_peer() -> None:
    assert address("203.0.113.7") == "203.0.113.7"


def test_a_forged_header_is_ignored_where_no_proxy_is_trusted() -> None:
    assert address("203.0.113.7", "198.51.100.1") == "203.0.113.7"


def test_a_trusted_proxy_is_believed_about_who_came_to_it(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    assert address("10.1.2.3", "198.51.100.1") == "198.51.100.1"


def test_what_the_client_wrote_itself_is_not_believed(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    assert address("10.1.2.3", "1.1.1.1, 198.51.100.1, 10.9.9.9") == "198.51.100.1"


def test_a_stranger_does_not_become_a_proxy_by_sending_the_header(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    assert address("203.0.113.7", "10.1.2.3") == "203.0.113.7"


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ("", "10.1.2.3"),
        ("nonsense", "10.1.2.3"),
        ("1.1.1.1, nonsense", "10.1.2.3"),
        ("198.51.100.1:4711", "198.51.100.1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("10.5.5.5, 10.6.6.6", "10.5.5.5"),
        ("unix", "10.1.2.3"),
    ],
)
def test_headers_as_proxies_write_them(settings: Settings, forwarded: str, expected: str) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    assert address("10.1.2.3", forwarded) == expected


def test_behind_a_unix_socket_only_a_word_in_the_settings_makes_a_proxy(settings: Settings) -> None:
    assert address("", "198.51.100.1") == ""
    settings.TRUSTED_PROXIES = ["unix"]
    assert address("", "198.51.100.1") == "198.51.100.1"


def test_a_word_that_trusts_nobody_is_reported(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8", "proxy.local", "unix"]
    assert address("10.1.2.3", "198.51.100.1") == "198.51.100.1"
    (problem,) = check_trusted_proxies(None)
    assert problem.id == "core.E001"
    assert "proxy.local" in problem.msg
