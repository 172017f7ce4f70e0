"""Who may do what on the cache page; enforced here, and asked by the templates."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, cast

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.urls import reverse
from django.views.decorators.cache import never_cache

Arguments = ParamSpec("Arguments")
View = Callable[Concatenate[HttpRequest, Arguments], HttpResponse]


def requires(permission: str) -> Callable[[View[Arguments]], View[Arguments]]:
    """Let only staff with *permission* in; strangers are led to the admin's login.

    Args:
        permission: a codename of this app, such as ``clear_cache``.
    """

    def decorate(view: View[Arguments]) -> View[Arguments]:
        @functools.wraps(view)
        def guarded(request: HttpRequest, *args: Arguments.args, **kwargs: Arguments.kwargs) -> HttpResponse:
            if not admin.site.has_permission(request):
                if request.user.is_authenticated:
                    raise PermissionDenied
                return redirect_to_login(request.get_full_path(), resolve_url(reverse("admin:login")))
            if not request.user.has_perm(f"cacheadmin.{permission}"):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return cast(View[Arguments], never_cache(guarded))

    return decorate
