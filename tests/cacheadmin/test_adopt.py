"""``manage.py cache adopt``: what a project's CACHES become."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from pytest_django import Settings

from cacheadmin.management.adoption import Adoption, adopt

ADAPTIVE = "cacheadmin.backend.AdaptiveCache"
DJANGO = "django.core.cache.backends"


def adopted(settings: Settings, **entry: Any) -> Adoption:
    (found,) = adopt({"default": entry}, settings)
    return found


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("cache", "adopt", *words, stdout=out, no_color=True)
    return out.getvalue()


def test_django_redis(settings: Settings) -> None:
    found = adopted(
        settings,
        BACKEND="django_redis.cache.RedisCache",
        LOCATION=["redis://bob:swordfish@10.0.0.1:6379/1", "redis://10.0.0.2:6379/1"],
        KEY_PREFIX="shop",
        TIMEOUT=60,
        OPTIONS={"CLIENT_CLASS": "django_redis.client.DefaultClient", "SOCKET_TIMEOUT": 1, "COLOUR": 1},
    )
    assert found.entry == {
        "BACKEND": ADAPTIVE,
        "KEY_PREFIX": "shop",
        "TIMEOUT": 60,
        "LOCATION": "redis://bob:PASSWORD@10.0.0.1:6379/1",
        "OPTIONS": {"ENGINE": "auto"},
    }
    assert [name for name, _ in found.stays] == ["KEY_PREFIX", "TIMEOUT", "LOCATION"]
    ignored = dict(found.ignored)
    assert set(ignored) == {"LOCATION", "CLIENT_CLASS", "SOCKET_TIMEOUT", "COLOUR"}
    assert "ANSWER_TIMEOUT" in ignored["SOCKET_TIMEOUT"]
    assert ignored["COLOUR"] == "Nothing reads it: remove it."
    assert "swordfish" not in json.dumps(found.as_json())


@pytest.mark.parametrize(
    ("location", "options", "expected"),
    [
        ("redis://10.0.0.1:6379", {"PASSWORD": "swordfish"}, "redis://:PASSWORD@10.0.0.1:6379"),
        ("redis://10.0.0.1", {"username": "bob", "password": "x1x"}, "redis://bob:PASSWORD@10.0.0.1"),
        ("redis://:sword/fish@10.0.0.1/1", {}, "redis://:PASSWORD@HOST:6379/0"),
        ("redis://a:1/0;redis://b:1/0", {}, "redis://a:1/0"),
        ("unix:///run/redis.sock?db=1", {}, "unix:///run/redis.sock?db=1"),
        ("", {}, "redis://127.0.0.1:6379/0"),
    ],
)
def test_addresses_of_redis(settings: Settings, location: str, options: Any, expected: str) -> None:
    found = adopted(settings, BACKEND=f"{DJANGO}.redis.RedisCache", LOCATION=location, OPTIONS=options)
    assert found.entry["LOCATION"] == expected
    assert ("PASSWORD" in expected) == any("PASSWORD stands for" in note for note in found.notes)


def test_sentinels(settings: Settings) -> None:
    found = adopted(
        settings,
        BACKEND="django_redis.cache.RedisCache",
        LOCATION="redis://mymaster/0",
        OPTIONS={"SENTINELS": [("h1", 26379), ("h2", 26380)]},
    )
    assert found.entry["LOCATION"] == "redis+sentinel://h1:26379,h2:26380/mymaster/0"
    assert found.ignored == []


def test_files(settings: Settings) -> None:
    found = adopted(
        settings,
        BACKEND=f"{DJANGO}.filebased.FileBasedCache",
        LOCATION="/srv/cache",
        OPTIONS={"max_entries": 50},
    )
    assert found.entry["OPTIONS"] == {"ENGINE": "file", "DIRECTORY": "/srv/cache", "MAX_ENTRIES": 50}
    assert any("djcache" in note for note in found.notes)


@pytest.mark.parametrize(
    ("backend", "kind", "becomes"),
    [
        ("locmem.LocMemCache", "memory", "auto"),
        ("memcached.PyMemcacheCache", "memcached", "auto"),
        ("memcached.PyLibMCCache", "memcached", "auto"),
        ("db.DatabaseCache", "database", "auto"),
        ("dummy.DummyCache", "dummy", "off"),
        ("nobody.KnowsIt", "unknown", "auto"),
    ],
)
def test_other_backends(settings: Settings, backend: str, kind: str, becomes: str) -> None:
    found = adopted(settings, BACKEND=f"{DJANGO}.{backend}", LOCATION="somewhere")
    assert (found.kind, found.entry["OPTIONS"]["ENGINE"]) == (kind, becomes)
    assert "LOCATION" not in found.entry
    if kind != "dummy":
        assert [name for name, _ in found.ignored] == ["LOCATION"]
    assert found.empties.startswith("Everything")


def test_one_that_is_adaptive_already(settings: Settings) -> None:
    found = adopted(settings, BACKEND=ADAPTIVE)
    assert (found.entry, found.empties) == ({}, "")


@pytest.mark.parametrize(
    ("kept_by", "lost"),
    [
        ("django.contrib.sessions.backends.cache", "Everybody is logged out once."),
        ("django.contrib.sessions.backends.cached_db", "Nobody is logged out."),
    ],
)
def test_sessions_and_limits_get_groups_of_their_own(settings: Settings, kept_by: str, lost: str) -> None:
    settings.SESSION_ENGINE = kept_by
    settings.SESSION_CACHE_ALIAS = "visits"
    settings.RATELIMIT_USE_CACHE = "limits"
    entry = {"BACKEND": f"{DJANGO}.locmem.LocMemCache"}
    default, visits, limits = adopt({"default": entry, "visits": entry, "limits": entry}, settings)
    assert [one.role for one in (default, visits, limits)] == ["", "sessions", "ratelimit"]
    assert "GROUP" not in default.entry["OPTIONS"]
    assert visits.entry["OPTIONS"]["GROUP"] == "sessions"
    assert lost in visits.empties
    assert limits.entry["OPTIONS"]["GROUP"] == "ratelimit"
    assert "counted anew" in limits.empties
    assert [one.entry["KEY_PREFIX"] for one in (default, visits, limits)] == ["default", "visits", "limits"]


def test_the_command_needs_no_adaptive_cache_and_changes_nothing(settings: Settings) -> None:
    before = {
        "default": {"BACKEND": f"{DJANGO}.locmem.LocMemCache", "LOCATION": "a", "OPTIONS": {"X": 1}},
        "old": {"BACKEND": ADAPTIVE, "KEY_PREFIX": "old"},
    }
    settings.CACHES = before
    said = run()
    assert f"default ({DJANGO}.locmem.LocMemCache)" in said
    assert "Write into CACHES: 'default': {'BACKEND': 'cacheadmin.backend.AdaptiveCache'" in said
    assert "Ignored: X: Nothing reads it" in said
    assert "It is an adaptive cache already." in said
    assert "Nothing was changed by this command." in said
    assert before == settings.CACHES
    answer = json.loads(run("--json", "--alias", "default"))
    assert set(answer["aliases"]) == {"default"}
    assert set(answer["aliases"]["default"]) == {
        *("backend", "kind", "role", "entry", "stays", "ignored", "empties", "notes")
    }
    with pytest.raises(CommandError, match="no cache 'third'") as refused:
        run("--alias", "third")
    assert refused.value.returncode == 2
    # What it says to write is in order.
    settings.CACHES = {"default": answer["aliases"]["default"]["entry"]}
    assert [one for one in run_checks(tags=["caches"]) if str(one.id).startswith("cacheadmin.W001")] == []
