"""The form of somebody who has forgotten the password."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class PasswordResetForm(forms.Form):
    """An e-mail address. Whether it belongs to an account is nothing the form may know."""

    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "autofocus": True}),
    )
