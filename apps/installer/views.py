"""What the owner sees before the site is installed."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from core.limits import by_ip, usage
from core.views import too_many_requests
from installer import setup_token, state

# Wrong tokens, and right ones, of one address.
RATE = "10/m"

View = Callable[[HttpRequest], HttpResponse]


def before_installation(view: View) -> View:
    """Close *view* for good once the site is installed."""

    @wraps(view)
    def closed_afterwards(request: HttpRequest) -> HttpResponse:
        if state.installed():
            raise Http404
        return view(request)

    return closed_afterwards


# No CSRF check: nobody gains by making an owner type the right token, and behind a proxy that
# nobody has configured yet the check would refuse the owner without a word.
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@before_installation
def start(request: HttpRequest) -> HttpResponse:
    """Ask for the setup token; whoever has shown it is told how to install.

    Template ``installer/token.html`` (status 403 after a wrong token):
        ``error``: words, empty at first; ``site_file``: path of the file that holds the token;
        ``command``: prints it; ``variable``: name of the environment variable that sets it;
        ``is_set_by_variable``: the variable counts, not the file. The form posts ``token``.

    Template ``installer/how_to.html``:
        ``directory``: of the program; ``command``: the installing command, several lines;
        ``host``: the name this site was reached by; ``is_secure``: over https;
        ``address``: scheme and host as seen.
    """
    typed = request.POST.get("token") or request.GET.get("token")
    if typed is not None:
        return _try_token(request, typed)
    return _how_to(request) if setup_token.is_remembered(request) else _ask_for_token(request)


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
    }
    return render(request, "installer/token.html", context, status=status)


def _how_to(request: HttpRequest) -> HttpResponse:
    address = f"{request.scheme}://{request.get_host()}"
    options = ["--site-name 'My site'", f"--language {get_language()}", "--admin-username admin"]
    options += ["--admin-email you@example.org", f"--site-url {address}"]
    context = {
        "directory": settings.BASE_DIR,
        "command": " \\\n  ".join([_command("install"), *options]),
        "host": request.get_host(),
        "is_secure": request.is_secure(),
        "address": address,
    }
    return render(request, "installer/how_to.html", context)


def _command(name: str) -> str:
    return shlex.join([sys.executable, str(settings.BASE_DIR / "manage.py"), name])
