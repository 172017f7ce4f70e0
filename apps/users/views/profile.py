"""What members say about themselves and how they like the site."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import translation
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.generic import UpdateView

from core.languages import supported
from users.forms.profile import ProfileForm
from users.models import User

if TYPE_CHECKING:
    ChangingView = UpdateView[User, ProfileForm]
else:
    ChangingView = UpdateView


@method_decorator(never_cache, name="dispatch")
class ProfileView(LoginRequiredMixin, ChangingView):
    """Change one's own account.

    ``users/profile.html``: ``form`` (``first_name``, ``last_name``, ``email``, ``bio``, ``language``,
    ``theme``).
    """

    template_name = "users/profile.html"
    form_class = ProfileForm

    def get_object(self, queryset: QuerySet[User] | None = None) -> User:
        """The member's account as the database has it now, to be changed without looking back."""
        return get_object_or_404(User, pk=self.request.user.pk)

    def form_valid(self, form: ProfileForm) -> HttpResponse:
        """Save, and go on in the language that was chosen."""
        user = form.save_unless_taken()
        if user is None:
            return self.form_invalid(form)
        with translation.override(supported(user.language) or translation.get_language()):
            messages.success(self.request, _("Your profile is saved."))
            return HttpResponseRedirect(reverse("users:profile"))
