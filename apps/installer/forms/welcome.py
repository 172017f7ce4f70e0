"""Step 1: in which language the owner reads the rest."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language, get_language_info
from django.utils.translation import gettext_lazy as _

from installer.forms.base import StepForm


def own_names() -> list[tuple[str, str]]:
    """Each language in its own words."""
    return [(code, get_language_info(code)["name_local"].capitalize()) for code, _name in settings.LANGUAGES]


class WelcomeForm(StepForm):
    """The language of the wizard, which the site is offered too."""

    language = forms.ChoiceField(label=_("Language"), choices=own_names, widget=forms.RadioSelect)

    def presets(self) -> dict[str, Any]:
        """The language of the browser."""
        return {"language": get_language()}

    def dress(self, response: HttpResponse) -> None:
        """Have the browser say the language with its next request."""
        remember_language(response, self.cleaned_data["language"])


def language_wanted(request: HttpRequest) -> str:
    """Return the language that a link of the switch asks for; empty where none does."""
    code = request.GET.get("language", "")
    return code if code in dict(settings.LANGUAGES) else ""


def language_links() -> list[dict[str, object]]:
    """Return the language switch, as every other page has it."""
    return [
        {"code": code, "name": name, "url": f"?language={code}", "current": code == get_language()}
        for code, name in own_names()
    ]


def remember_language(response: HttpResponse, code: str) -> None:
    """Have the browser say *code* with its next requests, as long as it is open."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        code,
        path=settings.LANGUAGE_COOKIE_PATH,
        # Not LANGUAGE_COOKIE_SECURE: before the certificate, the wizard is reached over plain http.
        samesite="Lax",
    )
