"""Whether the site can live in the database it was given; every refusal is in words."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import dj_database_url
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, DatabaseError, NotSupportedError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.exceptions import InconsistentMigrationHistory
from django.db.migrations.loader import MigrationLoader
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from installer.models import Installation

logger = logging.getLogger(__name__)


class DatabaseProblem(Exception):
    """The site cannot live there; the message says why and what to do."""


@dataclass(frozen=True)
class Category:
    """A trouble that people can mend, and the phrases by which drivers tell of it."""

    phrases: tuple[str, ...]
    words: Promise


CATEGORIES = [
    Category(
        ("password authentication failed", "no password supplied"),
        _("The database refuses this user name or password."),
    ),
    Category(
        ("pg_hba.conf",),
        _("The database server does not let this user connect from this machine (its pg_hba.conf decides)."),
    ),
    Category(
        ("connection refused", "no such file or directory"),
        _("Nothing listens at the address of the database. Is the server running, and is the port right?"),
    ),
    Category(
        ("could not translate host name", "failed to resolve host", "name or service not known"),
        _("The host name of the database is unknown. Look for a typing error in it."),
    ),
    Category(
        ("timeout expired", "timed out", "timeout", "no route to host", "network is unreachable"),
        _("The database server cannot be reached: no answer in time. A firewall may be in between."),
    ),
    Category(
        ("too many connections", "remaining connection slots", "too many clients"),
        _("The database server has no free connection. Raise its limit, or stop other programs."),
    ),
    Category(
        (
            "expected authentication request",
            "invalid response to ssl negotiation",
            "server sent an error response during ssl exchange",
            "server closed the connection unexpectedly",
        ),
        _("Something answers there, but not as a PostgreSQL does. Is the port right, or is it starting?"),
    ),
    Category(
        ("ssl", "certificate"), _("The database server and this site do not agree about TLS (sslmode).")
    ),
    Category(
        ("unable to open database file", "readonly database", "read-only file system"),
        _("The database file cannot be opened for writing. Its directory must exist and be writable."),
    ),
    Category(
        ("disk is full", "no space left", "disk quota", "disk i/o error"),
        _("The disk is full, or cannot be written. Free some space and do it again; nothing is lost."),
    ),
    Category(
        ("file is not a database", "malformed"),
        _("The database file is damaged, or is no SQLite database. Put back a backup, or name another file."),
    ),
    Category(("is locked",), _("Another program holds the database locked. Stop it and do it again.")),
    Category(
        ("permission denied", "must be owner"),
        _("The database user lacks a right. It must be allowed to create tables in this database."),
    ),
]

# Any number will do that other programs are unlikely to lock.
LOCK = 0x1257A11

UNKNOWN = _("The database refuses, for a reason that only the log of the server tells.")
NO_DATABASE = _("There is no such database on that server. Create it first, or look for a typing error.")
NO_NAME = _(
    "The address names a server, but no database on it. Write its name at the end: "
    "postgres://user:password@host:5432/name"
)
NO_ROLE = _("The database server does not know this user.")


def in_words(error: Exception) -> str:
    """Return what a driver's error means, as a sentence.

    What is not known is only logged: it may be anything that the other side has said.
    """
    told = str(error).strip() or type(error).__name__
    lower = told.lower()
    if "does not exist" in lower and ("database" in lower or "role" in lower):
        return str(NO_ROLE if 'role "' in lower else NO_DATABASE)
    if isinstance(error, ImproperlyConfigured) and "supply the name" in lower:
        return str(NO_NAME)
    for category in CATEGORIES:
        if any(phrase in lower for phrase in category.phrases):
            return str(category.words)
    logger.warning("The database says: %s", told.splitlines()[0])
    return str(UNKNOWN)


def check_address(url: str) -> None:
    """Make sure that *url* has the form of a database address that the site knows.

    Raises:
        DatabaseProblem: it has not; the message does not repeat it, as it may hold a password.
    """
    try:
        found: dict[str, Any] = dict(dj_database_url.parse(url))
        engine = found["ENGINE"]
    except Exception as error:
        # The library lets through whatever its parts raise.
        raise DatabaseProblem(str(FORMS)) from error
    if engine not in {"django.db.backends.sqlite3", "django.db.backends.postgresql"}:
        raise DatabaseProblem(str(FORMS))
    if engine.endswith("sqlite3"):
        _require_kept(str(found["NAME"]))
    elif not found.get("NAME"):
        raise DatabaseProblem(str(NO_NAME))


def absolute(url: str) -> str:
    """Return *url*, a checked one, with the path of an SQLite file counted from the present directory.

    The server runs elsewhere: there the same relative path would be another, empty database.
    """
    found = dj_database_url.parse(url) if url.startswith("sqlite:///") else None
    if found is None or Path(str(found["NAME"])).is_absolute():
        return url
    return f"sqlite:///{quote(str(Path.cwd()))}/{url.removeprefix('sqlite:///')}"


FORMS = _(
    "This is not an address of a database we know. Use sqlite:////absolute/path/to/db.sqlite3 or "
    "postgres://user:password@host:5432/name (special characters of the password percent-encoded)."
)
NOT_KEPT = _(
    "An SQLite database in memory is gone when the command ends. Name a file by its whole path: "
    "sqlite:////absolute/path/to/db.sqlite3"
)
NOT_WHOLE = _(
    "The path of the SQLite file must be the whole one, as the server runs in another directory: %(address)s"
)


def require_answer(alias: str = DEFAULT_DB_ALIAS) -> None:
    """Talk to a database once, past its pool.

    A pool waits and tries again where a connection says at once what is wrong; and once opened, it
    goes on trying in the background.

    Raises:
        django.db.DatabaseError: it does not answer.
    """
    connection = connections[alias]
    # SQLite would answer a plain SELECT without a look at its file.
    query = "SELECT count(*) FROM sqlite_master" if connection.vendor == "sqlite" else "SELECT 1"
    is_pooled = "pool" in connection.settings_dict["OPTIONS"]
    single = connection.copy() if is_pooled else connection
    if is_pooled:
        del single.settings_dict["OPTIONS"]["pool"]
    try:
        with single.cursor() as cursor:
            cursor.execute(query)
    except DatabaseError:
        single.close()
        raise
    if is_pooled:
        single.close()


def require_usable(alias: str = DEFAULT_DB_ALIAS) -> None:
    """Connect to a database and make sure that the site's tables can be made in it.

    Raises:
        DatabaseProblem: it cannot be reached, is too old, not ours, or its user lacks a right.
    """
    connection = connections[alias]
    try:
        if connection.vendor == "sqlite":
            _require_kept(str(connection.settings_dict["NAME"]))
            _require_writable_file(Path(connection.settings_dict["NAME"]))
        require_answer(alias)
        if connection.vendor == "postgresql":
            _require_utf8_and_rights(connection)
        _require_no_foreign_tables(connection)
    except (DatabaseError, NotSupportedError, ImproperlyConfigured) as error:
        connection.close()
        raise DatabaseProblem(in_words(error)) from error


def holds_installation(alias: str = DEFAULT_DB_ALIAS) -> bool:
    """Return whether a database bears the mark of an installation.

    Raises:
        django.db.DatabaseError: it does not answer.
    """
    # Looking the table up first keeps a failing query out of PostgreSQL's log and out of transactions.
    has_table = Installation._meta.db_table in connections[alias].introspection.table_names()
    return has_table and Installation.objects.using(alias).exists()


def lock_for_installation() -> bool:
    """Keep other machines from installing into the same database until this process lets go of it.

    Returns:
        Whether nobody else is at it. SQLite lies on one machine, where a file does the same.
    """
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        (is_ours,) = cursor.fetchone() or (False,)
    return bool(is_ours)


def keep_private() -> None:
    """Let nobody but its owner read an SQLite file that others may read, nor what lies beside it."""
    if connection.vendor != "sqlite":
        return
    for ending in ("", "-wal", "-shm"):
        path = Path(f"{connection.settings_dict['NAME']}{ending}")
        if path.is_file():
            path.chmod(0o600)


def _require_kept(name: str) -> None:
    """Of SQLite's names, ``file:`` begins an address of its own: for memory, or for more than a path."""
    if name == ":memory:" or name.startswith("file:"):
        raise DatabaseProblem(str(NOT_KEPT))


