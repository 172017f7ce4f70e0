"""What somebody wants to install, and everything that can be said against it before it is begun."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db.models import Model
from django.utils.translation import gettext as _

from cacheadmin.detect import examine
from core.models import SiteSettings
from users.models import User

CACHE_ENGINES = ("auto", "redis", "file", "memory")
MOST_SAMPLES = 200_000


@dataclass(frozen=True)
class Plan:
    """All that an installation needs to know.

    Attributes:
        cache: auto, redis, file or memory.
        redis_url: where Redis is; empty for the configured address.
        site_url: scheme and host under which visitors reach the site; may be empty.
        sample_content: number of sample articles.
        hosts: further names that the site answers to, without scheme and port.
        origins: further addresses that forms may come from, with their scheme.
        admin_password_hash: counts instead of a password that was checked before.
    """

    site_name: str
    language: str
    admin_username: str
    admin_email: str
    admin_password: str = field(repr=False)
    cache: str = "auto"
    redis_url: str = field(default="", repr=False)
    site_url: str = ""
    sample_content: int = 0
    tagline: str = ""
    time_zone: str = "UTC"
    registration_open: bool = True
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    admin_password_hash: str = field(default="", repr=False)


# Which flag of the command, or field of a form, a fault belongs to.
Faults = dict[str, list[str]]


def faults(plan: Plan) -> Faults:
    """Return what is wrong with *plan*, by field, in words; an empty dict when nothing is.

    Asks neither the database nor the disk; a chosen Redis is connected to.
    """
    found: Faults = {}
    _add(found, of_site(plan))
    _add(found, of_administrator(plan))
    _add(found, of_address(plan.site_url))
    _add(found, _of_cache(plan))
    if not 0 <= plan.sample_content <= MOST_SAMPLES:
        _add(found, {"sample_content": [_("Between 0 and %(most)d.") % {"most": MOST_SAMPLES}]})
    return found


def administrator(plan: Plan) -> User:
    """Return the administrator, unsaved and without a password."""
    return User(
        username=get_user_model().normalize_username(plan.admin_username),
        email=User.objects.normalize_email(plan.admin_email),
        is_staff=True,
        is_superuser=True,
    )


def of_site(plan: Plan) -> Faults:
    """Return what is wrong with the name of the site and what is shown with it."""
    found: Faults = {
        name: [_("It must be one line of text.")]
        for name in ("site_name", "tagline")
        if not getattr(plan, name).isprintable()
    }
    names = {"name": "site_name", "tagline": "tagline", "language": "language", "time_zone": "time_zone"}
    told = _of_fields(site_settings(plan), names)
    return {**told, **found}


def site_settings(plan: Plan) -> SiteSettings:
    """Return the settings of the site, unsaved."""
    return SiteSettings(
        name=plan.site_name.strip(),
        tagline=plan.tagline.strip(),
        language=plan.language,
        time_zone=plan.time_zone,
        registration_open=plan.registration_open,
    )


def of_administrator(plan: Plan) -> Faults:
    """Return what is wrong with the names and the password of the administrator."""
    user = administrator(plan)
    found = _of_fields(user, {"username": "admin_username", "email": "admin_email"})
    if plan.admin_password_hash:
        return found
    try:
        if not plan.admin_password:
            raise ValidationError(_("There is none."))
        validate_password(plan.admin_password, user)
    except ValidationError as error:
        found["admin_password"] = error.messages
    return found


def _of_fields(model: Model, names: dict[str, str]) -> Faults:
    others = {field.name for field in model._meta.fields} - set(names)
    try:
        model.clean_fields(exclude=others)
    except ValidationError as error:
        return {names[name]: [str(message) for message in told] for name, told in error.message_dict.items()}
    return {}


def of_address(url: str) -> Faults:
    """Return what is wrong with *url* as the address that visitors come to."""
    if not url:
        return {}
    parts = urlsplit(url)
    try:
        URLValidator(schemes=["http", "https"])(url)
        is_plain = parts.path in {"", "/"} and not (parts.query or parts.fragment or parts.username)
    except ValidationError:
        # The validator knows no names without a dot, which are usual inside a house.
        is_plain = parts.scheme in {"http", "https"} and (parts.hostname or "").replace("-", "").isalnum()
    # Python's parser leaves ends of lines and tabs out, as if they had not been typed.
    is_plain = is_plain and url.isprintable() and " " not in url
    return {} if is_plain else {"site_url": [_("Write it as https://www.example.org, without a path.")]}


def _of_cache(plan: Plan) -> Faults:
    if plan.cache not in CACHE_ENGINES:
        return {"cache": [_("One of %(engines)s.") % {"engines": ", ".join(CACHE_ENGINES)}]}
    if plan.redis_url and plan.cache not in {"redis", "auto"}:
        return {"redis_url": [_("An address of Redis only makes sense with the engines redis and auto.")]}
    if plan.cache != "redis":
        return {}
    # What does not pass its test is not made the site's cache.
    tried = examine(plan.redis_url or default_redis())
    if tried.is_usable:
        return {}
    return {"redis_url": [f"{tried.address}: {tried.verdict.label}"]}


def default_redis() -> str:
    """Return the configured address of Redis."""
    return str(settings.CACHES["default"]["LOCATION"])


def _add(found: Faults, more: Faults) -> None:
    for name, messages in more.items():
        found.setdefault(name, []).extend(messages)
