"""Testing a connection: the fields of the form in, what came of it out, as JSON or as a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from cacheadmin import limit
from cacheadmin.access import requires
from cacheadmin.connection import ConnectionTest, deep_test, simple_test
from cacheadmin.forms import ConnectionForm
from cacheadmin.space import Space
from cacheadmin.views.frame import alias_of, frame, space_of, wants_json

# Tests that one person may do in a minute: nobody needs more, and it makes a slow scanner of ports.
MOST_TESTS, WINDOW = 20, 60


@require_POST
@requires("test_cache")
@sensitive_post_parameters("password")
def test_redis(request: HttpRequest) -> HttpResponse:
    """Connect, log in, ask PING and INFO."""
    return _answer(request, lambda address, space: simple_test(address))


@require_POST
@requires("test_cache")
@sensitive_post_parameters("password")
def test_advanced(request: HttpRequest) -> HttpResponse:
    """The same, and then do with an entry what the cache does."""
    return _answer(
        request, lambda address, space: deep_test(address, space.namespace, space.selector.namespaces())
    )


def _answer(request: HttpRequest, test: Callable[[str, Space], ConnectionTest]) -> HttpResponse:
    wait = limit.retry_after("test", request.user.pk, most=MOST_TESTS, seconds=WINDOW)
    if wait:
        return _too_often(request, wait)
    space = space_of(alias_of(request))
    in_use = space.selector.address()
    form = ConnectionForm(request.POST, saved=in_use)
    if not any(name in request.POST for name in form.fields):
        # No form was sent along: what is tested is what is in use.
        return _show(request, test(in_use, space))
    if not form.is_valid():
        return _refuse(request, form)
    return _show(request, test(form.address(), space))


def _show(request: HttpRequest, result: ConnectionTest) -> HttpResponse:
    if wants_json(request):
        return JsonResponse(result.as_json())
    return _page(request, {"result": result})


def _refuse(request: HttpRequest, form: ConnectionForm) -> HttpResponse:
    """Say which fields are wrong; nothing was tried."""
    if not wants_json(request):
        return _page(request, {"form": form}, status=400)
    errors = {name: [str(one) for one in messages] for name, messages in form.errors.items()}
    words = " ".join(f"{form.fields[name].label}: {' '.join(said)}" for name, said in errors.items())
    return JsonResponse({**_nothing(words), "errors": errors}, status=400)


def _too_often(request: HttpRequest, wait: int) -> HttpResponse:
    words = too_often(wait)
    answer = (
        JsonResponse(_nothing(words), status=429)
        if wants_json(request)
        else _page(request, {"problem": words}, status=429)
    )
    answer.headers["Retry-After"] = str(wait)
    return answer


def too_often(wait: int) -> str:
    """Return what is said to somebody who has to wait so many seconds."""
    return ngettext(
        "That was too often in a short time. Try again in %(seconds)d second.",
        "That was too often in a short time. Try again in %(seconds)d seconds.",
        wait,
    ) % {"seconds": wait}


def _nothing(words: str) -> dict[str, Any]:
    """Return the JSON of a test that was not done, in the shape of one that was."""
    unknown = _("not available")
    step = {"name": "address", "ok": False, "ms": 0, "message": words}
    return {"ok": False, "engine": "redis", "version": unknown, "memory": unknown, "steps": [step]}


def _page(request: HttpRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    shown = {**frame(request, alias_of(request), _("Connection test")), **context}
    return render(request, "cacheadmin/connection_test.html", shown, status=status)
