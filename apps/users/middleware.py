"""What is done for members on each request, without touching anybody else's."""

from __future__ import annotations

from functools import partial

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.middleware import auser, get_user
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.crypto import constant_time_compare
from django.utils.deprecation import MiddlewareMixin
from django.utils.functional import SimpleLazyObject

from users import lookups
from users.models import User
from users.visits import note_visit

Somebody = AbstractBaseUser | AnonymousUser

# Tells the scripts of public pages, which are the same for everybody, whether somebody is signed in.
# It holds nothing of the member and opens nothing.
HINT_COOKIE = "member"


class MemberMiddleware(MiddlewareMixin):
    """Keeps the hint cookie in step, notes visits, and sees to it that a cached account ends no session."""

    def process_request(self, request: HttpRequest) -> None:
        """Put a user that is looked up when needed behind ``request.user``."""
        request.user = SimpleLazyObject(partial(_current_user, request))  # type: ignore[assignment]
        request.auser = partial(_current_user_async, request)  # type: ignore[assignment]

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Look after the member where the page itself looked at the session; elsewhere leave it alone."""
        if response.status_code >= 500:
            return response
        if not request.session.accessed:
            if settings.SESSION_COOKIE_NAME not in request.COOKIES:
                _drop_hint(request, response)
        elif isinstance(request.user, User):
            _set_hint(request, response)
            note_visit(request.user)
        else:
            _drop_hint(request, response)
        return response


def _current_user(request: HttpRequest) -> Somebody:
    _doubt_the_cache(request)
    return get_user(request)


async def _current_user_async(request: HttpRequest) -> Somebody:
    await sync_to_async(_doubt_the_cache)(request)
    return await auser(request)


def _doubt_the_cache(request: HttpRequest) -> None:
    """Read the account anew where it does not fit the session, before Django ends the session for it.

    A worker with a memory of its own may be two seconds behind: it would log out the very member
    who has just changed the password, and is known by the new one elsewhere.
    """
    key = request.session.get(SESSION_KEY)
    if key is None:
        return
    user_id = User._meta.pk.to_python(key)
    user = lookups.user_by_id(user_id)
    if user is not None and not constant_time_compare(
        request.session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()
    ):
        lookups.forget(user_id)


def _set_hint(request: HttpRequest, response: HttpResponseBase) -> None:
    response.set_cookie(
        HINT_COOKIE,
        "1",
        max_age=request.session.get_expiry_age(),
        path=settings.SESSION_COOKIE_PATH,
        domain=settings.SESSION_COOKIE_DOMAIN,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
    )


def _drop_hint(request: HttpRequest, response: HttpResponseBase) -> None:
    if HINT_COOKIE in request.COOKIES:
        response.delete_cookie(
            HINT_COOKIE,
            path=settings.SESSION_COOKIE_PATH,
            domain=settings.SESSION_COOKIE_DOMAIN,
            samesite="Lax",
        )
