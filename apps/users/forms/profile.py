"""The form in which members say who they are and how they like the site."""

from __future__ import annotations

from collections.abc import Iterator

from django import forms
from django.conf import settings
from django.utils import translation
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from users.forms.account import AccountForm
from users.models import User


def _languages() -> Iterator[tuple[str, object]]:
    yield "", _("As the pages I read")
    for code, _name in settings.LANGUAGES:
        yield code, capfirst(str(translation.get_language_info(code)["name_local"]))


class ProfileForm(AccountForm):
    """Names, e-mail address, a few lines about oneself, language and appearance."""

    language = forms.ChoiceField(
        label=capfirst(User._meta.get_field("language").verbose_name),
        help_text=User._meta.get_field("language").help_text,
        choices=_languages,
        required=False,
    )

    class Meta:
        model = User
        fields = ("first_name", "last_name", "email", "bio", "language", "theme")
        widgets = {
            "first_name": forms.TextInput(attrs={"autocomplete": "given-name"}),
            "last_name": forms.TextInput(attrs={"autocomplete": "family-name"}),
            "email": forms.EmailInput(attrs={"autocomplete": "email"}),
            "bio": forms.Textarea(attrs={"rows": 3}),
        }

    def save(self, commit: bool = True) -> User:
        """Write these fields alone: what happens to the others at the same time stays."""
        user = super().save(commit=False)
        if commit:
            user.save(update_fields=self.Meta.fields)
        return user
