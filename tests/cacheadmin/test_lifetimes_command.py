"""``manage.py cache ttl`` and the page: the lifetimes in force, declared and saved."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from django.test import Client

from cacheadmin import state
from cacheadmin.backend import AdaptiveCache
from cacheadmin.models import GroupLifetime

CacheMaker = Callable[..., AdaptiveCache]
THIRTY_DAYS = 30 * 24 * 3600


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("cache", "ttl", *words, stdout=out, no_color=True)
    return out.getvalue()


@pytest.mark.django_db
def test_the_command_shows_changes_and_resets_a_lifetime(new_cache: CacheMaker) -> None:
    new_cache("file")
    assert "content: 120 s\n" in run()
    assert "other: as the alias says\n" in run()
    assert run("content") == "content: 120 s\n"
    assert run("content", "60") == "content: 60 s, saved (declared: 120 s)\n"
    assert state.lifetime("content") == 60
    assert run("content") == "content: 60 s, saved (declared: 120 s)\n"
    assert run("other", "30") == "other: 30 s, saved (declared: as the alias says)\n"
    assert run("content", "--reset") == "content: 120 s\n"
    assert state.lifetime("content") == 120


@pytest.mark.django_db
def test_the_command_and_status_tell_programs_the_same(new_cache: CacheMaker) -> None:
    new_cache("file")
    expected = {"ttl": 60, "declared": 120, "saved": 60, "protected": False}
    answer = json.loads(run("content", "60", "--json"))
    assert answer == {"alias": "default", "groups": {"content": expected}}
    everything = json.loads(run("--json"))["groups"]
    assert everything["content"] == expected
    assert everything["users"] == {"ttl": 300, "declared": 300, "saved": None, "protected": False}
    out = io.StringIO()
    call_command("cache", "status", "--json", stdout=out)
    assert json.loads(out.getvalue())["groups"] == everything


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["contents"], "There is no group “contents”"),
        (["contents", "5"], "There is no group “contents”"),
        (["content", "0"], "whole number of seconds"),
        (["content", str(THIRTY_DAYS + 1)], "whole number of seconds"),
        (["--reset"], "--reset with one group"),
        (["content", "5", "--reset"], "--reset with one group"),
        (["content", "soon"], "invalid int value"),
    ],
)
def test_a_wrong_command_says_what_is_wrong(new_cache: CacheMaker, words: list[str], why: str) -> None:
    new_cache("file")
    with pytest.raises(CommandError, match=why) as refused:
        run(*words)
    assert getattr(refused.value, "returncode", 2) == (1 if "invalid int" in why else 2)
    assert not GroupLifetime.objects.exists()


def test_without_tables_the_command_says_what_to_do(
    new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_cache("file")

    def fail(*args: Any, **kwargs: Any) -> None:
        raise DatabaseError("no such table")

    monkeypatch.setattr("cacheadmin.models.save_lifetime", fail)
    with pytest.raises(CommandError, match=r"lifetime cannot be saved \(DatabaseError\).*migrate") as refused:
        run("content", "60")
    assert refused.value.returncode == 1


@pytest.mark.django_db
def test_the_page_shows_the_lifetime_in_force(new_cache: CacheMaker, admin_client: Client) -> None:
    new_cache("file")
    state.save_lifetime("content", 61)
    assert "61 s" in admin_client.get("/admin/cache/").content.decode()
