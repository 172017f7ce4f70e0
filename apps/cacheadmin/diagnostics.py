"""Everything somebody who helps has to know, as plain data and as text; secrets are never part of it."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import django
from django.conf import settings
from django.utils import timezone

from cacheadmin import __version__, conf, watcher
from cacheadmin.advice import Advice
from cacheadmin.engines.redis import without_password
from cacheadmin.report import Report
from cacheadmin.statistics import Statistics

_PACKAGES = ("redis", "hiredis", "django-redis", "cryptography")
# What may be shown of an entry of CACHES: all else may be a secret.
_SHOWN_OPTIONS = ("ENGINE", "DIRECTORY", "MAX_ENTRIES", "CULL_FREQUENCY", "GROUP")
_SHOWN_SETTINGS = (
    "DATABASE",
    "CONNECT_TIMEOUT",
    "ANSWER_TIMEOUT",
    "REFRESH_INTERVAL",
    "THREADS",
    "ENVIRONMENT",
)


def collected(report: Report, counted: Statistics, advice: Sequence[Advice]) -> dict[str, Any]:
    """Return all of it.

    Args:
        report: of the cache.
        counted: its statistics.
        advice: on it.
    """
    return {
        "at": timezone.now().isoformat(timespec="seconds"),
        "versions": _versions(),
        "process": {
            "server": watcher.named_host() or "-",
            "threads": watcher.threads_run(),
            "sessions": settings.SESSION_ENGINE,
            "database": settings.DATABASES.get(conf.get("DATABASE"), {}).get("ENGINE", "-"),
        },
        "cache": report.as_json(),
        "configured": _configured(report.alias),
        "settings": {name: conf.get(name) for name in _SHOWN_SETTINGS},
        "statistics": {
            "hours": len(list(counted.by_hour())),
            "hit_rate": counted.total.hit_rate,
            **counted.total.as_json(),
            "latency_ms": counted.latency.as_json(),
            "problem": counted.problem,
        },
        "advice": [found.as_json() for found in advice],
    }


def as_text(data: dict[str, Any]) -> str:
    """Return *data* in lines, for a letter or a forum."""
    return "\n".join(_lines(data, ""))


def _lines(data: Any, path: str) -> Iterator[str]:
    if isinstance(data, dict) and data:
        for name, part in data.items():
            yield from _lines(part, f"{path}.{name}" if path else str(name))
    elif isinstance(data, list) and data:
        for number, part in enumerate(data):
            yield from _lines(part, f"{path}[{number}]")
    else:
        yield f"{path}: {'-' if data in (None, '', {}, []) else data}"


def _versions() -> dict[str, str]:
    found = {
        "cacheadmin": __version__,
        "django": django.get_version(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {sys.platform}",
    }
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "-"
    return found


def _configured(alias: str) -> dict[str, Any]:
    entry = settings.CACHES.get(alias, {})
    options = entry.get("OPTIONS", {})
    return {
        "BACKEND": entry.get("BACKEND", ""),
        "LOCATION": without_password(conf.location(alias)),
        "KEY_PREFIX": entry.get("KEY_PREFIX", ""),
        "TIMEOUT": entry.get("TIMEOUT", 300),
        "OPTIONS": {name: str(options[name]) for name in _SHOWN_OPTIONS if name in options},
    }
