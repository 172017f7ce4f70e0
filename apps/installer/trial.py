"""Tries a database that the owner names in the wizard, beside the configured one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, DatabaseError, OperationalError, connections
from django.db.utils import load_backend

from cacheadmin import guard, remedies
from cacheadmin.verdicts import Verdict
from installer import databases

ALIAS = "trial"
# Seconds for a connection: whoever waits for the answer sits in front of the page.
PATIENCE = 3
USUAL_PORT = 5432


def try_out(url: str, *, is_guarded: bool = True) -> bool:
    """Make sure that the site can live in the database at *url*.

    Args:
        url: its address.
        is_guarded: whether somebody has typed it: then it must not lead to what a cloud tells its machines.

    Returns:
        Whether it holds an installed site already.

    Raises:
        installer.databases.DatabaseProblem: it cannot; the message says why, without a password.
    """
    databases.check_address(url)
    try:
        with _connected(url, is_guarded=is_guarded):
            databases.require_usable(ALIAS)
            return databases.holds_installation(ALIAS)
    except (DatabaseError, ImproperlyConfigured) as error:
        raise databases.DatabaseProblem(databases.in_words(error)) from error


@contextmanager
def _connected(url: str, *, is_guarded: bool) -> Iterator[None]:
    """Have the alias *trial* lead to the database at *url*, for this thread and no longer."""
    found: dict[str, Any] = dict(dj_database_url.parse(url))
    options = dict(found.get("OPTIONS", {}))
    if found["ENGINE"].endswith("postgresql"):
        options["connect_timeout"] = PATIENCE
        if is_guarded:
            found |= _pinned(found, options)
    defaults = {**connections[DEFAULT_DB_ALIAS].settings_dict, "CONN_MAX_AGE": 0}
    wrapper = load_backend(found["ENGINE"]).DatabaseWrapper
    connections[ALIAS] = wrapper({**defaults, **found, "OPTIONS": options}, ALIAS)
    try:
        yield
    finally:
        connections[ALIAS].close()
        del connections[ALIAS]


def _pinned(found: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Have the connection go to the addresses that were looked at: a name may mean another place each time.

    Raises:
        django.db.DatabaseError: the host is unknown.
        installer.databases.DatabaseProblem: one of its addresses is nobody's business.
    """
    host, port = str(found["HOST"]), found.get("PORT") or USUAL_PORT
    if host.startswith("/"):
        return {}
    addresses = guard.resolved(host, int(port))
    if not addresses:
        raise OperationalError("could not translate host name")
    if any(map(guard.is_forbidden, addresses)):
        raise databases.DatabaseProblem(remedies.told(Verdict.FORBIDDEN))
    options["hostaddr"] = ",".join(addresses)
    # One name for each, by which certificates are checked.
    return {"HOST": ",".join([host] * len(addresses))}
