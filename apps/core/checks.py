"""System checks of the site's own settings."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register

from core.client_ip import UNIX


@register("security")
def check_trusted_proxies(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """core.E001: a word of TRUSTED_PROXIES that is no address; it would silently trust nobody."""
    return [
        Error(
            f"TRUSTED_PROXIES holds {word!r}, which is neither an address nor a network nor “{UNIX}”.",
            hint="Write for example 127.0.0.1, 10.0.0.0/8 or unix, separated by commas.",
            id="core.E001",
        )
        for word in settings.TRUSTED_PROXIES
        if word != UNIX and not _is_network(word)
    ]


@register("security")
def check_https_behind_a_proxy(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """core.W001: an https site that trusts no proxy cannot tell https from http."""
    if not settings.SITE_URL.startswith("https://") or settings.TRUSTED_PROXIES:
        return []
    return [
        checks.Warning(
            "SITE_URL says https, but TRUSTED_PROXIES names no proxy that could tell it.",
            hint=(
                "Set TRUSTED_PROXIES to the address of the proxy that ends TLS (often 127.0.0.1). Until then "
                "visitors on http are not sent to https, and all share the proxy's address in the limits."
            ),
            id="core.W001",
        )
    ]


def _is_network(word: str) -> bool:
    try:
        ipaddress.ip_network(word, strict=False)
    except ValueError:
        return False
    return True
