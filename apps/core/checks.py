"""System checks of the site's own settings."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

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


@register(Tags.database)
def check_connections(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """core.W002: all workers together may want more connections than the PostgreSQL server gives."""
    found: list[CheckMessage] = []
    for alias in databases or []:
        connection = connections[alias]
        wanted = most_connections(connection.settings_dict)
        given = _given_connections(connection) if connection.vendor == "postgresql" else None
        if given is not None and wanted > given:
            found.append(
                checks.Warning(
                    f"The workers may open {wanted} connections to database {alias!r}, which gives {given}.",
                    hint=(
                        "Lower WEB_CONCURRENCY or WEB_THREADS, or raise the server's max_connections. "
                        "Until then visitors may meet errors while many are there."
                    ),
                    id="core.W002",
                )
            )
    return found


def most_connections(database: Mapping[str, Any]) -> int:
    """Return how many connections all workers together may open to a database of DATABASES.

    Each worker has a pool; without one, a connection for each of its threads.
    """
    configuration = settings.CONFIGURATION
    pool = database.get("OPTIONS", {}).get("pool") or {}
    return int(configuration.web_concurrency * pool.get("max_size", configuration.web_threads))


def _given_connections(connection: BaseDatabaseWrapper) -> int | None:
    """How many connections the server gives to ordinary users; None where it does not say."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT sum(CASE name WHEN 'max_connections' THEN 1 ELSE -1 END * setting::int) "
                "FROM pg_settings WHERE name IN "
                "('max_connections', 'superuser_reserved_connections', 'reserved_connections')"
            )
            return int(cursor.fetchone()[0])
    except DatabaseError:
        # Whether the database can be reached is told elsewhere, and in better words.
        return None


def _is_network(word: str) -> bool:
    try:
        ipaddress.ip_network(word, strict=False)
    except ValueError:
        return False
    return True
