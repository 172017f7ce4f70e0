"""The state of one cache as plain data: what the command prints and the page shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from django.core.cache import caches
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from cacheadmin import conf, detect, groups, state, workers
from cacheadmin.backend import AdaptiveCache
from cacheadmin.detect import Candidate
from cacheadmin.engines.base import Contents, EngineUnavailable
from cacheadmin.engines.file import check_directory
from cacheadmin.holdings import contents
from cacheadmin.plan import Status
from cacheadmin.space import Space
from cacheadmin.verdicts import ENGINE_LABELS, Verdict
from cacheadmin.workers import Worker


@dataclass(frozen=True)
class Tried:
    """One engine that could be used, and what came of trying it just now."""

    engine: str
    address: str
    verdict: Verdict
    detail: str
    ms: float | None

    @property
    def engine_label(self) -> Promise:
        """The engine, in the words people read."""
        return ENGINE_LABELS[self.engine]


@dataclass(frozen=True)
class GroupReport:
    """One group in one cache; lifetimes are in seconds, ``None`` where there is none."""

    name: str
    label: str | Promise
    protected: bool
    declared: int | None
    saved: int | None

    @property
    def ttl(self) -> int | None:
        """The lifetime in force; ``None`` leaves it to the alias's TIMEOUT."""
        return self.declared if self.saved is None else self.saved

    def as_json(self) -> dict[str, Any]:
        """Return what the command prints of the group."""
        return {
            "ttl": self.ttl,
            "declared": self.declared,
            "saved": self.saved,
            "protected": self.protected,
        }


@dataclass(frozen=True)
class Report:
    """Everything that can be said of one cache now."""

    alias: str
    status: Status
    tried: tuple[Tried, ...]
    contents: Contents
    groups: tuple[GroupReport, ...]
    fixed: dict[str, str]
    workers: tuple[Worker, ...]

    @property
    def reason(self) -> str:
        """Why the live engine is the live one, in a sentence."""
        return _in_a_sentence(self.status)

    def as_json(self) -> dict[str, Any]:
        """Return what ``manage.py cache status --json`` prints."""
        return {
            "alias": self.alias,
            "choice": self.status.choice,
            "engine": self.status.engine,
            "reason": self.reason,
            "degraded": self.status.is_degraded,
            "since": self.status.since.isoformat(),
            "candidates": [
                {
                    "engine": tried.engine,
                    "address": tried.address,
                    "verdict": tried.verdict.word,
                    "detail": tried.detail,
                    "ms": None if tried.ms is None else round(tried.ms, 1),
                }
                for tried in self.tried
            ],
            "entries": self.contents.entries,
            "size": self.contents.size,
            "groups": {group.name: group.as_json() for group in self.groups},
            "workers": [worker.as_json() for worker in self.workers],
        }


def report(alias: str = "default") -> Report:
    """Look at one cache: its engine, and a fresh verdict on each that it could use.

    Args:
        alias: a key of CACHES that is an adaptive cache.
    """
    cache = cast(AdaptiveCache, caches[alias])
    space, selector = cache.space, cache.space.selector
    status = selector.status(spared=cache.is_spared)
    addresses = (
        detect.addresses(selector.plan.location)
        if status.choice in ("auto", "file", "off")
        else [selector.plan.location]
    )
    return Report(
        alias=alias,
        status=status,
        tried=(*map(_redis, detect.detect(addresses, space.namespace)), _files(space)),
        contents=contents(alias),
        groups=tuple(group_reports(alias)),
        fixed=dict(conf.get("ENVIRONMENT")),
        workers=tuple(workers.every(selector.words)),
    )


def group_reports(alias: str = "default") -> list[GroupReport]:
    """Return every group and how long its entries live in one cache.

    Args:
        alias: a key of CACHES that is an adaptive cache.
    """
    saved = state.saved_lifetimes(conf.location(alias))
    return [
        GroupReport(group.name, group.label, group.protected, group.ttl, saved.get(group.name))
        for group in groups.every()
    ]


def _redis(candidate: Candidate) -> Tried:
    return Tried("redis", candidate.address, candidate.verdict, candidate.detail, candidate.ms)


def _files(space: Space) -> Tried:
    directory = space.identity.directory
    try:
        check_directory(directory)
    except EngineUnavailable as error:
        return Tried("file", str(directory), error.verdict, error.detail, None)
    return Tried("file", str(directory), Verdict.FOUND, "", None)


def _in_a_sentence(status: Status) -> str:
    if status.reason is Verdict.TAKEN:
        return _(
            "Its keys in Redis belong to another installation, so Redis is left alone. Was this one moved "
            "(the other is no more) or copied (the other goes on)? "
            "Say so: manage.py cache claim moved, or copied."
        )
    if status.is_degraded:
        return _(
            "The chosen engine was lost (%(why)s). It is asked again twice a second and taken back by itself."
        ) % {"why": status.reason.label}
    if status.choice not in ("auto", "off") or status.engine == "off":
        return _("This engine is chosen in the settings.")
    if status.engine == "redis":
        return _("Redis was found at %(address)s and is the best choice.") % {"address": status.address}
    if status.engine == "file":
        return _("No usable Redis at %(address)s (%(why)s), so files are used.") % {
            "address": status.address,
            "why": status.reason.label,
        }
    return _("Neither Redis nor a cache directory can be used (%(why)s), so memory is used.") % {
        "why": status.reason.label
    }
