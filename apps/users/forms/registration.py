"""The form for a new account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.contrib.auth.forms import BaseUserCreationForm
from django.utils.translation import gettext_lazy as _

from users.forms.account import AccountForm
from users.models import User

if TYPE_CHECKING:
    CreationForm = BaseUserCreationForm[User]
else:
    CreationForm = BaseUserCreationForm


class RegistrationForm(AccountForm, CreationForm):
    """User name, e-mail address, and a password twice."""

    class Meta(BaseUserCreationForm.Meta):
        model = User
        fields = ("username", "email")
        help_texts = {"username": _("Others see it. Letters without accents, digits and . + - _ only.")}
        widgets = {"email": forms.EmailInput(attrs={"autocomplete": "email"})}
