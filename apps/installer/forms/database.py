"""Step 3: where the site keeps what it knows. Tested before it is accepted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from django import forms
from django.conf import settings
from django.forms.boundfield import BoundWidget
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cacheadmin import encryption
from installer import trial
from installer.answers import NOTHING, Answer, Answers
from installer.databases import DatabaseProblem
from installer.fixed import Fixed, fixed, without_secret
from installer.forms.base import StepForm, in_own_words
from installer.forms.site import seen_address

SQLITE, POSTGRESQL = "sqlite", "postgresql"
ENGINES_IN_WORDS: dict[str, Promise] = {
    SQLITE: _("A file in the site’s own directory. Nothing to set up."),
    POSTGRESQL: _("A server of its own. Your host tells you name, user and password."),
}
NEEDED = ("host", "name", "user")


class DatabaseForm(StepForm):
    """SQLite, or where PostgreSQL is."""

    secrets: ClassVar[tuple[str, ...]] = ("password",)

    engine = forms.ChoiceField(
        label=_("Database"),
        choices=[(SQLITE, _("SQLite")), (POSTGRESQL, _("PostgreSQL"))],
        widget=forms.RadioSelect,
    )
    host = forms.CharField(
        label=_("Host"),
        max_length=255,
        help_text=_("A name or address; or the directory of a unix socket, as in /var/run/postgresql."),
    )
    port = forms.IntegerField(label=_("Port"), required=False, min_value=1, max_value=65535)
    name = forms.CharField(label=_("Name of the database"), max_length=63)
    user = forms.CharField(label=_("User name"), max_length=63)
    password = forms.CharField(
        label=_("Password"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    tls = forms.BooleanField(label=_("Insist on TLS"), required=False)
    reuse = forms.BooleanField(
        label=_("Yes, run this site on the installation that is there, and change nothing in it"),
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in NEEDED:
            self.fields[name].required = not self.is_bound or self.data.get("engine") == POSTGRESQL

    @property
    def tiles(self) -> list[tuple[BoundWidget, Promise]]:
        """The engines, each in its own words."""
        return in_own_words(self["engine"], ENGINES_IN_WORDS)

    # Whether the database that was tried holds an installed site.
    holds_site = False

    def presets(self) -> dict[str, Any]:
        """SQLite, and where PostgreSQL usually is."""
        return {"engine": SQLITE, "host": "localhost", "port": 5432}

    def answer(self) -> Answer:
        """Where an installation is taken over, its address is the one that is used now."""
        answer = super().answer()
        return replace(answer, values={**answer.values, "seen": seen_address(self.request)})

    def clean(self) -> dict[str, Any]:
        """Names are one line, and the host is one host."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.is_fixed or cleaned.get("engine") != POSTGRESQL:
            return cleaned
        for name in NEEDED:
            if not str(cleaned.get(name, "")).isprintable():
                self.add_error(name, _("It must be one line of text."))
        if set(str(cleaned.get("host", ""))) & set(", "):
            self.add_error("host", _("Name one host: without spaces and commas."))
        return cleaned

    @property
    def is_fixed(self) -> bool:
        """Whether the environment names the database, and nothing is to be chosen."""
        return fixed_url() != ""

    @property
    def fixed(self) -> Fixed | None:
        """The database that is named elsewhere, as it may be shown."""
        return fixed("DATABASE_URL", without_secret(fixed_url())) if self.is_fixed else None

    def try_out(self) -> bool:
        """Whether the site can live there, and what to do where one does already."""
        cleaned = self.cleaned_data
        url = fixed_url() or url_of({**cleaned, "password": self.secret("password")})
        try:
            self.holds_site = bool(url) and trial.try_out(url, is_guarded=not self.is_fixed)
        except DatabaseProblem as problem:
            self.add_error(None, str(problem))
            return False
        if not self.holds_site:
            cleaned["reuse"] = False
        elif not cleaned.get("reuse"):
            words = _(
                "This database already holds an installed site, which is never overwritten. "
                "Use it as it is, or name another database."
            )
            self.add_error(None, words)
            return False
        return True


def fixed_url() -> str:
    """Return the address that the environment, or a configuration from before, names."""
    return str(settings.CONFIGURATION.database_url)


def url_of(values: dict[str, Any]) -> str:
    """Return the address of the database in one line; empty for the SQLite file of the site itself."""
    if values.get("engine") != POSTGRESQL:
        return ""
    user, password, host, name = (
        quote(str(values.get(key) or ""), safe="") for key in ("user", "password", "host", "name")
    )
    port = f":{values['port']}" if values.get("port") else ""
    options = f"?{urlencode({'sslmode': 'require'})}" if values.get("tls") else ""
    return f"postgres://{user}:{password}@{host}{port}/{name}{options}"


def chosen_url(answers: Answers) -> str:
    """Return the address that was entered in this step; empty where the site's own is used."""
    if fixed_url():
        return ""
    answer = answers.get("database", NOTHING)
    password = encryption.decrypt(answer.secrets.get("password", ""))
    return url_of({**answer.values, "password": password})


def is_reused(answers: Answers) -> bool:
    """Whether an installation that is there is taken over, so that nothing else has to be said."""
    return bool(answers.get("database", NOTHING).values.get("reuse"))


def database_in_words(answers: Answers) -> str:
    """Return what was chosen, for people; no password."""
    if fixed_url():
        return without_secret(fixed_url())
    values = answers.get("database", NOTHING).values
    if values.get("engine") != POSTGRESQL:
        return f"SQLite, {settings.VAR_DIR / 'db.sqlite3'}"
    return f"PostgreSQL, {values.get('name')} @ {values.get('host')}"
