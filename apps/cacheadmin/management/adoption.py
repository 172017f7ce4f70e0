"""What a project changes in its CACHES to use the adaptive cache, and what comes of what it has there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cacheadmin.checks import BACKEND, INSTEAD, KNOWN_OPTIONS
from cacheadmin.conf import DEFAULT_LOCATION
from cacheadmin.engines.redis import without_password

Entry = Mapping[str, Any]

# Mean here what they mean to Django.
_SAME = ("KEY_PREFIX", "VERSION", "KEY_FUNCTION", "TIMEOUT")
_KINDS = {
    "django_redis.cache.RedisCache": "django-redis",
    "django.core.cache.backends.redis.RedisCache": "redis",
    "django.core.cache.backends.filebased.FileBasedCache": "file",
    "django.core.cache.backends.locmem.LocMemCache": "memory",
    "django.core.cache.backends.memcached.PyMemcacheCache": "memcached",
    "django.core.cache.backends.memcached.PyLibMCCache": "memcached",
    "django.core.cache.backends.db.DatabaseCache": "database",
    "django.core.cache.backends.dummy.DummyCache": "dummy",
    BACKEND: "adaptive",
}
_SECRET = "PASSWORD"  # noqa: S105 (the word that stands for one)


@dataclass
class Adoption:
    """What becomes of one alias.

    Args:
        alias: a key of CACHES.
        backend: the present one.
        kind: which of those that are known it is; ``unknown`` for another.
        role: ``sessions``, ``ratelimit`` or empty.
        entry: what to write in its place; passwords stand there as PASSWORD.
        stays: what means the same, and how.
        ignored: what has no meaning here, and what to do instead.
        empties: what the change loses.
        notes: what else there is to know.
    """

    alias: str
    backend: str
    kind: str
    role: str = ""
    entry: dict[str, Any] = field(default_factory=dict)
    stays: list[tuple[str, str]] = field(default_factory=list)
    ignored: list[tuple[str, str]] = field(default_factory=list)
    empties: str = ""
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return what the command prints of it."""
        return {
            "backend": self.backend,
            "kind": self.kind,
            "role": self.role,
            "entry": self.entry,
            "stays": [{"name": name, "why": why} for name, why in self.stays],
            "ignored": [{"name": name, "why": why} for name, why in self.ignored],
            "empties": self.empties,
            "notes": self.notes,
        }


def adopt(caches: Mapping[str, Entry], settings: Any) -> list[Adoption]:
    """Return what to change for each alias.

    Args:
        caches: CACHES.
        settings: Django's settings, which say who keeps sessions and limits where.
    """
    return [_adopt(alias, entry, settings, is_one_of_many=len(caches) > 1) for alias, entry in caches.items()]


def _adopt(alias: str, entry: Entry, settings: Any, *, is_one_of_many: bool) -> Adoption:
    backend = str(entry.get("BACKEND", ""))
    found = Adoption(alias, backend, _KINDS.get(backend, "unknown"), role=_role(alias, settings))
    if found.kind == "adaptive":
        found.notes.append("It is an adaptive cache already.")
        return found
    found.entry = {"BACKEND": BACKEND, "OPTIONS": {}}
    for name in _SAME:
        if name in entry:
            found.entry[name] = entry[name]
            found.stays.append((name, "means the same"))
    _TRANSLATIONS[found.kind](found, entry)
    _options(found, entry)
    _assign(found, settings, is_one_of_many=is_one_of_many)
    if not found.entry["OPTIONS"]:
        del found.entry["OPTIONS"]
    return found


def _role(alias: str, settings: Any) -> str:
    engine = str(getattr(settings, "SESSION_ENGINE", ""))
    keeps_sessions = (
        engine.endswith(("backends.cache", "backends.cached_db")) or engine == "cacheadmin.sessions"
    )
    if keeps_sessions and getattr(settings, "SESSION_CACHE_ALIAS", "default") == alias:
        return "sessions"
    if getattr(settings, "RATELIMIT_USE_CACHE", None) == alias or alias in ("ratelimit", "throttle"):
        return "ratelimit"
    return ""


# --- LOCATION and engine, by what is there now ---


def _from_redis(found: Adoption, entry: Entry) -> None:
    options = entry.get("OPTIONS", {})
    location = entry.get("LOCATION", "")
    many = location.replace(";", ",").split(",") if isinstance(location, str) else [*location]
    address = str(many[0]).strip() if many and many[0] else DEFAULT_LOCATION
    if len(many) > 1:
        found.ignored.append(("LOCATION", "Only the first server is used: reads go where writes go."))
    if options.get("SENTINELS"):
        hosts = ",".join(f"{host}:{port}" for host, port in options["SENTINELS"])
        _, _, rest = address.partition("://")
        place = rest.rpartition("@")[2]
        address = f"redis+sentinel://{hosts}/{place}"
        found.notes.append("The Sentinels name the master: they stand in LOCATION now.")
    found.entry["LOCATION"] = _masked(address, options)
    if found.entry["LOCATION"] != address:
        found.notes.append(f"{_SECRET} stands for the password: write it there, percent-encoded.")
    found.entry["OPTIONS"]["ENGINE"] = "auto"
    found.stays.append(("LOCATION", "the same Redis; the engine is auto: files take over while it is away"))


