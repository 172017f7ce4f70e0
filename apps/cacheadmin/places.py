"""Which database this is: another one for every copy, the same for every process that uses it."""

from __future__ import annotations

import contextlib
import hashlib
import os

from django.conf import settings
from django.db import DatabaseError, connections


def place_of(alias: str) -> str:
    """Return a short name of the database behind *alias*, or an empty string where it cannot be told.

    A database file is told by where it lies; a database of PostgreSQL by the cluster's own number
    and its number there, which a restored dump does not bring along.

    Args:
        alias: a key of DATABASES.

    Raises:
        django.db.DatabaseError: it does not answer.
    """
    connection = connections[alias]
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        if _is_in_memory(name):
            return ""
        directory = os.path.dirname(os.path.realpath(name))
        with contextlib.suppress(OSError):
            return _short(os.path.realpath(name), str(os.stat(directory).st_ino))
        return ""
    if connection.vendor == "postgresql":
        # Inside somebody's transaction a refused question would spoil it: ask another time.
        return "" if connection.in_atomic_block else _place_in_postgresql(alias)
    return _short(connection.vendor, _address(alias), name)


def configured(alias: str) -> str:
    """Return which database the settings name, without asking it: enough to tell apart two sites of one user.

    Neither host nor port: one process may reach the same database by another way.

    Args:
        alias: a key of DATABASES.
    """
    described = settings.DATABASES.get(alias, {})
    name = str(described.get("NAME") or "")
    if str(described.get("ENGINE", "")).endswith("sqlite3"):
        return "" if _is_in_memory(name) else os.path.realpath(name)
    return name


def _is_in_memory(name: str) -> bool:
    return not name or ":memory:" in name or "mode=memory" in name


def _place_in_postgresql(alias: str) -> str:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT oid FROM pg_database WHERE datname = current_database()")
        number = str(cursor.fetchone()[0])
    cluster = _address(alias)
    with contextlib.suppress(DatabaseError), connections[alias].cursor() as cursor:
        cursor.execute("SELECT system_identifier FROM pg_control_system()")
        cluster = str(cursor.fetchone()[0])
    return _short(cluster, number)


def _address(alias: str) -> str:
    described = connections[alias].settings_dict
    return f"{described['HOST']}:{described['PORT']}"


def _short(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=10).hexdigest()
