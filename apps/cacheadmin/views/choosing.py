"""Choosing the engine and the address of Redis: the consequence first, then a deep test, then the change."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from cacheadmin import conf, history, limit, state
from cacheadmin.access import requires
from cacheadmin.connection import ConnectionTest
from cacheadmin.forms import ConnectionForm
from cacheadmin.report import report
from cacheadmin.verdicts import ENGINE_LABELS, Verdict
from cacheadmin.views.connection import MOST_TESTS, WINDOW, too_often
from cacheadmin.views.emptying import emptying
from cacheadmin.views.frame import address, alias_of, back, frame, space_of
from cacheadmin.views.lifetimes import not_saved


@require_POST
@requires("configure_cache")
def choose(request: HttpRequest) -> HttpResponse:
    """Use ``engine``: asked first, ``confirm=1`` does it, ``insist=1`` even if its deep test fails."""
    alias, engine = alias_of(request), request.POST.get("engine", "")
    if engine not in ENGINE_LABELS:
        messages.error(request, _("There is no such engine; nothing was changed."))
        return back(alias, "engine")
    if request.POST.get("confirm") != "1":
        return _ask(request, alias, engine)
    try:
        return _activate(request, alias, engine, saved_location(alias), is_tested=engine == "redis")
    except history.AddressRefused as error:
        return _ask(request, alias, engine, test=error.test)


@require_POST
@requires("configure_cache")
@sensitive_post_parameters("password")
def save_address(request: HttpRequest) -> HttpResponse:
    """Save where Redis is, once it has passed the deep test; ``insist=1`` saves it even if it has not."""
    alias = alias_of(request)
    selector = space_of(alias).selector
    if "LOCATION" in conf.get("ENVIRONMENT"):
        messages.error(request, _("The environment says where Redis is; nothing was changed."))
        return back(alias, "redis")
    form = ConnectionForm(request.POST, saved=selector.address())
    if not any(name in request.POST for name in form.fields):
        messages.error(request, _("No address was given; nothing was changed."))
        return back(alias, "redis")
    if not form.is_valid():
        return _show_form(request, alias, form, status=400)
    try:
        return _activate(request, alias, selector.plan.choice, form.address(), is_tested=True)
    except history.AddressRefused as error:
        return _show_form(request, alias, form, test=error.test)


def _activate(
    request: HttpRequest, alias: str, engine: str, location: str, *, is_tested: bool
) -> HttpResponse:
    """Save a choice, once its address has passed the deep test or the owner insists.

    Raises:
        history.AddressRefused: the test has failed; nothing was changed.
    """
    try:
        if is_tested and not request.POST.get("insist"):
            if _is_too_often(request):
                return back(alias)
            history.refuse_dead_address(alias, location, actor=request.user, request=request)
        state.save_choice(
            alias,
            engine=engine,
            location=location,
            actor=request.user,
            request=request,
            # Whoever insists on what does not work yet wants to keep it.
            watched=not request.POST.get("insist"),
        )
    except (DatabaseError, ImproperlyConfigured) as error:
        messages.error(request, not_saved(error))
    else:
        _tell(request, alias)
    return back(alias)


def _is_too_often(request: HttpRequest) -> bool:
    """Count a test, and say so where somebody makes too many: each knocks at an address of their choice."""
    wait = limit.retry_after("test", request.user.pk, most=MOST_TESTS, seconds=WINDOW)
    if wait:
        messages.error(request, too_often(wait))
    return bool(wait)


def saved_location(alias: str) -> str:
    """Return the saved address of Redis that governs *alias*; empty where the configured one does."""
    place = conf.location(alias)
    return next(
        (saved.location for name, saved in state.snapshot().items() if conf.has_location(name, place)), ""
    )


def loses_sessions(alias: str) -> bool:
    """Whether a change of engine logs people out, as their sessions are kept in this cache alone."""
    return settings.SESSION_ENGINE == "django.contrib.sessions.backends.cache" and (
        settings.SESSION_CACHE_ALIAS in conf.together_with(alias)
    )


def _ask(request: HttpRequest, alias: str, engine: str, test: ConnectionTest | None = None) -> HttpResponse:
    expected = _expected(alias, engine)
    context = {
        **frame(request, alias, _("Change the engine")),
        "action": reverse("cacheadmin:engine"),
        "cancel": address(alias, "engine"),
        "fields": [("engine", engine)],
        "engine": engine,
        "engine_label": ENGINE_LABELS[engine],
        "expected": expected,
        "expected_label": ENGINE_LABELS[expected],
        "status": space_of(alias).selector.status(),
        "loses_sessions": loses_sessions(alias),
        "test": test,
        **emptying(alias).context(),
    }
    return render(request, "cacheadmin/confirm_engine.html", context)


def _expected(alias: str, engine: str) -> str:
    """Return which engine would be live here and now."""
    if engine != "auto":
        return engine
    tried = report(alias).tried
    return next((one.engine for one in tried if one.verdict is Verdict.FOUND), "memory")


def _show_form(
    request: HttpRequest,
    alias: str,
    form: ConnectionForm,
    test: ConnectionTest | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {**frame(request, alias, _("Where Redis is")), "form": form, "test": test}
    return render(request, "cacheadmin/address.html", context, status=status)


def _tell(request: HttpRequest, alias: str) -> None:
    status = space_of(alias).selector.status()
    if status.is_degraded:
        messages.warning(
            request,
            _("Saved. %(choice)s cannot be used yet (%(why)s). Live meanwhile: %(engine)s.")
            % {
                "choice": status.choice_label,
                "why": status.reason.label,
                "engine": status.engine_label,
            },
        )
        return
    messages.success(
        request,
        _("Saved. Live now: %(engine)s. All workers follow within two seconds.")
        % {"engine": status.engine_label},
    )
