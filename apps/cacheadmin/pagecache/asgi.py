"""The page cache in front of an ASGI application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.core.signals import request_finished, request_started

from cacheadmin.pagecache.asked import Asked
from cacheadmin.pagecache.front import Front
from cacheadmin.pagecache.page import BYPASS, HIT, MISS, STATUS, Answer, Headers, Manners
from cacheadmin.pagecache.ticket import NAME, Ticket

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class AsyncPageCache(Front):
    """Answers anonymous requests for public pages in front of Django.

    ``application = AsyncPageCache(get_asgi_application())``
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; what is no HTTP goes through."""
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        rules, keeper, manners = self._parts or await sync_to_async(self._ready)()
        asked = rules.read(_environment(scope))
        if asked is None:
            await self.application(scope, receive, _marked(send, BYPASS))
            return
        is_due = self._is_due()
        if is_due:
            await request_started.asend(sender=type(self), scope=scope)
        key = keeper.key(asked)
        # In a thread of its own: an engine may have to wait for the network.
        page = keeper.find_near(key) or await sync_to_async(keeper.find_far, thread_sensitive=False)(key)
        if page is None:
            ticket = await sync_to_async(Ticket, thread_sensitive=False)(keeper, asked)
            await self._make(scope, receive, send, ticket, asked, manners)
            return
        await _send(send, manners.answer(page, asked, HIT))
        if is_due:
            await request_finished.asend(sender=type(self))

    async def _make(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        ticket: Ticket,
        asked: Asked,
        manners: Manners,
    ) -> None:
        held = _Held(ticket, _marked(send, MISS))
        try:
            await self.application({**scope, NAME: ticket}, receive, held)
            page, how = ticket.found, HIT
            if page is None and held.is_whole:
                page = await sync_to_async(ticket.keep, thread_sensitive=False)(held.headers, held.body)
                how = MISS
        finally:
            await sync_to_async(ticket.end, thread_sensitive=False)()
        if page is not None:
            await _send(send, manners.answer(page, asked, how))


class _Held:
    """Holds back the messages of an answer that may be a page, and passes on those of any other."""

    def __init__(self, ticket: Ticket, send: Send) -> None:
        self._ticket = ticket
        self._send = send
        self._start: Message | None = None
        self._parts: list[bytes] = []
        self.headers: Headers = []
        self.is_whole = False

    @property
    def body(self) -> bytes:
        """The body so far."""
        return b"".join(self._parts)

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.headers = [
                (name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"]
            ]
            if self._ticket.found is not None or self._ticket.is_wanted(message["status"], self.headers):
                self._start = message
                return
        elif self._start is not None and message["type"] == "http.response.body":
            self._parts.append(message.get("body", b""))
            self.is_whole = not message.get("more_body", False)
            return
        await self._send(message)


def _marked(send: Send, how: str) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), (STATUS.lower().encode(), how.encode())]
            message = {**message, "headers": headers}
        await send(message)

    return sending


async def _send(send: Send, answer: Answer) -> None:
    status, headers, body = answer
    encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


def _environment(scope: Scope) -> dict[str, Any]:
    """Return of a request what the rules look at, in the words of WSGI."""
    root = scope.get("root_path", "")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        # The path of ASGI holds that of the application.
        "PATH_INFO": scope["path"].encode("utf-8", "surrogateescape").decode("latin-1"),
        "QUERY_STRING": scope.get("query_string", b"").decode("latin-1"),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        # None over a unix socket.
        "REMOTE_ADDR": (scope.get("client") or ("",))[0],
    }
    if root and not scope["path"].startswith(root):
        environ["SCRIPT_NAME"] = root.encode("utf-8", "surrogateescape").decode("latin-1")
    for name, value in scope["headers"]:
        key = name.decode("latin-1").upper().replace("-", "_")
        key = key if key == "CONTENT_LENGTH" else f"HTTP_{key}"
        said = value.decode("latin-1")
        known = environ.get(key)
        environ[key] = said if known is None else f"{known}{'; ' if key == 'HTTP_COOKIE' else ','}{said}"
    return environ
