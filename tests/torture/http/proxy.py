"""Stands between the site and its Redis, and can fall silent: connections stay open, and nothing arrives."""

from __future__ import annotations

import socket
import threading
from types import TracebackType

from tests.servers.process import free_port


class Proxy:
    """Hands on every byte, or none at all.

    Args:
        port: of the server behind it, on the loopback address.
    """

    def __init__(self, port: int) -> None:
        self.behind = port
        self.port = free_port()
        self._speaks = threading.Event()
        self._speaks.set()
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._speaks.set()
        for each in [self._listener, *self._open]:
            each.close()

    def url(self) -> str:
        """The address for a client."""
        return f"redis://127.0.0.1:{self.port}/0"

    def fall_silent(self) -> None:
        """Keep to itself what comes, as a firewall does that swallows packets."""
        self._speaks.clear()

    def speak(self) -> None:
        """Hand on again; what was kept meanwhile, too."""
        self._speaks.set()

    def _accept(self) -> None:
        while True:
            try:
                ours, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._join, args=(ours,), daemon=True).start()

    def _join(self, ours: socket.socket) -> None:
        self._speaks.wait()
        try:
            theirs = socket.create_connection(("127.0.0.1", self.behind))
        except OSError:
            ours.close()
            return
        self._open += [ours, theirs]
        threading.Thread(target=self._pump, args=(theirs, ours), daemon=True).start()
        self._pump(ours, theirs)

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                self._speaks.wait()
                target.sendall(data)
        except OSError:
            # One of the two ends has hung up; so does the other.
            target.close()
        finally:
            source.close()
            target.close()
