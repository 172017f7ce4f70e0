"""Who may come to the wizard: whoever has shown the setup token, as long as the site is not installed."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from core.views import csrf_failure, wants_json
from installer import setup_token, state

Arguments = ParamSpec("Arguments")
View = Callable[Concatenate[HttpRequest, Arguments], HttpResponseBase]

FORM_FIELD = "csrfmiddlewaretoken"
FORM_HEADER = "X-CSRFToken"


class NoFiles(FileUploadHandler):
    """Files are no part of the setup: none is kept, in memory or on the disk."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Leave out what comes.

        Raises:
            SkipFile: always.
        """
        raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Nothing comes here."""

    def file_complete(self, file_size: int) -> None:
        """Nothing comes here."""


def before_installation(view: View[Arguments]) -> View[Arguments]:
    """Close *view* for good once the site is installed."""

    @wraps(view)
    def closed_afterwards(
        request: HttpRequest, /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> HttpResponseBase:
        if state.installed():
            raise Http404
        request.upload_handlers = [NoFiles(request)]
        return view(request, *args, **kwargs)

    return closed_afterwards


def for_the_owner(methods: Collection[str]) -> Callable[[View[Arguments]], View[Arguments]]:
    """Let only whoever has shown the setup token in, and only forms of our own pages.

    Django's own check of forms compares the address of the page with the one that the request came
    to, and behind a proxy that nobody has configured yet these differ. Here a form proves that it
    is ours by a token made of the cookie that only this browser has.
    """

    def decorate(view: View[Arguments]) -> View[Arguments]:
        @wraps(view)
        def guarded(
            request: HttpRequest, /, *args: Arguments.args, **kwargs: Arguments.kwargs
        ) -> HttpResponseBase:
            if not setup_token.is_remembered(request):
                return _stranger(request)
            if request.method == "POST" and not _is_our_form(request):
                return csrf_failure(request, "the form token of the setup is wrong")
            return view(request, *args, **kwargs)

        checked = before_installation(guarded)
        return csrf_exempt(never_cache(require_http_methods([*methods])(checked)))

    return decorate


def to_follow_progress(view: View[Arguments]) -> View[Arguments]:
    """Let whoever has shown the setup token look on to the very end, while the site becomes installed."""

    @wraps(view)
    def guarded(
        request: HttpRequest, /, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> HttpResponseBase:
        if setup_token.is_remembered(request):
            return view(request, *args, **kwargs)
        if state.installed():
            raise Http404
        return _stranger(request)

    return never_cache(require_http_methods(["GET", "HEAD"])(guarded))


def _is_our_form(request: HttpRequest) -> bool:
    sent = request.POST.get(FORM_FIELD, "") or request.headers.get(FORM_HEADER, "")
    return setup_token.form_matches(request, sent)


def _stranger(request: HttpRequest) -> HttpResponse:
    if request.method in {"GET", "HEAD"} and not wants_json(request):
        return redirect("installer:start")
    return csrf_failure(request, "the setup token was not shown")
