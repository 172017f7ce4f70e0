"""Warming up from the page: begun by a POST, gone on with in the background, watched by asking."""

from __future__ import annotations

import logging
import threading

from django.contrib import messages
from django.db import connections
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from cacheadmin import warmup, watcher
from cacheadmin.access import requires
from cacheadmin.views.frame import alias_of, back, no_group, wants_json
from cacheadmin.warm_progress import Progress
from cacheadmin.warmup import WarmUp

logger = logging.getLogger("cacheadmin")

# Seconds after which nothing new is begun: where a thread does it, and where the request itself has to.
BUDGET, BUDGET_INSIDE = 600.0, 20.0
# Seconds that an answer waits for the end, for people and for programs.
PATIENCE, PATIENCE_OF_PROGRAMS = 1.5, 10.0


@require_POST
@requires("warm_cache")
def warm(request: HttpRequest) -> HttpResponse:
    """Warm up the groups in ``group``, or ``all``; with ``wait=0`` a program does not wait for the end."""
    alias, names = alias_of(request), request.POST.getlist("group")
    if not names and not request.POST.get("all"):
        return _refuse(request, alias, _("Nothing was chosen. Say which groups to warm up, or all."))
    in_thread = watcher.threads_run() and not watcher.is_under_test()
    try:
        begun = WarmUp(
            None if request.POST.get("all") else names,
            alias=alias,
            budget=BUDGET if in_thread else BUDGET_INSIDE,
            actor=request.user,
            request=request,
        )
        begun.begin()
    except KeyError as error:
        return _refuse(request, alias, no_group(str(error.args[0])))
    except warmup.NothingToWarm:
        return _refuse(request, alias, _("Nothing can be warmed up: no warmer, or the cache is off."))
    except warmup.AlreadyRunning:
        return _refuse(request, alias, _("A warm-up is running already; its progress is shown."), status=409)
    if in_thread:
        _go_on_aside(begun, _patience(request))
    else:
        begun.go_on()
    return _answer(request, alias, begun.progress)


@require_safe
@requires("view_cache")
def progress(request: HttpRequest) -> HttpResponse:
    """Say how far the warm-up is, or how the last one ended."""
    found = warmup.progress(alias_of(request))
    return JsonResponse({"known": found is not None, **(found.as_json() if found else {"over": True})})


def _patience(request: HttpRequest) -> float:
    if not wants_json(request):
        return PATIENCE
    return 0.0 if request.POST.get("wait") == "0" else PATIENCE_OF_PROGRAMS


def _go_on_aside(begun: WarmUp, patience: float) -> None:
    thread = threading.Thread(target=_finish, args=(begun,), name="cacheadmin-warmup-asked", daemon=True)
    thread.start()
    thread.join(patience)


def _finish(begun: WarmUp) -> None:
    try:
        begun.go_on()
    except Exception:
        # Nobody waits for this thread any more: the log is where it can be told.
        logger.exception("The warm-up has failed.")
    finally:
        connections.close_all()


def _refuse(request: HttpRequest, alias: str, problem: str, status: int = 400) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"ok": False, "error": problem}, status=status)
    messages.error(request, problem)
    return back(alias, "warmup")


def _answer(request: HttpRequest, alias: str, now: Progress) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"ok": not now.errors, **now.as_json()}, status=200 if now.is_over else 202)
    if not now.is_over:
        messages.info(request, _("It goes on in the background. Reload this page to see how far it is."))
    elif now.errors:
        messages.warning(request, _("%(words)s; %(errors)s failed: the log says more.") % _in_words(now))
    else:
        messages.success(request, _("%(words)s.") % _in_words(now))
    return back(alias, "warmup")


def _in_words(now: Progress) -> dict[str, object]:
    words = ngettext(
        "%(done)d entry is warm, after %(seconds)s s",
        "%(done)d entries are warm, after %(seconds)s s",
        now.done,
    ) % {"done": now.done, "seconds": f"{now.seconds:.1f}"}
    return {"words": words, "errors": now.errors}
