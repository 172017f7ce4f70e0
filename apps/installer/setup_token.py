"""The secret that proves one is the owner, before there is an account to log in to."""

from __future__ import annotations

import os
import secrets

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare, salted_hmac

from installer import site_file

COOKIE = "setup"
VARIABLE = "SETUP_TOKEN"
LENGTH = 24  # bytes
_LIFETIME = 24 * 3600  # seconds


def current() -> str:
    """Return the token; an empty string where there is none, and then nothing matches it."""
    return str(settings.SETUP_TOKEN)


def new() -> str:
    """Return a token that nobody guesses."""
    return secrets.token_urlsafe(LENGTH)


def ensure() -> str:
    """Return the token; where there is none yet, make one and keep it in ``site.toml``.

    Raises:
        installer.site_file.SiteFileError: it had to be kept and could not.
    """
    token = current() or str(site_file.read(settings.SITE_FILE).get("setup_token", ""))
    if not token:
        token = new()
        site_file.update(settings.SITE_FILE, setup_token=token)
    return token


def comes_from_environment() -> bool:
    """Return whether the token is the owner's own, named in the environment."""
    return bool(os.environ.get(VARIABLE))


def matches(typed: str) -> bool:
    """Compare what somebody typed with the token, in a time that does not depend on either."""
    return bool(current()) and constant_time_compare(typed.strip(), current())


def remember(request: HttpRequest, response: HttpResponse) -> None:
    """Let this browser through from now on, so that the token leaves the address line."""
    response.set_signed_cookie(
        COOKIE,
        # The first word makes each browser's cookie, and so the tokens of its forms, its own.
        f"{secrets.token_urlsafe(12)}.{_proof()}",
        max_age=_LIFETIME,
        path=request.path,
        secure=request.is_secure(),
        httponly=True,
        samesite="Lax",
    )


def is_remembered(request: HttpRequest) -> bool:
    """Return whether this browser has shown the token of today before."""
    shown = request.get_signed_cookie(COOKIE, default="", max_age=_LIFETIME) or ""
    return bool(current()) and constant_time_compare(shown.rpartition(".")[2], _proof())


def form_token(request: HttpRequest) -> str:
    """Return what a form carries to prove that it is on a page of ours, shown to this browser."""
    return salted_hmac("installer.form", request.COOKIES.get(COOKIE, "")).hexdigest()


def form_matches(request: HttpRequest, sent: str) -> bool:
    """Compare what came with a form with the token of this browser."""
    return constant_time_compare(sent, form_token(request))


def _proof() -> str:
    # Of the token, not the token: cookies are read by more programs than address lines.
    return salted_hmac("installer.setup_token", current()).hexdigest()
