"""``python -m tests.servers``: the servers of the tests, by hand.

``check`` finds or installs everything the suite needs and says where it is.
``redis`` and ``postgres`` (one or both) start servers, print their addresses and wait for Ctrl-C; with
``-- command …`` they run that command instead, with TESTS_REDIS_URL and TESTS_DATABASE_URL set.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import FrameType

from tests.servers import chromium, gettext, packages, postgres, redis, web


def main(words: Sequence[str]) -> int:
    """Do what the command line asks; return the exit code."""
    names, command = _split(list(words))
    if not names or not set(names) <= {"check", "redis", "postgres"}:
        sys.stderr.write(__doc__ or "")
        return 2
    try:
        return check() if "check" in names else serve(names, command)
    except packages.NotInstalledError as error:
        sys.stderr.write(f"\n{error}\n")
        return 1


def check() -> int:
    """Find every program, installing what is missing; all that is missing is told, not the first only."""
    missing = 0
    finders: dict[str, Callable[[], object]] = {
        "Redis": redis.find_redis,
        "PostgreSQL": postgres.find_postgres,
        "Chromium": chromium.find_chromium,
        "gettext": gettext.find_gettext,
        "nginx": web.find_nginx,
        "Apache": web.find_apache,
    }
    for name, find in finders.items():
        try:
            print(f"{name}: {find()}", flush=True)
        except packages.NotInstalledError as error:
            missing += 1
            print(f"{name}: MISSING. {error}", flush=True)
    return 1 if missing else 0


def serve(names: Sequence[str], command: Sequence[str]) -> int:
    """Start the servers, and run *command* or wait; they end with it."""
    signal.signal(signal.SIGTERM, _leave)
    with ExitStack() as stack:
        environment = dict(os.environ)
        if "redis" in names:
            environment["TESTS_REDIS_URL"] = stack.enter_context(redis.RedisServer()).url()
        if "postgres" in names:
            environment["TESTS_DATABASE_URL"] = stack.enter_context(postgres.PostgresServer()).url()
        if not command:
            for name in ("TESTS_REDIS_URL", "TESTS_DATABASE_URL"):
                if name in environment:
                    print(f"{name}={environment[name]}", flush=True)
            return _wait()
        return _run(command, environment)


def _run(command: Sequence[str], environment: dict[str, str]) -> int:
    with subprocess.Popen(command, env=environment) as child:
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:
                # The terminal told the child as well: let it put its things away.
                continue
            except SystemExit:
                child.terminate()
                raise


def _wait() -> int:
    try:
        signal.pause()
    except KeyboardInterrupt:
        return 0
    return 0


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    if "--" not in words:
        return words, []
    cut = words.index("--")
    return words[:cut], words[cut + 1 :]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
