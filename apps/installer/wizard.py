"""The pages of the wizard: one view for all steps, one for the last."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from core.limits import by_ip, usage
from core.views import too_many_requests
from installer import (
    answers,
    installing,
    progress,
    redis_found,
    requirements,
    restart,
    setup_token,
    site_file,
    state,
    steps,
)
from installer.access import for_the_owner, to_follow_progress
from installer.answers import Answer, Answers, AnswersNotKept
from installer.forms.base import StepForm
from installer.forms.cache import CacheForm, cache_in_words
from installer.forms.database import database_in_words, is_reused
from installer.forms.welcome import language_links, language_wanted, remember_language
from installer.progress import Progress
from installer.setup_plan import plan_of
from installer.steps import Step

# All that tries an address on behalf of somebody counts together.
TESTS = ("setup-test", "30/m")


@for_the_owner(["GET", "HEAD", "POST"])
def step(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask for one step, and go on to the next one when its answer is good.

    Template ``installer/<slug>.html``:
        ``step``, ``places`` (the progress bar, see :class:`installer.steps.Place`), ``back`` (the slug of
        the step before, or None), ``form``, and what :func:`more` adds. The form posts its fields; a
        button ``back`` goes back and keeps what was typed, ``skip`` leaves the cache to files.
    """
    found = steps.find(slug)
    if found is None:
        raise Http404
    if language := language_wanted(request):
        response = redirect("installer:step", slug)
        remember_language(response, language)
        return response
    known = answers.load()
    if not steps.is_open(known, found):
        return redirect("installer:step", steps.next_to_answer(known).slug)
    form = form_of(request, found, known)
    try:
        return (
            _post(request, found, form, known)
            if request.method == "POST"
            else page(request, found, form, known)
        )
    except AnswersNotKept as error:
        return render(request, "installer/not_kept.html", {"reason": str(error)}, status=503)


def form_of(request: HttpRequest, found: Step, known: Answers) -> StepForm:
    """Return the form of a step, with what was posted if anything was."""
    return found.form(found.slug, request, known, request.POST if request.method == "POST" else None)


def page(
    request: HttpRequest, found: Step, form: StepForm, known: Answers, **more_context: Any
) -> HttpResponse:
    """Show a step."""
    back = steps.before(known, found)
    context = {
        "step": found,
        "places": steps.places(known, found),
        "back": back.slug if back else None,
        "form": form,
        "languages": language_links(),
        "csrf_token": setup_token.form_token(request),
        **more(request, found, form, known),
        **more_context,
    }
    return render(request, found.template, context)


def more(request: HttpRequest, found: Step, form: StepForm, known: Answers) -> dict[str, Any]:
    """What the pages of some steps show beside their form."""
    if found.slug == "requirements":
        seen = [*requirements.of_host(), *requirements.of_request(request)]
        return {"requirements": seen, "as_text": requirements.as_text(seen), "redis": redis_found.look(known)}
    if found.slug == "summary":
        return {
            "plan": plan_of(known),
            "is_reused": is_reused(known),
            "database": database_in_words(known),
            "cache": cache_in_words(known),
            "progress": progress.read(),
        }
    return {}


def _post(request: HttpRequest, found: Step, form: StepForm, known: Answers) -> HttpResponse:
    if "back" in request.POST:
        answers.keep(found.slug, form.draft())
        back = steps.before(known, found) or found
        return redirect("installer:step", back.slug)
    if "skip" in request.POST and isinstance(form, CacheForm):
        return _go_on(found, form.skipped(), form)
    if found.slug == "summary":
        return _install(request, found, form, known)
    if found.tries_addresses:
        tries = usage(request, *TESTS, by_ip(request))
        if tries and tries.exceeded:
            return too_many_requests(request, tries.retry_after)
    if form.is_valid() and form.try_out():
        return _go_on(found, form.answer(), form)
    answers.keep(found.slug, form.draft())
    return page(request, found, form, known)


def _go_on(found: Step, answer: Answer, form: StepForm) -> HttpResponse:
    answers.keep(found.slug, answer)
    response = redirect("installer:step", steps.after(answers.load(), found).slug)
    form.dress(response)
    return response


# --- The last step ---


def _install(request: HttpRequest, found: Step, form: StepForm, known: Answers) -> HttpResponse:
    plan = plan_of(known)
    failure = installing.install(known)
    if failure:
        so_far = Progress(progress.read().actions, failure=failure)
        return page(request, found, form, known, progress=so_far)
    written = site_file.read(settings.SITE_FILE)
    is_renewed = restart.renew()
    state.forget()
    context = {
        "generation": written.get("generation", 0),
        "address": str(written.get("site_url") or settings.CONFIGURATION.site_url),
        "plan": plan,
        "is_reused": is_reused(known),
        "is_secure": request.is_secure(),
        "is_mail_set": bool(settings.CONFIGURATION.email_url),
        "is_renewed": is_renewed,
        "commands": restart.commands(),
    }
    return render(request, "installer/done.html", context)


@to_follow_progress
def how_far(request: HttpRequest) -> HttpResponse:
    """Say in JSON how far the installation is: ``actions``, ``count``, ``failure``, ``running``."""
    found = progress.read()
    return JsonResponse(
        {
            "actions": found.actions,
            "count": found.count,
            "failure": found.failure,
            "running": installing.is_running(),
            "words": _("Done"),
        }
    )
