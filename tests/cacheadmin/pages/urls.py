"""Pages that differ in what a cache has to know of them; each says how often it was made."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.middleware.csrf import get_token
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone

from cacheadmin import pagecache

made: Counter[str] = Counter()
# What a page does while it is being made; tests put something here.
meanwhile: dict[str, Callable[[], object]] = {}
_lock = threading.Lock()

Maker = Callable[[HttpRequest, HttpResponse], HttpResponseBase]

FILLING = "words that repeat themselves, " * 40


def _text(request: HttpRequest, name: str) -> str:
    with _lock:
        made[name] += 1
        number = made[name]
    meanwhile.get(name, int)()
    return f"{name} {number} {request.scheme}://{request.get_host()}{request.get_full_path()} {FILLING}"


@pagecache.public(parameters=("page", "order"))
def thing(request: HttpRequest, name: str) -> HttpResponse:
    pagecache.depends_on(request, f"thing:{name}", "list:all")
    return HttpResponse(_text(request, name))


@pagecache.public("list:all")
async def in_async(request: HttpRequest) -> HttpResponse:
    return HttpResponse(_text(request, "async"))


@pagecache.public()
def tiny(request: HttpRequest) -> HttpResponse:
    made["tiny"] += 1
    return HttpResponse("tiny")


@pagecache.public()
def ending(request: HttpRequest, seconds: int) -> HttpResponse:
    pagecache.ends_at(request, None)
    pagecache.ends_at(request, timezone.now() + timedelta(seconds=seconds))
    pagecache.ends_at(request, timezone.now() + timedelta(days=3))
    return HttpResponse(_text(request, "ending"))


def unmarked(request: HttpRequest) -> HttpResponse:
    pagecache.depends_on(request, "thing:a")
    return HttpResponse(_text(request, "unmarked"))


@pagecache.public()
def personal(request: HttpRequest, what: str) -> HttpResponseBase:
    """A public view that does what none should."""
    return _PERSONAL[what](request, HttpResponse(_text(request, what)))


def _missing(_request: HttpRequest, _response: HttpResponse) -> HttpResponseBase:
    raise Http404


def _broken(_request: HttpRequest, _response: HttpResponse) -> HttpResponseBase:
    raise RuntimeError("on purpose")


def _cookie(_request: HttpRequest, response: HttpResponse) -> HttpResponseBase:
    response.set_cookie("a", "b")
    return response


def _session(request: HttpRequest, response: HttpResponse) -> HttpResponseBase:
    request.session.get("a")
    return response


def _csrf(request: HttpRequest, response: HttpResponse) -> HttpResponseBase:
    response.content = get_token(request).encode() + response.content
    return response


def _message(request: HttpRequest, response: HttpResponse) -> HttpResponseBase:
    messages.info(request, "for you")
    return response


def _with(name: str, value: str) -> Maker:
    def make(_request: HttpRequest, response: HttpResponse) -> HttpResponseBase:
        response.headers[name] = value
        return response

    return make


_PERSONAL: dict[str, Maker] = {
    "missing": _missing,
    "broken": _broken,
    "elsewhere": lambda _request, _response: redirect("/things/a/"),
    "stream": lambda _request, response: StreamingHttpResponse(_pieces(response.text)),
    "file": lambda _request, _response: FileResponse(open(__file__, "rb")),  # noqa: SIM115 (it closes it)
    "cookie": _cookie,
    "session": _session,
    "csrf": _csrf,
    "message": _message,
    "private": _with("Cache-Control", "private"),
    "no-store": _with("Cache-Control", "no-store"),
    "vary": _with("Vary", "Accept-Language"),
    "compressed": _with("Content-Encoding", "br"),
}


def _pieces(text: str) -> Iterator[str]:
    yield text


urlpatterns = [
    path("things/<str:name>/", thing),
    path("async/", in_async),
    path("tiny/", tiny),
    path("ending/<int:seconds>/", ending),
    path("unmarked/", unmarked),
    path("personal/<str:what>/", personal),
    path("static/a.css", unmarked),
]


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponse("nothing here", status=404)


def handler500(request: HttpRequest) -> HttpResponse:
    return HttpResponse("broken", status=500)


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponse("refused", status=400)
