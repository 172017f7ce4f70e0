"""Back to what was saved before an event, and the history on the command line."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from pytest_django import Settings

from cacheadmin import clear, history, state
from cacheadmin.backend import AdaptiveCache
from cacheadmin.models import CacheEvent, CacheSettings, GroupLifetime
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]
pytestmark = pytest.mark.django_db(transaction=True)


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("cache", *words, stdout=out, no_color=True)
    return out.getvalue()


def rows() -> tuple[Any, Any]:
    """What is saved, but for its revisions."""
    choices = {row.alias: row.engine for row in CacheSettings.objects.all()}
    return choices, sorted(GroupLifetime.objects.values_list("alias", "group", "seconds"))


def last(kind: str) -> CacheEvent:
    return CacheEvent.objects.filter(kind=kind).latest("id")


def test_choice_address_and_lifetimes_are_as_they_were(
    new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    cache = new_cache("file")
    state.save_choice(engine="redis", location=redis_server.url())
    state.save_lifetime("content", 50)
    then = rows()
    state.save_lifetime("users", 60)
    event = last("lifetime")
    state.save_lifetime("content", None)
    state.save_choice(engine="memory")
    assert cache.space.selector.status().engine == "memory"
    history.roll_back(event.pk, actor="the test")
    assert rows() == then
    assert state.snapshot()["default"].location == redis_server.url()
    assert (cache.space.selector.status().engine, state.lifetime("content")) == ("redis", 50)
    done = last("rollback")
    assert (done.who, done.details["event"]) == ("the test", event.pk)
    assert done.before is not None
    assert done.before["engine"] == "memory"
    assert done.sentence == f"as they were before event {event.pk}"


def test_a_rollback_can_be_rolled_back(new_cache: CacheMaker) -> None:
    new_cache("file")
    state.save_choice(engine="memory")
    first = last("choice")
    history.roll_back(first.pk)
    assert rows() == ({}, [])
    history.roll_back(last("rollback").pk)
    assert rows() == ({"default": "memory"}, [])


def test_any_event_leads_back_to_what_was_saved_when_it_happened(new_cache: CacheMaker) -> None:
    new_cache("file")
    state.save_lifetime("content", 50)
    clear.clear(["content"])
    state.save_lifetime("content", 60)
    history.roll_back(last("clear").pk)
    assert rows()[1] == [("default", "content", 50)]
    with pytest.raises(history.NothingToRestore, match="was changed since"):
        clear.clear(["content"])
        history.roll_back(last("clear").pk)


def test_another_location_is_left_alone(new_cache: CacheMaker) -> None:
    new_cache("file", location="redis://127.0.0.1:1/0")
    new_cache("file", location="redis://127.0.0.1:1/0", alias="sessions")
    new_cache("file", location="redis://127.0.0.1:2/0", alias="ratelimit")
    state.save_choice("sessions", engine="memory")
    event = last("choice")
    state.save_choice("ratelimit", engine="off")
    state.save_choice("default", engine="file")
    # One row for all at a LOCATION, and what was saved last counts.
    assert rows()[0] == {"default": "file", "ratelimit": "off"}
    history.roll_back(event.pk)
    assert rows()[0] == {"ratelimit": "off"}
    with pytest.raises(CacheEvent.DoesNotExist):
        history.roll_back(event.pk, alias="ratelimit")


def test_an_address_that_is_dead_by_now_is_refused_unless_forced(
    new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    new_cache("file")
    state.save_choice(engine="redis", location=redis_server.url())
    state.save_choice(engine="file")
    event = last("choice")
    redis_server.stop()
    with pytest.raises(CommandError, match=r"which was used then, cannot be used: nothing listens"):
        run("rollback", str(event.pk))
    assert rows()[0] == {"default": "file"}
    refused = last("refused")
    assert "nothing listens" in refused.sentence
    assert "Engine:" in run("rollback", str(event.pk), "--force")
    assert rows()[0] == {"default": "redis"}


def test_a_refused_use_is_an_event(new_cache: CacheMaker) -> None:
    new_cache("file")
    with pytest.raises(CommandError, match="cannot be used"):
        run("use", "redis", "--redis-url", "redis://bob:swordfish@127.0.0.1:1/0")
    refused = last("refused")
    assert refused.details["address"] == "redis://bob@127.0.0.1:1/0"
    assert refused.details["detail"] == "refused"
    assert refused.actor_name.startswith("manage.py (")


def test_what_another_secret_key_wrote_cannot_be_restored(new_cache: CacheMaker, settings: Settings) -> None:
    new_cache("file")
    state.save_choice(engine="memory")
    settings.SECRET_KEY = "another one altogether"
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(CommandError, match="nothing to restore: It was written under another SECRET_KEY"):
        run("rollback", str(last("choice").pk))
    assert rows()[0] == {"default": "memory"}


def test_the_history_for_people_and_for_programs(new_cache: CacheMaker) -> None:
    new_cache("file")
    assert run("history").startswith("Nothing has happened yet.")
    run("ttl", "content", "60")
    run("clear", "--group", "content")
    first, second = run("history").splitlines()
    assert "Cleared: content (" in first
    assert "Lifetime changed: content: 60 s instead of what is declared" in second
    assert "[manage.py (" in second
    assert len(run("history", "-n", "1").splitlines()) == 1
    answer = json.loads(run("history", "--json"))
    assert answer["alias"] == "default"
    event = answer["events"][1]
    assert set(event) == {
        *("id", "kind", "alias", "at", "ended_at", "ms", "who", "address", "machine", "details"),
        *("before", "after"),
    }
    assert (event["kind"], event["ended_at"]) == ("lifetime", None)
    assert event["before"] == {"engine": "", "address": "", "lifetimes": {}}
    assert event["after"] == {"engine": "", "address": "", "lifetimes": {"content": 60}}


def test_wrong_words_are_misuse(new_cache: CacheMaker) -> None:
    new_cache("file")
    for words, why in ((["rollback", "7"], "no event 7"), (["history", "-n", "0"], "1 or more")):
        with pytest.raises(CommandError, match=why) as refused:
            run(*words)
        assert refused.value.returncode == 2


def test_without_tables_the_history_says_what_to_do(
    new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_cache("file")

    def fail(*args: Any) -> None:
        raise DatabaseError("no such table")

    monkeypatch.setattr("cacheadmin.history.events", fail)
    monkeypatch.setattr("cacheadmin.history.roll_back", fail)
    with pytest.raises(CommandError, match=r"history cannot be read \(DatabaseError\).*migrate"):
        run("history")
    with pytest.raises(CommandError, match=r"settings cannot be saved \(DatabaseError\)"):
        monkeypatch.setattr("cacheadmin.history.roll_back", lambda *_, **__: fail())
        run("rollback", "1")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"choices": {"a": 1}, "lifetimes": {}}', "no"])
def test_what_is_no_settings_is_refused(text: str) -> None:
    from cacheadmin.saved_settings import SavedSettings

    with pytest.raises(ValueError, match="no settings"):
        SavedSettings.loads(text)
