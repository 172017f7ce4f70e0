"""Step 2: nothing has to be entered, unless the host keeps its Redis in an odd place."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from installer import requirements
from installer.forms.base import StepForm


class RequirementsForm(StepForm):
    """Where else a Redis may be; the step cannot be left while something must be mended."""

    custom = forms.BooleanField(label=_("My host offers Redis (custom port)"), required=False)
    port = forms.IntegerField(
        label=_("Port"),
        required=False,
        min_value=1,
        max_value=65535,
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "placeholder": "6380"}),
    )
    socket = forms.CharField(
        label=_("Unix socket"),
        required=False,
        max_length=100,
        help_text=_("The whole path, if your host names a socket instead of a port."),
        widget=forms.TextInput(attrs={"placeholder": "…/redis.sock", "spellcheck": "false"}),
    )

    def clean_socket(self) -> str:
        """A path from the root on.

        Raises:
            ValidationError: it is none.
        """
        socket = str(self.cleaned_data["socket"])
        if socket and (not socket.startswith("/") or not socket.isprintable()):
            raise forms.ValidationError(_("Write the whole path of the socket, from the first / on."))
        return socket

    def clean(self) -> dict[str, Any]:
        """Whoever ticks the box says where."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        says_where = cleaned.get("port") or cleaned.get("socket") or self.errors
        if cleaned.get("custom") and not says_where:
            self.add_error("port", _("Enter the port that your host names, or untick the box."))
        return cleaned

    def try_out(self) -> bool:
        """Whether nothing has to be mended first."""
        if not requirements.stop(requirements.of_host()):
            return True
        self.add_error(None, _("Something has to be mended first: see the list below."))
        return False
