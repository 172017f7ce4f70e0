"""Becoming a member."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.views import RedirectURLMixin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import translation
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView

from core.languages import supported
from core.limits import limited
from core.site import get_site
from users.forms.registration import RegistrationForm
from users.views.session import welcome_url

if TYPE_CHECKING:
    AskingView = FormView[RegistrationForm]
else:
    AskingView = FormView


@method_decorator(limited("register", "10/h", by="ip", methods=("POST",)), name="dispatch")
@method_decorator([sensitive_post_parameters(), never_cache], name="dispatch")
class RegisterView(RedirectURLMixin, AskingView):
    """Create an account and be logged in with it.

    ``users/register.html``: ``form`` (``username``, ``email``, ``password1``, ``password2``), ``next``.
    Where registration is closed: ``users/registration_closed.html`` with status 403, no context.
    """

    template_name = "users/register.html"
    form_class = RegistrationForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Let in who is neither a member already nor before a closed door."""
        if request.user.is_authenticated:
            return HttpResponseRedirect(self.get_success_url())
        if not get_site().registration_open:
            return render(request, "users/registration_closed.html", status=403)
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: RegistrationForm) -> HttpResponse:
        """Create the account, unless somebody took its name a moment ago."""
        form.instance.language = supported(translation.get_language() or "")
        user = form.save_unless_taken()
        if user is None:
            return self.form_invalid(form)
        login(self.request, user)
        messages.success(
            self.request, _("Welcome, %(name)s. Your account is ready.") % {"name": user.public_name}
        )
        return HttpResponseRedirect(self.get_success_url())

    def get_default_redirect_url(self) -> str:
        """Return the dashboard in the member's language."""
        return welcome_url(self.request.user)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add where to go on to."""
        return super().get_context_data(next=self.get_redirect_url(), **kwargs)
