"""What the owner sees before the site is installed."""

from __future__ import annotations

import re
import shlex
import sys

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from content import markdown
from core.limits import by_ip, usage
from core.views import too_many_requests
from installer import answers, setup_token, steps
from installer.access import before_installation, for_the_owner
from installer.forms.welcome import language_links, language_wanted, remember_language

# Wrong tokens, and right ones, of one address.
RATE = "10/m"
HEADING = re.compile(r"^#(#+) ", re.MULTILINE)


# No CSRF check: nobody gains by making an owner type the right token, and behind a proxy that
# nobody has configured yet the check would refuse the owner without a word.
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@before_installation
def start(request: HttpRequest) -> HttpResponse:
    """Ask for the setup token; whoever has shown it goes on where the setup was left.

    Template ``installer/token.html`` (status 403 after a wrong token):
        ``error``: words, empty at first; ``site_file``: path of the file that holds the token;
        ``command``: prints it; ``variable``: name of the environment variable that sets it;
        ``is_set_by_variable``: the variable counts, not the file; ``languages``: links that choose one.
        The form posts ``token``.
    """
    typed = request.POST.get("token") or request.GET.get("token")
    if typed is not None:
        return _try_token(request, typed)
    if language := language_wanted(request):
        response = redirect("installer:start")
        remember_language(response, language)
        return response
    if setup_token.is_remembered(request):
        return redirect("installer:step", steps.next_to_answer(answers.load()).slug)
    return _ask_for_token(request)


@for_the_owner(["GET", "HEAD"])
def redis_guide(request: HttpRequest) -> HttpResponse:
    """Show docs/redis-guide in the language of the page: a host may have no way to any other help.

    Template ``installer/guide.html``: ``title``, ``body`` (HTML).
    """
    if language := language_wanted(request):
        response = redirect("installer:redis_guide")
        remember_language(response, language)
        return response
    path = settings.BASE_DIR / "docs" / f"redis-guide.{get_language() or 'en'}.md"
    title, _newline, text = path.read_text(encoding="utf-8").removeprefix("# ").partition("\n")
    # The title is the page's own heading, so those of the text are one level higher.
    body = mark_safe(markdown.render(HEADING.sub(r"\1 ", text)))  # noqa: S308 (made safe by the renderer)
    return render(
        request, "installer/guide.html", {"title": title, "body": body, "languages": language_links()}
    )


def _try_token(request: HttpRequest, typed: str) -> HttpResponse:
    tries = usage(request, "setup-token", RATE, by_ip(request))
    if tries and tries.exceeded:
        return too_many_requests(request, tries.retry_after)
    if not setup_token.matches(typed):
        return _ask_for_token(request, _("That is not the token of this site."), status=403)
    response = redirect("installer:start")
    setup_token.remember(request, response)
    return response


def _ask_for_token(request: HttpRequest, error: str = "", status: int = 200) -> HttpResponse:
    context = {
        "error": error,
        "site_file": settings.SITE_FILE,
        "command": _command("setup_token"),
        "variable": setup_token.VARIABLE,
        "is_set_by_variable": setup_token.comes_from_environment(),
        "languages": language_links(),
    }
    return render(request, "installer/token.html", context, status=status)


def _command(name: str) -> str:
    return shlex.join([sys.executable, str(settings.BASE_DIR / "manage.py"), name])
