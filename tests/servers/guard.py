"""Start a server that never outlives the tests, as another user if need be.

Run as a script: ``guard.py <pid of the starter> <user, or -> <signal> <command> <arguments…>``.
It asks the kernel to send *signal* when the starter dies, however it dies (``kill -9`` included),
and then becomes the command. Elsewhere than on Linux only the orderly end stops the server.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Become the command that *arguments* name."""
    starter, user, number, *command = arguments
    libc = ctypes.CDLL(None)
    if user != "-":
        entry = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    # After the change of user, which would clear the request.
    prctl = getattr(libc, "prctl", None)
    if prctl is not None:
        prctl(PR_SET_PDEATHSIG, int(number))
        if os.getppid() != int(starter):
            sys.exit("The tests ended before their server began.")
    # What the starter ignores (Ctrl-C under nohup, …) the server must not.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
