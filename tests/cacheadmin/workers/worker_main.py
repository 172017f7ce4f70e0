"""A process that does what it is told over a pipe, line by line, like a worker that gets requests."""

from __future__ import annotations

import os
import sys
import time
import traceback
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

import coverage
import django


def main(descriptor: int, user: int) -> None:
    """Answer until the other end is closed."""
    pipe: Connection[Any, Any] = Connection(descriptor)
    django.setup()
    if user != os.geteuid():
        # What is imported late may lie where this user cannot read.
        import_module("cacheadmin.backend")
        import_module("encodings.idna")
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    names: dict[str, Any] = {}
    while True:
        try:
            code = pipe.recv()
        except EOFError:
            return
        began = time.monotonic()
        try:
            value, error = _value(code, names), ""
        except Exception:  # noqa: BLE001 (whatever it is, the test shall see it)
            value, error = None, traceback.format_exc()
        pipe.send((value, error, time.monotonic() - began))


def _value(code: str, names: dict[str, Any]) -> Any:
    try:
        compiled = compile(code, "<test>", "eval")
    except SyntaxError:
        exec(code, names)
        return None
    return eval(compiled, names)


if __name__ == "__main__":
    # Does nothing unless the tests are being measured; before anything of the cache is imported.
    coverage.process_startup()
    main(int(sys.argv[1]), int(sys.argv[2]))
