"""What an entry of CACHES describes: which cache it is, and how big it may grow."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings

from cacheadmin import conf, temporary
from cacheadmin.engines.file import MAX_BYTES, of_this_machine
from cacheadmin.serializer import fingerprint

# Bytes. Smaller values reach a Redis sooner as they are than they would be compressed.
COMPRESS_FROM = 65_536


@dataclass(frozen=True)
class Identity:
    """What makes two handles the same cache, and how big it may grow."""

    # It may hold a password.
    location: str = field(repr=False)
    directory: Path
    choice: str
    prefix: str
    max_entries: int
    cull_frequency: int
    compress_from: int | None
    max_bytes: int = MAX_BYTES

    @property
    def base(self) -> str:
        """What its keys begin with, but for what a copy adds."""
        # Without a prefix, two projects in one Redis would share keys: the installation gives one.
        return self.prefix or f"cacheadmin-{fingerprint(settings.SECRET_KEY)}"


def identify(location: str, params: dict[str, Any]) -> Identity:
    """Return the identity of the cache that an entry of CACHES describes."""
    options = params.get("OPTIONS", {})
    configured = options.get("DIRECTORY")
    directory = Path(configured) if configured else temporary.private_directory() / "files"
    # On a network file system, locks and mapped words hold between the workers of one machine only.
    directory = of_this_machine(directory)
    return Identity(
        location=location or conf.DEFAULT_LOCATION,
        directory=directory,
        choice=options.get("ENGINE", "auto"),
        prefix=str(params.get("KEY_PREFIX") or ""),
        # As Django has them: also under their old names, and what is no number counts as not given.
        max_entries=_number(params.get("max_entries", options.get("MAX_ENTRIES")), 10_000),
        cull_frequency=_number(params.get("cull_frequency", options.get("CULL_FREQUENCY")), 3),
        compress_from=options.get("COMPRESS_FROM", COMPRESS_FROM),
        max_bytes=_number(options.get("MAX_BYTES"), MAX_BYTES),
    )


def _number(given: Any, usual: int) -> int:
    try:
        return int(given)
    except (ValueError, TypeError):
        return usual


def namespaces_beside(identity: Identity, suffix: str) -> list[str]:
    """Return what the keys of all caches begin with that are configured to go where *identity* goes."""
    return [one.base + suffix for one in _beside(identity).values()]


def aliases_beside(identity: Identity) -> list[str]:
    """Return the aliases of the caches that are configured to go where *identity* goes."""
    return list(_beside(identity))


def _beside(identity: Identity) -> dict[str, Identity]:
    where = (identity.location, identity.directory, identity.choice)
    others = {alias: identify(entry.get("LOCATION", ""), entry) for alias, entry in settings.CACHES.items()}
    return {alias: one for alias, one in others.items() if (one.location, one.directory, one.choice) == where}
