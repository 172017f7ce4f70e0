"""Passwords: forgotten ones, and new ones for old."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse, reverse_lazy
from django.utils import translation
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.generic import FormView, TemplateView

from core.addresses import origin
from core.afterwards import RedirectThen
from core.limits import by_field, limited
from users.forms.password_reset import PasswordResetForm
from users.models import User
from users.password_reset import send_reset_link

if TYPE_CHECKING:
    AskingView = FormView[PasswordResetForm]
else:
    AskingView = FormView

reset_limits = [
    limited("password-reset", "5/h", by="ip", methods=("POST",)),
    limited("password-reset", "5/h", by=by_field("email"), methods=("POST",)),
]


@method_decorator([*reset_limits, never_cache], name="dispatch")
class PasswordResetView(AskingView):
    """Ask for a link by mail. Neither the answer nor its timing tells whether there is such an account.

    ``users/password_reset.html``: ``form`` (``email``).
    """

    template_name = "users/password_reset.html"
    form_class = PasswordResetForm

    def form_valid(self, form: PasswordResetForm) -> HttpResponse:
        """Answer first, then look whether there is somebody to write to."""
        language = translation.get_language() or settings.LANGUAGE_CODE
        send = partial(send_reset_link, form.cleaned_data["email"], origin(self.request), language)
        return RedirectThen(reverse("users:password_reset_done"), send)


@method_decorator(never_cache, name="dispatch")
class PasswordResetDoneView(TemplateView):
    """Say that a mail is on its way if there is such an account.

    ``users/password_reset_done.html``: no context.
    """

    template_name = "users/password_reset_done.html"


class PasswordResetConfirmView(views.PasswordResetConfirmView):
    """Choose the new password under the link of the mail.

    ``users/password_reset_confirm.html``: ``validlink`` (bool), ``form`` (``new_password1``,
    ``new_password2``; None where the link is not valid).
    """

    template_name = "users/password_reset_confirm.html"
    success_url = reverse_lazy("users:password_reset_complete")


@method_decorator(never_cache, name="dispatch")
class PasswordResetCompleteView(TemplateView):
    """Say that the new password counts.

    ``users/password_reset_complete.html``: no context.
    """

    template_name = "users/password_reset_complete.html"


@method_decorator([never_cache, limited("password", "10/m", by="user", methods=("POST",))], name="dispatch")
class PasswordChangeView(LoginRequiredMixin, views.PasswordChangeView):
    """Change the password; every other session of the member ends.

    ``users/password_change.html``: ``form`` (``old_password``, ``new_password1``, ``new_password2``).
    """

    template_name = "users/password_change.html"
    success_url = reverse_lazy("users:profile")

    def get_form_kwargs(self) -> dict[str, Any]:
        """Compare with the password as the database has it now."""
        return {**super().get_form_kwargs(), "user": get_object_or_404(User, pk=self.request.user.pk)}

    def form_valid(self, form: Any) -> HttpResponse:
        """Save it, and say so."""
        messages.success(self.request, _("Your new password is saved."))
        return super().form_valid(form)
