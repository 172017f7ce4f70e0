"""System checks: what an owner should know before visitors do."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.core import checks
from django.core.cache import caches

from cacheadmin import groups, watcher
from cacheadmin.backend import AdaptiveCache
from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.engines.file import check_directory, network_of, own_directory
from cacheadmin.identity import identify
from cacheadmin.verdicts import Verdict

BACKEND = "cacheadmin.backend.AdaptiveCache"
KNOWN_OPTIONS = {
    "ENGINE",
    "DIRECTORY",
    "MAX_ENTRIES",
    "MAX_BYTES",
    "CULL_FREQUENCY",
    "GROUP",
    "COMPRESS_FROM",
    "REVERSE_KEY_FUNCTION",
}
_TIMEOUTS = "Set CONNECT_TIMEOUT and ANSWER_TIMEOUT in CACHEADMIN, in seconds."
_ADDRESS = "It belongs into LOCATION: redis://user:password@host:6379/0."
_CHOSEN = "Remove it: the engine chooses its own classes."
_VALUES = "Remove it: values are pickled, signed and kept small by the engine."
# What people who come from django-redis, or from Django's own backend, have in OPTIONS.
INSTEAD = {
    "CLIENT_CLASS": "Remove it; LOCATION says it: redis+sentinel://h1,h2/master/0 or redis+cluster://h1,h2.",
    "CONNECTION_FACTORY": _CHOSEN,
    "CONNECTION_POOL_CLASS": _CHOSEN,
    "CONNECTION_POOL_CLASS_KWARGS": _CHOSEN,
    "CONNECTION_POOL_KWARGS": f"TLS is a matter of LOCATION: rediss://host/0?ssl_ca_certs=/path. {_TIMEOUTS}",
    "REDIS_CLIENT_CLASS": _CHOSEN,
    "REDIS_CLIENT_KWARGS": _CHOSEN,
    "PARSER_CLASS": "Remove it: hiredis is used where it is installed.",
    "PASSWORD": _ADDRESS,
    "USERNAME": _ADDRESS,
    "password": _ADDRESS,
    "username": _ADDRESS,
    "db": _ADDRESS,
    "SENTINELS": "They belong into LOCATION: redis+sentinel://h1:26379,h2:26379/master/0.",
    "SENTINEL_KWARGS": "The password of the Sentinels is ?sentinel_password= in LOCATION.",
    "SERIALIZER": _VALUES,
    "PICKLE_VERSION": _VALUES,
    "COMPRESSOR": _VALUES,
    "COMPRESS_MIN_LEN": _VALUES,
    "SOCKET_TIMEOUT": _TIMEOUTS,
    "SOCKET_CONNECT_TIMEOUT": _TIMEOUTS,
    "IGNORE_EXCEPTIONS": "Remove it: no error of an engine reaches a caller.",
    "LOG_IGNORED_EXCEPTIONS": "Remove it: the logger 'cacheadmin' tells of each change of engine.",
    "REPLICA_READ_ONLY": "Remove it: reads go where writes go.",
}
ENGINES = ("auto", "redis", "file", "memory", "off")


def register() -> None:
    """Make the checks known to Django."""
    checks.register(check_options, checks.Tags.caches)
    checks.register(check_directories, checks.Tags.caches)
    checks.register(check_file_systems, checks.Tags.caches)
    checks.register(check_groups, checks.Tags.caches)
    checks.register(check_owner, checks.Tags.caches)
    checks.register(check_threads, checks.Tags.caches)


def check_options(**kwargs: Any) -> list[checks.CheckMessage]:
    """Report options that nobody reads, and engines that do not exist."""
    messages: list[checks.CheckMessage] = []
    for alias, config in _adaptive().items():
        options = config.get("OPTIONS", {})
        messages.extend(
            checks.Warning(
                f"CACHES[{alias!r}] has an option {name!r} that nothing reads.",
                hint=INSTEAD.get(name, f"Known options: {', '.join(sorted(KNOWN_OPTIONS))}."),
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
        directory: Path = identify(config.get("LOCATION", ""), config).directory
        try:
            check_directory(directory)
        except EngineUnavailable as error:
            messages.append(
                checks.Warning(
                    f"CACHES[{alias!r}] cannot use its directory {directory}: {error.verdict.label}.",
                    hint=_what_to_do(directory, error),
                    id="cacheadmin.W002",
                )
            )
    return messages


def _what_to_do(directory: Path, error: EngineUnavailable) -> str:
    hint = "Give the user that runs the site a directory of its own with mode 0700."
    if error.verdict is not Verdict.UNSAFE_DIRECTORY:
        return hint
    offer = f'{hint} This one would do: "DIRECTORY": "{own_directory(directory)}".'
    return offer if error.detail == str(directory) else f"{offer} What is unsafe: {error.detail}."


def check_file_systems(**kwargs: Any) -> list[checks.CheckMessage]:
    """Report cache directories on a network file system, where each machine keeps to its own part."""
    messages: list[checks.CheckMessage] = []
    for alias, config in _adaptive().items():
        directory: Path = identify(config.get("LOCATION", ""), config).directory
        kind = network_of(directory)
        if kind:
            messages.append(
                checks.Warning(
                    f"CACHES[{alias!r}] keeps its files on a network file system ({kind}): {directory}. "
                    "Each machine uses a part of its own there, so that nothing can be corrupted, "
                    "but machines do not see each other's entries and clears.",
                    hint="Use a directory on a local disk, or Redis if several machines serve this site.",
                    id="cacheadmin.W004",
                )
            )
    return messages


def check_owner(**kwargs: Any) -> list[checks.CheckMessage]:
    """Report caches that keep away from Redis because their keys there are another installation's."""
    return [
        checks.Warning(
            f"CACHES[{alias!r}] does not use Redis: its keys there belong to another installation.",
            hint="If this installation was moved and the other one is no more: manage.py cache claim moved. "
            "If it is a copy and the other one goes on: manage.py cache claim copied.",
            id="cacheadmin.W005",
        )
        for alias in _adaptive()
        if cast(AdaptiveCache, caches[alias]).space.selector.last_reason() is Verdict.TAKEN
    ]


def check_threads(**kwargs: Any) -> list[checks.CheckMessage]:
    """Name the hosts that stop our threads between requests."""
    host = watcher.named_host()
    if watcher.threads_run() or not host:
        return []
    return [
        checks.Info(
            f"Under {host} no thread runs between requests. What a thread does elsewhere, such as asking for "
            "a lost Redis, is done in small pieces after answers: an idle site notices nothing until its "
            "next visitor.",
            hint='If threads do run here, set CACHEADMIN = {"THREADS": True}.',
            id="cacheadmin.I001",
        )
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
