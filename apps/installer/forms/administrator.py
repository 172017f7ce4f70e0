"""Step 5: who looks after the site. The password is kept hashed, and checked by Django's validators."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib.auth import password_validation
from django.contrib.auth.hashers import make_password
from django.utils.translation import gettext_lazy as _

from installer import plan
from installer.answers import Answer
from installer.forms.base import StepForm
from installer.plan import Plan

NAMES = ("admin_username", "admin_email")
NEW_PASSWORD = {"autocomplete": "new-password"}


class AdministratorForm(StepForm):
    """User name, e-mail address, and a password twice."""

    secrets: ClassVar[tuple[str, ...]] = ("admin_password", "again")

    admin_username = forms.CharField(
        label=_("User name"),
        max_length=150,
        help_text=_("To log in with. Letters without accents, digits and . + - _ only."),
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    admin_email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        help_text=_("For forgotten passwords."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    admin_password = forms.CharField(
        label=_("Password"), strip=False, max_length=128, widget=forms.PasswordInput(attrs=NEW_PASSWORD)
    )
    again = forms.CharField(
        label=_("Password, once more"),
        strip=False,
        max_length=128,
        widget=forms.PasswordInput(attrs=NEW_PASSWORD),
    )

    @property
    def rules(self) -> list[str]:
        """What the validators ask of a password, in words."""
        return password_validation.password_validators_help_texts()

    @property
    def is_kept(self) -> bool:
        """Whether a password was accepted before, so that none has to be typed."""
        return "admin_password" in self.kept.secrets

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_kept:
            self.fields["again"].required = False

    def clean(self) -> dict[str, Any]:
        """Both passwords are the same one, and the validators are content with it."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        password, again = (str(cleaned.get(name) or "") for name in self.secrets)
        if (password or again) and password != again:
            self.add_error("again", _("Those were two different passwords."))
        needs_none = self.is_kept and not password
        for name, messages in plan.of_administrator(self._intended(cleaned, needs_none)).items():
            for message in messages if name not in self.errors else []:
                self.add_error(name, message)
        if needs_none and any(cleaned.get(name) != self.kept.values.get(name) for name in NAMES):
            # Whether it is too similar to the new name can only be told of the password itself.
            self.add_error("admin_password", _("The name or address has changed: type a password again."))
        return cleaned

    def _intended(self, cleaned: dict[str, Any], needs_none: bool) -> Plan:
        said = {name: str(cleaned.get(name) or "") for name in (*NAMES, "admin_password")}
        return administrator_only(said, password_hash="-" if needs_none else "")

    def hide(self, name: str, secret: str) -> str:
        """One way only."""
        return make_password(secret)

    def _kept_secrets(self) -> dict[str, str]:
        kept = {name: secret for name, secret in self.kept.secrets.items() if name == "admin_password"}
        password = str(self.cleaned_data.get("admin_password") or "")
        if not password or not self._may_be_kept():
            return kept
        return {"admin_password": self.hide("admin_password", password)}

    def _may_be_kept(self) -> bool:
        return not self.errors

    def draft(self) -> Answer:
        """A password that was not accepted is not kept, and neither is one for other names."""
        draft = super().draft()
        is_other = any(draft.values.get(name) != self.kept.values.get(name) for name in NAMES)
        return Answer(draft.values, {} if is_other and self.errors else draft.secrets, draft.is_done)


def administrator_only(said: dict[str, str], *, password_hash: str = "") -> Plan:
    """Return a plan of which only what concerns the administrator is known."""
    return Plan(
        site_name="",
        language="",
        admin_username=said["admin_username"],
        admin_email=said["admin_email"],
        admin_password=said.get("admin_password", ""),
        admin_password_hash=password_hash,
    )
