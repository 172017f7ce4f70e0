"""What the forms that write accounts have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from users.models import User

if TYPE_CHECKING:
    UserModelForm = forms.ModelForm[User]
else:
    UserModelForm = forms.ModelForm


class AccountForm(UserModelForm):
    """A form of an account whose names may be taken by somebody else at the very same moment."""

    def save_unless_taken(self) -> User | None:
        """Write the account, or return None and say in the form whose name is taken."""
        try:
            with transaction.atomic():
                return self.save()
        except IntegrityError:
            self._say_what_is_taken()
            return None

    def _say_what_is_taken(self) -> None:
        others = {field.name for field in User._meta.fields if field.name not in self.fields}
        try:
            self.instance.validate_constraints(exclude=others)
        except ValidationError as error:
            self.add_error(None, error)
        else:  # whoever took it has already gone again
            self.add_error(None, _("This could not be saved just now. Please send the form again."))
