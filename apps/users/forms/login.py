"""The login form."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, UsernameField
from django.utils.translation import gettext_lazy as _

# An e-mail address may be longer than a user name.
LONGEST_ADDRESS = 254


class LoginForm(AuthenticationForm):
    """User name or e-mail address, and password."""

    username = UsernameField(
        label=_("User name or e-mail address"), widget=forms.TextInput(attrs={"autofocus": True})
    )

    error_messages = {
        "invalid_login": _(
            "The name or the password is wrong. Mind upper and lower case in the password; "
            "in the name it does not matter."
        ),
        "inactive": _("This account is inactive."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["username"]
        field.widget.attrs["maxlength"] = LONGEST_ADDRESS