def _require_writable_file(path: Path) -> None:
    if not path.is_absolute():
        raise DatabaseProblem(str(NOT_WHOLE) % {"address": f"sqlite:///{path.absolute()}"})
    if path.parent == settings.VAR_DIR:
        path.parent.mkdir(parents=True, exist_ok=True)
    if not path.parent.is_dir():
        raise DatabaseProblem(
            str(_("There is no directory %(path)s. Create it first.")) % {"path": path.parent}
        )
    # SQLite lays its journal beside the file.
    for needed in (path.parent, *([path] if path.exists() else [])):
        if not os.access(needed, os.W_OK):
            words = _("%(path)s cannot be written. Give the user that runs the site the right to.")
            raise DatabaseProblem(str(words) % {"path": needed})
    # SQLite would make it readable for everybody; what it lays beside a file gets that file's mode.
    # Never where it exists: closing it would open the locks that this process holds on it.
    if not path.exists():
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _require_utf8_and_rights(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_encoding")
        (encoding,) = cursor.fetchone() or ("",)
        if encoding != "UTF8":
            words = _("The database stores text as %(encoding)s. Create one with the encoding UTF8.")
            raise DatabaseProblem(str(words) % {"encoding": encoding})
        cursor.execute("SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)")
        (may_create,) = cursor.fetchone() or (False,)
        if not may_create:
            words = _(
                "The database user may not create tables there. Make it the owner of the database, or run: "
                "GRANT CREATE ON SCHEMA public TO that user."
            )
            raise DatabaseProblem(str(words))


def _require_no_foreign_tables(connection: BaseDatabaseWrapper) -> None:
    """Tables under our names that our migrations have not made belong to another program."""
    names = {table for table in connection.introspection.django_table_names() if table}
    present = names & set(connection.introspection.table_names())
    if present and not _has_our_history(connection):
        words = _("The database already holds tables of another program (%(tables)s …). Name an empty one.")
        raise DatabaseProblem(str(words) % {"tables": ", ".join(sorted(present)[:3])})


def _has_our_history(connection: BaseDatabaseWrapper) -> bool:
    """Whether the recorded migrations are those of this site: all of them, or the first few."""
    loader = MigrationLoader(connection)
    made = {app for app, _name in loader.applied_migrations}
    try:
        loader.check_consistent_history(connection)
    except InconsistentMigrationHistory:
        return False
    return Installation._meta.app_label in made or (bool(made) and made <= loader.migrated_apps)