def _masked(address: str, options: Entry) -> str:
    """Return *address* with a word in the place of its password, wherever that comes from."""
    shown = without_password(address)
    password = options.get("PASSWORD") or options.get("password")
    has_password = bool(password) or shown not in (address, "?")
    if shown == "?":
        return f"redis://:{_SECRET}@HOST:6379/0"
    if not has_password:
        return shown
    scheme, _, rest = shown.partition("://")
    user, at, place = rest.rpartition("@")
    user = user if at else str(options.get("USERNAME") or options.get("username") or "")
    return f"{scheme}://{user}:{_SECRET}@{place}"


def _from_files(found: Adoption, entry: Entry) -> None:
    found.entry["OPTIONS"].update(ENGINE="file", DIRECTORY=str(entry.get("LOCATION", "")))
    found.stays.append(("LOCATION", "is OPTIONS['DIRECTORY'] now; only this user may be able to write there"))
    found.notes.append("Remove the old *.djcache files there: nothing reads them any more.")


def _from_memory(found: Adoption, entry: Entry) -> None:
    found.entry["OPTIONS"]["ENGINE"] = "auto"
    _drop_location(found, entry, "was a name in memory. Give OPTIONS['DIRECTORY'] for files.")
    found.notes.append("'ENGINE': 'memory' would keep it in memory, for each worker alone.")


def _from_memcached(found: Adoption, entry: Entry) -> None:
    found.entry["OPTIONS"]["ENGINE"] = "auto"
    _drop_location(found, entry, "Memcached is no engine here. LOCATION would name a Redis.")


def _from_database(found: Adoption, entry: Entry) -> None:
    found.entry["OPTIONS"]["ENGINE"] = "auto"
    _drop_location(found, entry, "was a table, which can be dropped.")


def _from_dummy(found: Adoption, entry: Entry) -> None:
    found.entry["OPTIONS"]["ENGINE"] = "off"
    found.stays.append(("BACKEND", "the engine off keeps nothing, as the dummy does"))


def _from_unknown(found: Adoption, entry: Entry) -> None:
    found.entry["OPTIONS"]["ENGINE"] = "auto"
    _drop_location(found, entry, "its meaning is not known here.")
    found.notes.append("This backend is not known here: what its options mean is for you to say.")


def _drop_location(found: Adoption, entry: Entry, why: str) -> None:
    if entry.get("LOCATION"):
        found.ignored.append(("LOCATION", why))


_TRANSLATIONS: dict[str, Callable[[Adoption, Entry], None]] = {
    "django-redis": _from_redis,
    "redis": _from_redis,
    "file": _from_files,
    "memory": _from_memory,
    "memcached": _from_memcached,
    "database": _from_database,
    "dummy": _from_dummy,
    "unknown": _from_unknown,
}


# --- Options, groups, and what is lost ---


def _options(found: Adoption, entry: Entry) -> None:
    old_names = {"max_entries": "MAX_ENTRIES", "cull_frequency": "CULL_FREQUENCY"}
    options = {old_names.get(name, name): value for name, value in entry.get("OPTIONS", {}).items()}
    for name, value in options.items():
        if name in KNOWN_OPTIONS:
            found.entry["OPTIONS"][name] = value
            found.stays.append((name, "means the same"))
        elif name == "SENTINELS":
            continue
        else:
            found.ignored.append((name, INSTEAD.get(name, "Nothing reads it: remove it.")))
    if found.kind in ("file", "memory", "database") and "MAX_ENTRIES" not in options:
        found.notes.append("MAX_ENTRIES is 10,000 unless it is said, where Django has 300.")


def _assign(found: Adoption, settings: Any, *, is_one_of_many: bool) -> None:
    if is_one_of_many and not found.entry.get("KEY_PREFIX") and found.kind != "dummy":
        found.entry["KEY_PREFIX"] = found.alias
        found.notes.append("KEY_PREFIX keeps it apart from the other aliases.")
    found.empties = "Everything: no key of the old backend is read. It fills again by itself."
    if found.role and found.alias != "default":
        found.entry["OPTIONS"]["GROUP"] = found.role
        found.notes.append(f"OPTIONS['GROUP'] protects what is in it: clearing spares {found.role}.")
    if found.role == "sessions":
        is_only_place = str(settings.SESSION_ENGINE).endswith("backends.cache")
        lost = "Everybody is logged out once." if is_only_place else "Nobody is logged out."
        found.empties += f" {lost}"
        found.notes.append("SESSION_ENGINE = 'cacheadmin.sessions' keeps them in the database too.")
    if found.role == "ratelimit":
        found.empties += " Limits are counted anew once."
