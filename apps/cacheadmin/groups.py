"""Groups: what belongs together, lives equally long and is cleared together.

An app declares its groups in ``cache_groups.py`` as a list named ``groups``. A key belongs to
the group that its part before the first colon names; any other key belongs to ``other``.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from django.apps import apps
from django.utils.functional import Promise
from django.utils.module_loading import module_has_submodule
from django.utils.translation import gettext_lazy as _

OTHER = "other"
_DJANGOS_SESSIONS = "django.contrib.sessions."


@dataclass(frozen=True)
class Group:
    """One group of entries.

    Args:
        name: the first part of its keys.
        label: what people read.
        ttl: seconds its entries live unless a call says otherwise; ``None`` leaves it to the alias.
        protected: whether "clear all" spares it.
    """

    name: str
    label: str | Promise = ""
    ttl: int | None = None
    protected: bool = False


BUILT_IN = (
    Group(OTHER, label=_("Other")),
    Group("sessions", label=_("Sessions"), ttl=3600, protected=True),
    Group("ratelimit", label=_("Rate limits"), protected=True),
)

_registry: dict[str, Group] = {group.name: group for group in BUILT_IN}


def register(group: Group) -> None:
    """Make *group* known; a second declaration of a name replaces the first."""
    if not group.name or ":" in group.name:
        raise ValueError(f"A group's name is a word without a colon, not {group.name!r}.")
    _registry[group.name] = group


def autodiscover() -> None:
    """Register what the ``cache_groups`` module of each installed app declares."""
    for config in apps.get_app_configs():
        if module_has_submodule(config.module, "cache_groups"):
            for group in import_module(f"{config.name}.cache_groups").groups:
                register(group)


def every() -> list[Group]:
    """Return all groups: those of the apps as they were declared, then ``other``, then the protected ones."""
    return sorted(_registry.values(), key=lambda group: (group.protected, group.name == OTHER))


def get(name: str) -> Group | None:
    """Return the group *name*, or ``None`` if nobody has declared it."""
    return _registry.get(name)


def of_key(key: str) -> str:
    """Return the name of the group that *key* belongs to."""
    name, colon, _rest = key.partition(":")
    if colon and name in _registry:
        return name
    # Django's own session engines know nothing of groups; a clear must log nobody out all the same.
    return "sessions" if key.startswith(_DJANGOS_SESSIONS) else OTHER
