"""The app's own settings: ``CACHEADMIN`` in Django's settings over the defaults here."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed

# Where Redis is looked for when CACHES names no LOCATION.
DEFAULT_LOCATION = "redis://127.0.0.1:6379/0"

DEFAULTS: dict[str, Any] = {
    # The database that holds the saved settings.
    "DATABASE": "default",
    # Seconds Redis may take to accept a connection, and to answer.
    "CONNECT_TIMEOUT": 0.25,
    "ANSWER_TIMEOUT": 0.25,
    # Seconds between two looks at the saved settings, and between two probes of a lost engine.
    "REFRESH_INTERVAL": 1.0,
    "PROBE_INTERVAL": 0.5,
    # Whether statistics are kept, for how many days, and the seconds between two hand-overs of a process.
    "STATISTICS": True,
    "STATISTICS_DAYS": 7,
    "STATISTICS_INTERVAL": 5.0,
    # What whoever reads the metrics sends as a Bearer token; without one there are none.
    "METRICS_TOKEN": "",
    # Whether a thread of ours may run between requests; None finds it out.
    "THREADS": None,
    # Whether what was emptied by a clear or a switch is filled again, in the background.
    "WARM_AUTOMATICALLY": True,
    # How many events are kept.
    "EVENTS": 1000,
    # Dotted path of what finds the client's address in a request; None takes REMOTE_ADDR.
    "CLIENT_ADDRESS": None,
    # What the environment fixes: {"LOCATION": "REDIS_URL"} says that the address comes from that
    # variable, so that no saved address replaces it.
    "ENVIRONMENT": {},
    # --- Whole pages (cacheadmin.pagecache) ---
    # Whether they are kept; None: unless DEBUG is on.
    "PAGES": None,
    # The alias of CACHES that they are kept in.
    "PAGES_ALIAS": "default",
    # Cookies with which a visitor gets a page of their own, beside those of session, messages and language.
    "PAGES_COOKIES": (),
    # Beginnings of paths that are never looked up, beside STATIC_URL and MEDIA_URL.
    "PAGES_EXCEPT": (),
    # Parameters that change no page; they may have an asterisk at the end.
    "PAGES_IGNORED_PARAMETERS": ("utm_*", "gclid", "fbclid", "msclkid", "mc_cid", "mc_eid"),
    # Dotted path of what says of a peer's address (REMOTE_ADDR) whether it is believed when it names the
    # scheme in SECURE_PROXY_SSL_HEADER; None: whoever it is, as Django does.
    "PAGES_TRUST": None,
    # Seconds a visitor waits for a page that another one's request is making.
    "PAGES_WAIT": 5.0,
    # Bytes of pages that each worker remembers for a second while they are kept on Redis; 0: none.
    "PAGES_NEAR": 8_000_000,
    # Seconds that an nginx in front keeps pages (X-Accel-Expires), and a CDN (s-maxage); 0: not at all.
    "PAGES_NGINX_SECONDS": 0,
    "PAGES_CDN_SECONDS": 0,
    # A directory for pages that the web server sends by itself; empty: none. At most so many pages and bytes.
    "PAGES_DIRECTORY": "",
    "PAGES_DIRECTORY_ENTRIES": 5000,
    "PAGES_DIRECTORY_BYTES": 200_000_000,
    # What the rules of the web server add: a page with any other header, or another value, is no file.
    "PAGES_DIRECTORY_HEADERS": {
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
    },
}


@cache
def _merged() -> dict[str, Any]:
    return {**DEFAULTS, **getattr(settings, "CACHEADMIN", {})}


def get(name: str) -> Any:
    """Return the value of the setting *name*, a key of ``DEFAULTS``."""
    return _merged()[name]


def aliases() -> list[str]:
    """Return the aliases of CACHES, whatever their backend."""
    return list(settings.CACHES)


def location(alias: str) -> str:
    """Return the LOCATION of *alias*, or the default one; it may hold a password."""
    return str(settings.CACHES.get(alias, {}).get("LOCATION") or DEFAULT_LOCATION)


def has_location(alias: str, sought: str) -> bool:
    """Whether CACHES has *alias* at the LOCATION *sought*: there, what is saved for one governs all."""
    return alias in settings.CACHES and location(alias) == sought


def together_with(alias: str) -> list[str]:
    """Return *alias* and then those at the same LOCATION, which share what is saved."""
    there = location(alias)
    return [alias, *(other for other in aliases() if other != alias and has_location(other, there))]


def _forget(*, setting: str, **kwargs: object) -> None:
    if setting == "CACHEADMIN":
        _merged.cache_clear()


setting_changed.connect(_forget, dispatch_uid="cacheadmin.conf")
