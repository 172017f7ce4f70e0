"""Who may say that a request came over https."""

from __future__ import annotations

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from core.checks import check_https_behind_a_proxy
from core.proxies import TrustedProxyMiddleware


def _is_secure(peer: str) -> bool:
    seen: list[bool] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request.is_secure())
        return HttpResponse()

    request = RequestFactory().get("/", HTTP_X_FORWARDED_PROTO="https", REMOTE_ADDR=peer)
    TrustedProxyMiddleware(view)(request)
    return seen[0]


@pytest.mark.parametrize(("peer", "believed"), [("10.9.9.9", True), ("127.0.0.1", False)])
def test_only_a_trusted_proxy_says_that_a_request_was_secure(
    settings: Settings, peer: str, believed: bool
) -> None:
    settings.TRUSTED_PROXIES = ["10.9.9.9"]
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    assert _is_secure(peer) is believed


def test_https_without_a_trusted_proxy_is_pointed_out(settings: Settings) -> None:
    settings.SITE_URL = "https://www.example.org"
    settings.TRUSTED_PROXIES = []
    assert [message.id for message in check_https_behind_a_proxy(None)] == ["core.W001"]
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    assert check_https_behind_a_proxy(None) == []


def test_plain_http_needs_no_proxy(settings: Settings) -> None:
    settings.SITE_URL = "http://localhost:8000"
    settings.TRUSTED_PROXIES = []
    assert check_https_behind_a_proxy(None) == []
