"""The buttons of the wizard that test something in place. Each is a POST, limited and short.

With ``X-Fragment`` they answer with the part of the page that shows the result, to programs with
JSON, and otherwise with the whole page of the step, for browsers without a script.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, cast

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from core.limits import limited
from core.views import wants_json
from installer import answers, measuring, plan, redis_found, steps, wizard
from installer.access import for_the_owner
from installer.forms.administrator import administrator_only
from installer.forms.base import StepForm
from installer.forms.cache import CacheForm
from installer.steps import Step

# What only templates can read.
FOR_PAGES = frozenset({"result", "form", "deep", "figures", "is_measured"})
MEASURES_RATE = "6/m"
PASSWORDS_RATE = "120/m"


@for_the_owner(["POST"])
@limited(*wizard.TESTS)
def test_port(request: HttpRequest) -> HttpResponse:
    """Look for a Redis at the odd port or socket of step 2.

    JSON: ``ok``, ``message``. Template ``installer/port_result.html``: the same.
    """
    found, form = _open_step(request, "requirements")
    if found is None:
        return redirect("installer:start")
    data = {**request.POST.dict(), "custom": "on"}
    form = found.form(found.slug, request, answers.load(), data)
    told = _port(form.cleaned_data) if form.is_valid() else {"ok": False, "message": _faults(form)}
    return _answer(request, found, form, "installer/port_result.html", told)


def _faults(form: StepForm) -> str:
    return " ".join(str(words) for errors in form.errors.values() for words in errors)


def _port(values: dict[str, Any]) -> dict[str, Any]:
    best = redis_found.look_at(redis_found.named_places(values)).best
    if best is None:
        return {"ok": False, "message": _("No Redis — continuing with files")}
    if values.get("socket") and best.address.startswith("unix:"):
        message = _("Redis available on the socket %(socket)s") % {"socket": values["socket"]}
    else:
        message = _("Redis available on port %(port)s") % {"port": values["port"]}
    if not best.is_usable:
        message = f"{message} ({best.verdict.label})"
    return {"ok": True, "message": message}


@for_the_owner(["POST"])
@limited(*wizard.TESTS)
def test_redis(request: HttpRequest) -> HttpResponse:
    """Connect to the Redis that was typed in step 6. JSON as the cache page's; see :func:`_test`."""
    return _test(request, deep=False)


@for_the_owner(["POST"])
@limited(*wizard.TESTS)
def test_advanced(request: HttpRequest) -> HttpResponse:
    """Do with it what the cache will do. JSON as the cache page's; see :func:`_test`."""
    return _test(request, deep=True)


@for_the_owner(["POST"])
@limited("setup-measure", MEASURES_RATE)
def measure(request: HttpRequest) -> HttpResponse:
    """Measure Redis and files on this host; takes some seconds.

    JSON: ``ok``; ``lines`` (each ``engine``, ``read``, ``write`` in microseconds), ``verdict``, ``winner``.
    Template ``installer/figures.html``: ``figures``, None where nothing could be measured.
    """
    found, form = _open_step(request, "cache")
    if found is None:
        return redirect("installer:start")
    form = cast(CacheForm, form)
    form.is_valid()
    answers.keep(found.slug, form.draft())
    figures = measuring.measure(form.fixed or form.place.address()) if form.may_be_tried else None
    told = {"ok": figures is not None, **(asdict(figures) if figures else {})}
    told |= {"figures": figures, "is_measured": True}
    return _answer(request, found, form, "installer/figures.html", told)


def _test(request: HttpRequest, *, deep: bool) -> HttpResponse:
    """Test, and keep what was typed. Template ``installer/redis_result.html``: ``result``, ``form``."""
    found, form = _open_step(request, "cache")
    if found is None:
        return redirect("installer:start")
    form = cast(CacheForm, form)
    result = form.test(deep=deep)
    answers.keep(found.slug, form.draft())
    told: dict[str, Any] = {"ok": False, "engine": "redis", "version": "", "memory": "", "steps": []}
    if result is None:
        told["errors"] = form.place.errors
    else:
        told = result.as_json()
    told |= {"result": result, "form": form, "deep": deep}
    return _answer(request, found, form, "installer/redis_result.html", told)


@for_the_owner(["POST"])
@limited("setup-password", PASSWORDS_RATE)
def check_password(request: HttpRequest) -> HttpResponse:
    """Ask each of Django's validators about a password, in JSON: ``score`` (0 to 4), ``messages``."""
    typed = {name: request.POST.get(name, "")[:150] for name in ("admin_username", "admin_email")}
    password = request.POST.get("admin_password", "")[:128]
    user = plan.administrator(administrator_only(typed))
    try:
        validate_password(password, user)
        messages: list[str] = []
    except ValidationError as error:
        messages = error.messages
    return JsonResponse({"score": _score(password, bool(messages)), "messages": messages})


def _score(password: str, is_refused: bool) -> int:
    """Whatever is refused is weak; what is accepted is the better the longer it is."""
    if not password:
        return 0
    if is_refused:
        return 1
    return 2 + (len(password) >= 12) + (len(password) >= 16)


def _open_step(request: HttpRequest, slug: str) -> tuple[Step | None, StepForm]:
    known = answers.load()
    found = steps.find(slug)
    assert found is not None  # noqa: S101 (the slug is one of ours)
    return (found if steps.is_open(known, found) else None), wizard.form_of(request, found, known)


def _answer(
    request: HttpRequest, found: Step, form: StepForm, template: str, told: dict[str, Any]
) -> HttpResponse:
    if request.headers.get("X-Fragment"):
        return render(request, template, told)
    if wants_json(request):
        return JsonResponse({name: value for name, value in told.items() if name not in FOR_PAGES})
    return wizard.page(request, found, form, answers.load(), tested=told)
