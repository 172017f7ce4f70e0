"""What the forms of all steps have in common: they know what was said before, and echo no secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.core.validators import MaxLengthValidator
from django.forms.boundfield import BoundField, BoundWidget
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise

from cacheadmin import encryption
from installer.answers import NOTHING, Answer, Answers

# More than any field of the wizard needs, and little enough to keep.
LONGEST = 500


def in_own_words(field: BoundField, words: Mapping[str, Promise]) -> list[tuple[BoundWidget, Promise]]:
    """Return the choices of *field*, each with what is said of its value."""
    return [(choice, words[str(choice.data["value"])]) for choice in field]


class StepForm(forms.Form):
    """The form of one step.

    Args:
        slug: of the step.
        request: the present one; the steps ask it how the site was reached.
        answers: of all steps, as they are known.
        data: what was posted, if anything was.
    """

    # Names of fields that are kept as they may be kept, see `hide`, and never shown again.
    use_required_attribute = False
    secrets: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        slug: str,
        request: HttpRequest,
        answers: Answers,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        self.request = request
        self.answers = answers
        self.kept: Answer = answers.get(slug, NOTHING)
        super().__init__(data, initial=self.kept.values or self.presets())
        for name, field in self.fields.items():
            if isinstance(field, forms.CharField) and field.max_length is None:
                field.max_length = LONGEST
                field.validators.append(MaxLengthValidator(LONGEST))
            if name in self.kept.secrets:
                field.required = False

    def presets(self) -> dict[str, Any]:
        """What the fields hold before anybody has typed."""
        return {}

    def try_out(self) -> bool:
        """Test what was entered for real, and say in the form what failed.

        Only called on a valid form, when the owner wants to go on.

        Returns:
            Whether it passed.
        """
        return True

    def hide(self, name: str, secret: str) -> str:
        """Return *secret* as it may be kept in a file."""
        return encryption.encrypt(secret)

    def secret(self, name: str) -> str:
        """Return what was typed into a secret field, else what was kept of it."""
        typed = self.cleaned_data.get(name, "")
        return str(typed) or encryption.decrypt(self.kept.secrets.get(name, ""))

    def answer(self) -> Answer:
        """Return what a valid form says, to be kept."""
        values = {name: value for name, value in self.cleaned_data.items() if name not in self.secrets}
        return Answer(values, self._kept_secrets(), is_done=True)

    def draft(self) -> Answer:
        """Return what was typed as it is, checked or not: whoever goes back finds it again."""
        typed = {
            name: field.widget.value_from_datadict(self.data, self.files, self.add_prefix(name))
            for name, field in self.fields.items()
            if name not in self.secrets
        }
        values = {name: value[:LONGEST] if isinstance(value, str) else value for name, value in typed.items()}
        is_valid = self.is_valid()
        # The fields as they were posted may be worth the same as what is known: "8000" and 8000.
        same = all(self.cleaned_data.get(name) == self.kept.values.get(name) for name in values)
        is_done = (
            is_valid
            and self.kept.is_done
            and same
            and not any(self.cleaned_data.get(name) for name in self.secrets)
        )
        return Answer(self.kept.values if is_done else values, self._kept_secrets(), is_done)

    def dress(self, response: HttpResponse) -> None:
        """Add to the answer what a browser shall remember of this step."""

    def _kept_secrets(self) -> dict[str, str]:
        typed = {name: str(self.cleaned_data.get(name) or "") for name in self.secrets}
        new = {name: self.hide(name, secret) for name, secret in typed.items() if secret}
        return {**self.kept.secrets, **new}
