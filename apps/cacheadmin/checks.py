"""System checks: what an owner should know before visitors do."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.core import checks
from django.core.cache import caches

from cacheadmin import groups, space
from cacheadmin.backend import AdaptiveCache
from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.engines.file import check_directory

BACKEND = "cacheadmin.backend.AdaptiveCache"
KNOWN_OPTIONS = {"ENGINE", "DIRECTORY", "MAX_ENTRIES", "CULL_FREQUENCY", "GROUP", "COMPRESS_FROM"}
ENGINES = ("auto", "redis", "file", "memory", "off")


def register() -> None:
    """Make the checks known to Django."""
    checks.register(check_options, checks.Tags.caches)
    checks.register(check_directories, checks.Tags.caches)
    checks.register(check_sharing, checks.Tags.caches)
    checks.register(check_groups, checks.Tags.caches)


def check_options(**kwargs: Any) -> list[checks.CheckMessage]:
    """Report options that nobody reads, and engines that do not exist."""
    messages: list[checks.CheckMessage] = []
    for alias, config in _adaptive().items():
        options = config.get("OPTIONS", {})
        messages.extend(
            checks.Warning(
                f"CACHES[{alias!r}] has an option {name!r} that nothing reads.",
                hint=f"Known options: {', '.join(sorted(KNOWN_OPTIONS))}.",
                id="cacheadmin.W001",
            )
            for name in sorted(set(options) - KNOWN_OPTIONS)
        )
        if options.get("ENGINE", "auto") not in ENGINES:
            messages.append(
                checks.Error(
                    f"CACHES[{alias!r}] names an engine that does not exist: {options['ENGINE']!r}.",
                    hint=f"Choose one of {', '.join(ENGINES)}.",
                    id="cacheadmin.E001",
                )
            )
    return messages


def check_directories(**kwargs: Any) -> list[checks.CheckMessage]:
    """Report cache directories that cannot be used, or that others could plant files in."""
    messages: list[checks.CheckMessage] = []
    for alias, config in _adaptive().items():
        directory: Path = space.identify(config.get("LOCATION", ""), config).directory
        try:
            check_directory(directory)
        except EngineUnavailable as error:
            messages.append(
                checks.Warning(
                    f"CACHES[{alias!r}] cannot use its directory {directory}: {error.verdict.label}.",
                    hint="Give the user that runs the site a directory of its own with mode 0700.",
                    id="cacheadmin.W002",
                )
            )
    return messages


def check_sharing(**kwargs: Any) -> list[checks.CheckMessage]:
    """Report caches that live in the memory of each worker, where limits are counted by each alone."""
    return [
        checks.Warning(
            f"CACHES[{alias!r}] runs on the memory engine, which the workers of a site do not share.",
            hint="With more than one worker, rate limits count for each alone. Use files or Redis.",
            id="cacheadmin.W003",
        )
        for alias in _adaptive()
        if cast(AdaptiveCache, caches[alias]).space.selector.last_known() == "memory"
    ]


def check_groups(**kwargs: Any) -> list[checks.CheckMessage]:
    """Report names and prefixes of groups that are declared more than once: only the last one counts."""
    return [
        checks.Warning(
            f"The cache group or prefix {claim!r} is declared {len(apps)} times, in {', '.join(apps)}.",
            hint="The last declaration counts. Rename one of them, or take it out of its cache_groups.py.",
            id="cacheadmin.W009",
        )
        for claim, apps in groups.declared_twice().items()
    ]


def _adaptive() -> dict[str, dict[str, Any]]:
    return {alias: config for alias, config in settings.CACHES.items() if config.get("BACKEND") == BACKEND}
