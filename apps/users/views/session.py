"""Coming in and going out."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import views
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.shortcuts import resolve_url
from django.utils import translation
from django.utils.decorators import method_decorator

from core.languages import supported
from core.limits import by_field, limited
from users.forms.login import LoginForm

login_limits = [
    limited("login", "10/m", by="ip", methods=("POST",)),
    limited("login", "10/m", by=by_field("username"), methods=("POST",)),
]


def welcome_url(user: AbstractBaseUser | AnonymousUser) -> str:
    """Return where a member begins: the dashboard, in the language the member has chosen."""
    language = supported(getattr(user, "language", "")) or translation.get_language()
    with translation.override(language):
        return resolve_url(settings.LOGIN_REDIRECT_URL)


@method_decorator(login_limits, name="dispatch")
class LoginView(views.LoginView):
    """Log in by user name or e-mail address.

    ``users/login.html``: ``form`` (``username``, ``password``), ``next`` (a safe path to go on to; may
    be empty).
    """

    template_name = "users/login.html"
    form_class = LoginForm
    redirect_authenticated_user = True

    def get_default_redirect_url(self) -> str:
        """Return the dashboard in the member's language."""
        return welcome_url(self.request.user)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Leave ``site`` to the context processor: Django's has a host for a name."""
        context = super().get_context_data(**kwargs)
        del context["site"], context["site_name"]
        return context


class LogoutView(views.LogoutView):
    """Log out (POST only) and lead to the front page, or to a safe ``next``. No template."""
