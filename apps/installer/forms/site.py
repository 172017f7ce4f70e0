"""Step 4: what the site is called, and the address that its visitors use."""

from __future__ import annotations

import zoneinfo
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.http.request import split_domain_port, validate_host
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from installer import plan
from installer.answers import NOTHING
from installer.fixed import Fixed, by_variable_alone
from installer.forms.base import StepForm
from installer.forms.welcome import own_names
from installer.plan import Plan

Choices = list[tuple[str | Promise, Any]]


def time_zones() -> Choices:
    """The time zones of the world, by continent."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(zoneinfo.available_timezones()):
        region, _slash, place = name.partition("/")
        if place and region not in {"Etc", "SystemV", "US", "posix", "right"}:
            groups.setdefault(region, []).append((name, place.replace("_", " ").replace("/", ", ")))
    return [("UTC", "UTC"), *groups.items()]


class SiteForm(StepForm):
    """Name, tagline, language, time zone, registration, addresses, sample articles."""

    site_name = forms.CharField(label=_("Name of the site"), max_length=80)
    tagline = forms.CharField(
        label=_("Tagline"), max_length=160, required=False, help_text=_("A few words below the name.")
    )
    language = forms.ChoiceField(
        label=_("Language of the site"),
        choices=own_names,
        help_text=_("Pages in this language have the short addresses; the other language has a prefix."),
    )
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=time_zones)
    registration_open = forms.BooleanField(label=_("Visitors can create an account"), required=False)
    site_url = forms.CharField(
        label=_("Address of the site"),
        max_length=200,
        widget=forms.URLInput(attrs={"spellcheck": "false", "autocapitalize": "none"}),
    )
    answers_here = forms.BooleanField(required=False)
    samples = forms.TypedChoiceField(
        label=_("Sample articles"),
        coerce=int,
        choices=[
            (0, _("none: an empty site")),
            (12, _("12, to look around")),
            (60, _("60, to leaf through")),
            (200, _("200, to try the search and the cache")),
        ],
        help_text=_("Made-up articles in both languages. They can be deleted in the administration."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.is_bound and not self.kept.values:
            # A browser knows the time zone of whoever sets up.
            self.fields["time_zone"].widget.attrs["data-guess"] = "1"
        label = _("Answer to %(host)s as well, the name you came by")
        self.fields["answers_here"].label = label % {"host": self.request.get_host()}
        if self.fixed_url is not None:
            self.fields["site_url"].disabled = True
            self.initial = {**self.initial, "site_url": self.fixed_url.value}

    @property
    def fixed_url(self) -> Fixed | None:
        """The address of the site, where the environment says it."""
        return by_variable_alone("SITE_URL", str(settings.CONFIGURATION.site_url))

    @property
    def fixed_hosts(self) -> Fixed | None:
        """The names that the site answers to, where the environment says them."""
        return by_variable_alone("ALLOWED_HOSTS", ", ".join(settings.CONFIGURATION.allowed_hosts))

    @property
    def fixed_origins(self) -> Fixed | None:
        """The addresses that forms may come from, where the environment says them."""
        origins = ", ".join(settings.CONFIGURATION.csrf_trusted_origins)
        return by_variable_alone("CSRF_TRUSTED_ORIGINS", origins)

    @property
    def is_shut_out(self) -> bool:
        """Whether the environment will not let the site answer to the name that the owner came by."""
        host, _port = split_domain_port(self.request.get_host())
        return self.fixed_hosts is not None and not validate_host(host, settings.CONFIGURATION.hosts)

    @property
    def seen(self) -> str:
        """The address that the owner came by."""
        return seen_address(self.request)

    def presets(self) -> dict[str, Any]:
        """The language of the wizard, and the address as it is seen."""
        welcome = self.answers.get("welcome", NOTHING).values
        return {
            "language": welcome.get("language") or get_language(),
            "time_zone": "UTC",
            "registration_open": True,
            "site_url": settings.CONFIGURATION.site_url or seen_address(self.request),
            "answers_here": True,
            "samples": 12,
        }

    def clean(self) -> dict[str, Any]:
        """What the installation itself would refuse is refused here."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        said = {name: str(cleaned.get(name, "")) for name in ("site_name", "tagline", "site_url")}
        intended = Plan(
            # What is missing is told already.
            site_name=said["site_name"] or "-",
            tagline=said["tagline"],
            language=str(cleaned.get("language", "en")),
            time_zone=str(cleaned.get("time_zone", "UTC")),
            site_url=said["site_url"],
            admin_username="",
            admin_email="",
            admin_password="",
        )
        for name, messages in {**plan.of_site(intended), **plan.of_address(intended.site_url)}.items():
            for message in messages:
                self.add_error(name, message)
        return cleaned

    def clean_site_url(self) -> str:
        """Without the slash at its end."""
        return str(self.cleaned_data["site_url"]).strip().rstrip("/")

    def answer(self) -> Any:
        """Remember the name one came by, where the site shall answer to it."""
        if self.cleaned_data["answers_here"]:
            self.cleaned_data["seen"] = seen_address(self.request)
        return super().answer()


def seen_address(request: Any) -> str:
    """Return scheme, host and port as the site sees them."""
    return f"{request.scheme}://{request.get_host()}"


def further_names(values: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names beside the site's own address that it answers to, and takes forms from."""
    seen = str(values.get("seen", ""))
    if not seen or seen == values.get("site_url"):
        return (), ()
    host, _port = split_domain_port(urlsplit(seen).netloc)
    return (host,), (seen,)
