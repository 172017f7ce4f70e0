"""System checks of the site's own settings."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
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


def _is_network(word: str) -> bool:
    try:
        ipaddress.ip_network(word, strict=False)
    except ValueError:
        return False
    return True
