"""Tries a database that the owner names in the wizard, beside the configured one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.utils import load_backend

from installer import databases

ALIAS = "trial"
# Seconds for a connection: whoever waits for the answer sits in front of the page.
PATIENCE = 3


def try_out(url: str) -> bool:
    """Make sure that the site can live in the database at *url*.

    Returns:
        Whether it holds an installed site already.

    Raises:
        installer.databases.DatabaseProblem: it cannot; the message says why, without a password.
    """
    databases.check_address(url)
    try:
        with _connected(url):
            databases.require_usable(ALIAS)
            return databases.holds_installation(ALIAS)
    except (DatabaseError, ImproperlyConfigured) as error:
        raise databases.DatabaseProblem(databases.in_words(error)) from error


@contextmanager
def _connected(url: str) -> Iterator[None]:
    """Have the alias *trial* lead to the database at *url*, for this thread and no longer."""
    found: dict[str, Any] = dict(dj_database_url.parse(url))
    options = dict(found.get("OPTIONS", {}))
    if found["ENGINE"].endswith("postgresql"):
        options["connect_timeout"] = PATIENCE
    defaults = {**connections[DEFAULT_DB_ALIAS].settings_dict, "CONN_MAX_AGE": 0}
    wrapper = load_backend(found["ENGINE"]).DatabaseWrapper
    connections[ALIAS] = wrapper({**defaults, **found, "OPTIONS": options}, ALIAS)
    try:
        yield
    finally:
        connections[ALIAS].close()
        del connections[ALIAS]
