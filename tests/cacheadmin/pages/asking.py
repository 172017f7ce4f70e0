"""Asks a WSGI or an ASGI application, as a server does."""

from __future__ import annotations

import asyncio
import gzip
import io
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

HOST = "pages.example"
Asker = Callable[..., "Answer"]


@dataclass(frozen=True)
class Answer:
    """What was sent: the headers by name in lower case, the body as it was sent."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def cache(self) -> str:
        """The part of Cache-Status that says what happened."""
        return self.headers["cache-status"].removeprefix("cacheadmin; ")

    @property
    def text(self) -> str:
        """The body, uncompressed."""
        body = gzip.decompress(self.body) if self.headers.get("content-encoding") == "gzip" else self.body
        return body.decode()


def wsgi(application: Any) -> Asker:
    """Return ``ask(path, method="GET", query="", **headers)`` for a WSGI application."""

    def ask(path: str, method: str = "GET", query: str = "", **headers: str) -> Answer:
        said: list[Any] = []
        environ = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": "server",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "198.51.100.7",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
            **_environment(headers),
        }
        result: Iterable[bytes] = application(environ, lambda *said_now: said.append(said_now))
        try:
            body = b"".join(result)
        finally:
            getattr(result, "close", int)()
        ((status, listed, *_more),) = said
        return Answer(int(status[:3]), {name.lower(): value for name, value in listed}, body)

    return ask


def _environment(headers: dict[str, str]) -> dict[str, str]:
    all_of_them = {"Host": HOST, "Accept_Encoding": "gzip", **headers}
    names = {name.upper(): value for name, value in all_of_them.items() if value}
    return {name if name == "CONTENT_LENGTH" else f"HTTP_{name}": value for name, value in names.items()}


def asgi(application: Any) -> Asker:
    """Return the same for an ASGI application."""

    def ask(path: str, method: str = "GET", query: str = "", **headers: str) -> Answer:
        all_of_them = {"Host": HOST, "Accept_Encoding": "gzip", **headers}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote_to_bytes(path).decode("utf-8", "replace"),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "client": ("198.51.100.7", 1234),
            "server": ("server", 80),
            "headers": [
                (name.replace("_", "-").lower().encode(), value.encode())
                for name, value in all_of_them.items()
                if value
            ],
        }
        return asyncio.run(_ask_async(application, scope))

    return ask


async def _ask_async(application: Any, scope: dict[str, Any]) -> Answer:
    sent: list[dict[str, Any]] = []
    asked: list[bool] = []
    ended = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if asked:
            await ended.wait()
            return {"type": "http.disconnect"}
        asked.append(True)
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await application(scope, receive, send)
    ended.set()
    start = sent[0]
    headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return Answer(start["status"], headers, body)
