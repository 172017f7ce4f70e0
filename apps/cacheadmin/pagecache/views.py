"""What views say of their pages."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any, TypeVar, cast

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from cacheadmin.pagecache.ticket import NAME, Ticket

View = TypeVar("View", bound=Callable[..., Any])


def public(*marks: str, parameters: Collection[str] = ()) -> Callable[[View], View]:
    """Say that a view's page is the same for everybody: it may be kept whole.

    Such a view reads the address, what is stored, and nothing else of the request. Its answer is kept if
    it is a 200 that sets no cookie, looks at no session and names nothing but Accept-Encoding in Vary.

    Args:
        marks: what each page of the view shows; see ``depends_on``.
        parameters: names of those of the query that it reads. With any other one a page is made, but
            not kept.
    """

    def decorate(view: View) -> View:
        make = _async_view if iscoroutinefunction(view) else _view
        return cast(View, functools.wraps(view)(make(view, marks, parameters)))

    return decorate


def _view(
    view: Callable[..., Any], marks: Collection[str], parameters: Collection[str]
) -> Callable[..., Any]:
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        ticket = _admitted(request, parameters)
        if ticket is None:
            return _revalidated(view(request, *args, **kwargs))
        if ticket.wait():
            # What was found is sent in its place.
            return HttpResponse()
        ticket.depends_on(marks)
        return _taken(ticket, request, view(request, *args, **kwargs))

    return wrapped


def _async_view(
    view: Callable[..., Any], marks: Collection[str], parameters: Collection[str]
) -> Callable[..., Any]:
    async def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        ticket = _admitted(request, parameters)
        if ticket is None:
            return _revalidated(await view(request, *args, **kwargs))
        if await sync_to_async(ticket.wait, thread_sensitive=False)():
            return HttpResponse()
        ticket.depends_on(marks)
        return _taken(ticket, request, await view(request, *args, **kwargs))

    return wrapped


def depends_on(request: HttpRequest, *marks: str) -> None:
    """Say what the page being made shows, such as ``article:7``; ``forget`` takes the same words.

    Args:
        request: the view's.
        marks: a kind, a colon and which one of them. There should be few kinds.
    """
    ticket = _ticket(request)
    if ticket is not None:
        ticket.depends_on(marks)


def ends_at(request: HttpRequest, moment: datetime | None) -> None:
    """Say when the page being made is another one by itself.

    Args:
        request: the view's.
        moment: an aware date; ``None`` says nothing.
    """
    ticket = _ticket(request)
    if ticket is not None and moment is not None:
        ticket.ends_at(moment)


def _admitted(request: HttpRequest, parameters: Collection[str]) -> Ticket | None:
    ticket = _ticket(request)
    return ticket if ticket is not None and ticket.may_be_kept(request, parameters) else None


def _taken(ticket: Ticket, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    ticket.close_view(request, response)
    return _revalidated(response)


def _revalidated(response: HttpResponseBase) -> HttpResponseBase:
    """Have browsers ask each time, also where the page comes from the view."""
    if response.status_code == 200:
        response.headers.setdefault("Cache-Control", "no-cache")
    return response


def _ticket(request: HttpRequest) -> Ticket | None:
    found = request.META.get(NAME) or getattr(request, "scope", {}).get(NAME)
    return cast("Ticket | None", found)
