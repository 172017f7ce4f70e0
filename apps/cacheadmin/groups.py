"""Groups: what belongs together, lives equally long and is cleared together.

An app declares its groups in ``cache_groups.py`` as a list named ``groups``. A key belongs to
the group that its part before the first colon names, else to the group that has claimed what it
begins with; any other key belongs to ``other``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module

from django.apps import apps
from django.utils.functional import Promise
from django.utils.module_loading import module_has_submodule
from django.utils.translation import gettext_lazy as _

OTHER = "other"
# What the table of saved lifetimes holds.
_LONGEST_NAME = 100


@dataclass(frozen=True)
class Group:
    """One group of entries.

    Args:
        name: the first part of its keys.
        label: what people read.
        ttl: seconds its entries live unless a call says otherwise; ``None`` leaves it to the alias.
        protected: whether "clear all" spares it.
        prefixes: what other keys of this group begin with, where somebody else makes the keys.

    Raises:
        ValueError: that is no name, no lifetime or no prefix.
    """

    name: str
    label: str | Promise = ""
    ttl: int | None = None
    protected: bool = False
    prefixes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name or ":" in self.name or len(self.name) > _LONGEST_NAME or not _is_visible(self.name):
            raise ValueError(
                f"A group's name is a word without a colon, of {_LONGEST_NAME} characters at the most, "
                f"not {self.name!r}."
            )
        if self.ttl is not None and (isinstance(self.ttl, bool) or not self.ttl > 0):
            raise ValueError(
                f"The group {self.name!r} needs a ttl above 0 seconds, or None, not {self.ttl!r}."
            )
        # A forgotten comma makes a text of a tuple, and every letter of it a prefix.
        if type(self.prefixes) is not tuple or not all(self.prefixes):
            raise ValueError(f"The prefixes of the group {self.name!r} are a tuple of texts, none empty.")


def _is_visible(name: str) -> bool:
    return name.isprintable() and name.split() == [name]


BUILT_IN = (
    Group(OTHER, label=_("Other")),
    # Django's own session engines know nothing of groups; a clear must log nobody out all the same.
    Group(
        "sessions",
        label=_("Sessions"),
        ttl=3600,
        protected=True,
        prefixes=("django.contrib.sessions.",),
    ),
    Group("ratelimit", label=_("Rate limits"), protected=True),
    Group("templates", label=_("Parts of templates"), prefixes=("template.cache.",)),
    Group("views", label=_("Whole views"), prefixes=("views.decorators.cache.",)),
    # The last of those that a clear empties: no page is made anew from what is cleared after it.
    Group("pages", label=_("Whole pages"), ttl=120),
)
_BUILT_IN = {group.name: group for group in BUILT_IN}

_registry: dict[str, Group] = dict(_BUILT_IN)
# Which apps declared a name or a prefix, where it was more than one.
_declared_by: dict[str, list[str]] = {}
# Every claimed prefix with its group, the longest first, and all of them for one quick look.
_claims: list[tuple[str, str]] = []
_all_prefixes: tuple[str, ...] = ()


def register(group: Group) -> None:
    """Make *group* known; a second declaration of a name replaces the first.

    A group that is built in stays protected and keeps its prefixes, whatever is declared.

    Raises:
        ValueError: a prefix is within one of a protected group that is built in.
    """
    own = _BUILT_IN.get(group.name)
    for prefix in group.prefixes:
        for other in BUILT_IN:
            if other.protected and other is not own and prefix.startswith(other.prefixes or ("\0",)):
                raise ValueError(f"The keys that begin with {prefix!r} belong to the group {other.name!r}.")
    if own is not None:
        group = replace(
            group,
            protected=own.protected or group.protected,
            prefixes=tuple(dict.fromkeys(own.prefixes + group.prefixes)),
        )
    _registry[group.name] = group
    _claim()


def _claim() -> None:
    global _claims, _all_prefixes
    claims = [(prefix, group.name) for group in _registry.values() for prefix in group.prefixes]
    _claims = sorted(claims, key=lambda claim: -len(claim[0]))
    _all_prefixes = tuple(prefix for prefix, _name in _claims)


def autodiscover() -> None:
    """Register what the ``cache_groups`` module of each installed app declares."""
    _declared_by.clear()
    for config in apps.get_app_configs():
        if module_has_submodule(config.module, "cache_groups"):
            for group in import_module(f"{config.name}.cache_groups").groups:
                for claim in (group.name, *group.prefixes):
                    _declared_by.setdefault(claim, []).append(config.name)
                register(group)


def declared_twice() -> dict[str, list[str]]:
    """Return the names and prefixes that several declarations claim, and the apps these are in."""
    return {claim: names for claim, names in _declared_by.items() if len(names) > 1}


def every() -> list[Group]:
    """Return all groups: those of the apps as declared, then the built-in ones, the protected last."""
    return sorted(_registry.values(), key=lambda group: (group.protected, group.name in _BUILT_IN))


def get(name: str) -> Group | None:
    """Return the group *name*, or ``None`` if nobody has declared it."""
    return _registry.get(name)


def is_protected(name: str | None) -> bool:
    """Whether *name* is a group that holds what is no copy of anything, such as sessions and limits."""
    found = _registry.get(name or "")
    return found is not None and found.protected


def of_key(key: str) -> str:
    """Return the name of the group that *key* belongs to."""
    name, colon, _rest = key.partition(":")
    if colon and name in _registry:
        return name
    if key.startswith(_all_prefixes):
        return next(name for prefix, name in _claims if key.startswith(prefix))
    return OTHER


_claim()
