"""What the answers of the wizard come to: the same plan that the command makes of its flags."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from installer.answers import NOTHING, Answers
from installer.forms.cache import choice
from installer.forms.database import is_reused
from installer.forms.site import further_names
from installer.plan import Plan


def plan_of(answers: Answers) -> Plan:
    """Return the plan; of an installation that is taken over, only the addresses count."""
    site = _values(answers, "site")
    if is_reused(answers):
        site = {"site_url": settings.CONFIGURATION.site_url or _values(answers, "database").get("seen", "")}
    administrator = answers.get("administrator", NOTHING)
    engine, location = choice(answers)
    hosts, origins = further_names(site)
    return Plan(
        site_name=str(site.get("site_name", "")),
        tagline=str(site.get("tagline", "")),
        language=str(site.get("language", "en")),
        time_zone=str(site.get("time_zone", "UTC")),
        registration_open=bool(site.get("registration_open")),
        site_url=str(site.get("site_url", "")),
        hosts=hosts,
        origins=origins,
        admin_username=str(administrator.values.get("admin_username", "")),
        admin_email=str(administrator.values.get("admin_email", "")),
        admin_password="",
        admin_password_hash=administrator.secrets.get("admin_password", ""),
        cache=engine,
        redis_url=location,
        sample_content=int(site.get("samples", 0)),
    )


def _values(answers: Answers, slug: str) -> dict[str, Any]:
    return answers.get(slug, NOTHING).values
