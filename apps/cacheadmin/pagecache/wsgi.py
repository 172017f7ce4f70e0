"""The page cache in front of a WSGI application."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.core.signals import request_finished, request_started

from cacheadmin.pagecache.asked import Asked
from cacheadmin.pagecache.front import STATUS_LINES, Front
from cacheadmin.pagecache.page import BYPASS, HIT, MISS, STATUS, Headers, Manners
from cacheadmin.pagecache.ticket import NAME, Ticket

Environment = dict[str, Any]
StartResponse = Callable[..., Any]


class PageCache(Front):
    """Answers anonymous requests for public pages in front of Django.

    ``application = PageCache(get_wsgi_application())``
    """

    def __call__(self, environ: Environment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        rules, keeper, manners = self._parts or self._ready()
        asked = rules.read(environ)
        if asked is None:
            return self.application(environ, _Marked(start_response, BYPASS))  # type: ignore[no-any-return]
        # At most once a second a hit is a request like others: settings are followed, connections aged.
        is_due = self._is_due()
        if is_due:
            request_started.send(sender=type(self), environ=environ)
        page = keeper.find(asked)
        if page is None:
            return self._make(environ, start_response, Ticket(keeper, asked), asked, manners)
        status, headers, body = manners.answer(page, asked, HIT)
        start_response(STATUS_LINES[status], headers)
        return _Body(body, _request_ends) if is_due else [body]

    def _make(
        self,
        environ: Environment,
        start_response: StartResponse,
        ticket: Ticket,
        asked: Asked,
        manners: Manners,
    ) -> Iterable[bytes]:
        environ[NAME] = ticket
        held = _Held(start_response)
        try:
            result = self.application(environ, held)
            page, how = ticket.found, HIT
            if page is None and ticket.is_wanted(held.status, held.headers):
                page, how = ticket.keep(held.headers, b"".join(result)), MISS
        finally:
            ticket.end()
        close = getattr(result, "close", _nothing)
        if page is None:
            held.release()
            return result  # type: ignore[no-any-return]
        status, headers, body = manners.answer(page, asked, how)
        start_response(STATUS_LINES[status], headers)
        return _Body(body, close)


class _Marked:
    """Calls the server's ``start_response`` with one header more."""

    def __init__(self, start_response: StartResponse, how: str) -> None:
        self._start_response = start_response
        self._how = how

    def __call__(self, status: str, headers: Headers, *more: Any) -> Any:
        return self._start_response(status, [*headers, (STATUS, self._how)], *more)


class _Held:
    """Holds back what the application says until it is known whether it is a page."""

    def __init__(self, start_response: StartResponse) -> None:
        self._pass_on = _Marked(start_response, MISS)
        self._said: tuple[Any, ...] = ()
        self._is_released = False
        self._written: Any = None

    @property
    def status(self) -> int:
        """The status; 0 if none was said, or it has been passed on."""
        return int(self._said[0].split(" ", 1)[0]) if self._said and not self._is_released else 0

    @property
    def headers(self) -> Headers:
        """The headers."""
        return list(self._said[1]) if self._said else []

    def __call__(self, status: str, headers: Headers, *more: Any) -> Any:
        if self._is_released:
            return self._pass_on(status, headers, *more)
        self._said = (status, headers, *more)
        return self._write

    def release(self) -> Any:
        """Pass on what was said; what is said from now on is passed on at once."""
        if not self._is_released:
            self._is_released = True
            self._written = self._pass_on(*self._said) if self._said else None
        return self._written

    def _write(self, data: bytes) -> Any:
        # The old way to send a body. Django never uses it; what lies between may.
        return self.release()(data)


class _Body:
    """A body of one piece, and what is done when it has been sent."""

    def __init__(self, body: bytes, close: Callable[[], None]) -> None:
        self._body = body
        self.close = close

    def __iter__(self) -> Iterator[bytes]:
        return iter((self._body,))

    def __len__(self) -> int:
        return 1


def _request_ends() -> None:
    request_finished.send(sender=PageCache)


def _nothing() -> None:
    return None
