"""What happens to a cache is written down: who, what, when, from where; never at anybody's cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection, transaction
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation
from pytest_django import Settings

from cacheadmin import clear, events, models, signals, state, upkeep
from cacheadmin.backend import AdaptiveCache
from cacheadmin.events import COMMAND
from cacheadmin.models import CacheEvent
from cacheadmin.models.event_words import sentence
from cacheadmin.models.events import KINDS
from cacheadmin.verdicts import Verdict
from core.models import AdminHistory
from tests.cacheadmin.waiting import wait_until
from tests.cacheadmin.workers import Worker, migrate, settings_of
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]
outside_transactions = pytest.mark.django_db(transaction=True)


def kinds() -> list[str]:
    return list(CacheEvent.objects.order_by("id").values_list("kind", flat=True))


# --- What people do ---


@outside_transactions
def test_a_choice_is_written_with_what_was_saved_before_and_after(new_cache: CacheMaker) -> None:
    new_cache("file")
    state.save_choice(engine="memory", actor=COMMAND)
    state.save_choice(engine="redis", location="redis://bob:swordfish@10.0.0.1/1", actor="the test")
    first, second = CacheEvent.objects.filter(kind="choice").order_by("id")
    assert first.before == {"engine": "", "address": "", "lifetimes": {}}
    assert first.actor_name.startswith("manage.py (")
    assert first.sentence == "Memory instead of what the settings file says"
    assert second.before == {"engine": "memory", "address": "", "lifetimes": {}}
    assert second.after is not None
    assert second.after["engine"] == "redis"
    assert "10.0.0.1" in second.after["address"]
    assert (second.who, second.label) == ("the test", "Engine chosen")
    assert second.sentence == "Redis instead of Memory"
    assert second.settings_before().choices == {"default": ("memory", "")}


@outside_transactions
def test_no_secret_stands_in_any_column(new_cache: CacheMaker) -> None:
    new_cache("file")
    for engine in ("redis", "file"):
        state.save_choice(engine=engine, location="redis://bob:swordfish@10.0.0.1/1", actor="the test")
    for row in CacheEvent.objects.values():
        assert "swordfish" not in str(row)
    changed = CacheEvent.objects.filter(kind="choice").order_by("id").last()
    assert changed is not None
    assert changed.settings_before().choice == ("redis", "redis://bob:swordfish@10.0.0.1/1")
    assert "swordfish" not in repr(changed.settings_before())


@outside_transactions
def test_whoever_saves_what_is_saved_has_changed_nothing(new_cache: CacheMaker) -> None:
    new_cache("file")
    state.save_choice("default", engine="memory", location="", actor="manage.py")
    state.save_lifetime("sessions", 60, actor="manage.py")
    for _ in range(2):
        state.save_choice("default", engine="memory", location="", actor="manage.py")
        state.save_lifetime("sessions", 60, actor="manage.py")
    assert Counter(CacheEvent.objects.values_list("kind", flat=True)) == {"choice": 1, "lifetime": 1}


@outside_transactions
def test_a_clear_names_the_person_the_address_and_the_time_it_took(
    new_cache: CacheMaker, rf: RequestFactory, settings: Settings
) -> None:
    new_cache("file")
    user = get_user_model().objects.create_user("ann", "ann@example.org", "x")
    request = rf.post("/", REMOTE_ADDR="192.0.2.7")
    clear.clear(["content"], actor=user, request=request)
    event = CacheEvent.objects.get(kind="clear")
    assert (event.actor_name, event.actor_id) == ("ann", str(user.pk))
    assert (event.address, event.details["groups"]) == ("192.0.2.7", ["content"])
    assert event.ms is not None
    assert event.machine
    assert (event.before, event.encrypted_before) == (None, "")
    settings.CACHEADMIN = {}
    clear.clear(["content"], request=request)
    assert CacheEvent.objects.filter(address="192.0.2.7").count() == 2


@pytest.mark.django_db
def test_the_sites_own_history_hears_of_it_too(new_cache: CacheMaker) -> None:
    new_cache("file")
    state.save_choice(engine="file", actor="the test")
    assert AdminHistory.objects.filter(action="choose cache engine", actor_name="the test").exists()


# --- Transactions ---


@outside_transactions
def test_a_clear_in_a_transaction_that_fails_is_written_all_the_same(new_cache: CacheMaker) -> None:
    new_cache("file")
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        clear.clear(["content"], actor="the test")
        assert not CacheEvent.objects.exists()
        raise ZeroDivisionError
    assert not CacheEvent.objects.exists()
    events.keep_house()
    assert kinds() == ["clear"]


@outside_transactions
def test_a_choice_in_a_transaction_that_fails_did_not_happen(new_cache: CacheMaker) -> None:
    new_cache("file")
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        state.save_lifetime("content", 50)
        raise ZeroDivisionError
    events.keep_house()
    assert kinds() == []
    with transaction.atomic():
        state.save_lifetime("content", 50)
    assert kinds() == ["lifetime"]


@outside_transactions
def test_a_request_writes_it_after_its_answer(new_cache: CacheMaker, client: Client) -> None:
    new_cache("file")
    signals.send("outage", alias="default", was="redis", engine="file", detail="refused")
    assert kinds() == []
    upkeep._kept_house_at = float("-inf")
    client.get("/health/")
    assert kinds() == ["outage"]


# --- Trouble ---


@outside_transactions
def test_a_database_that_fails_costs_nothing_and_gets_it_later(
    new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_cache("file")

    def fail(_: Any) -> None:
        raise DatabaseError("gone")

    with monkeypatch.context() as patched:
        patched.setattr(events, "_sink", fail)
        clear.clear(["content"])
        clear.clear(["users"])
        # It is not asked again at once.
        events.keep_house()
    assert len(events._waiting) == 2
    events.write_waiting()
    assert [event.details["groups"] for event in CacheEvent.objects.order_by("id")] == [
        ["content"],
        ["users"],
    ]


def test_without_any_database_only_the_youngest_wait(new_cache: CacheMaker) -> None:
    new_cache("file")
    for number in range(300):
        signals.send("outage", detail=str(number))
    assert len(events._waiting) == 200
    assert events._waiting[-1].details == {"detail": "299"}


@outside_transactions
def test_noticing_an_outage_asks_the_database_nothing(
    new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    cache = new_cache("redis", location=redis_server.url())
    cache.set("a", 1)
    redis_server.kill()
    with CaptureQueriesContext(connection) as asked:
        cache.get("a")
    assert len(asked) == 0
    assert [event.kind for event in events._waiting] == ["outage"]


# --- Outages ---


@outside_transactions
def test_one_outage_is_one_event_with_its_end(new_cache: CacheMaker, redis_server: RedisServer) -> None:
    cache = new_cache("redis", location=redis_server.url())
    cache.set("a", 1)
    redis_server.kill()
    for _ in range(20):
        cache.get("a")
    events.write_waiting()
    outage = CacheEvent.objects.get()
    assert (outage.kind, outage.ended_at, outage.ms) == ("outage", None, None)
    assert outage.sentence == "Redis was lost (nothing listens at this address); Files serves"
    assert outage.who == "the cache itself"
    redis_server.start()
    wait_until(lambda: not cache.space.selector.is_degraded, seconds=5)
    wait_until(lambda: bool(events._waiting), seconds=2)
    events.write_waiting()
    assert kinds() == ["outage", "return"]
    outage.refresh_from_db()
    back = CacheEvent.objects.get(kind="return")
    assert outage.ended_at == back.at
    assert outage.ms == back.ms
    assert outage.ms == pytest.approx((back.at - outage.at).total_seconds() * 1000)
    assert back.sentence == "Redis serves again"


@pytest.mark.django_db
def test_a_second_loss_in_an_outage_belongs_to_it_and_a_new_choice_ends_it() -> None:
    signals.send("outage", alias="default", was="redis", engine="file", is_degraded=True)
    signals.send("switch", alias="default", was="file", engine="memory", is_degraded=True)
    models.save_events(list(events._waiting))
    assert kinds() == ["outage"]
    events._waiting.clear()
    signals.send("switch", alias="default", was="memory", engine="file", is_degraded=False)
    models.save_events(list(events._waiting))
    assert kinds() == ["outage", "switch"]
    assert CacheEvent.objects.get(kind="outage").ended_at is not None


@pytest.mark.django_db
def test_another_machines_outage_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for machine in ("one", "two"):
        monkeypatch.setattr("platform.node", lambda name=machine: name)
        signals.send("outage", alias="default", was="redis", engine="file", is_degraded=True)
    signals.send("return", alias="default", was="file", engine="redis", is_degraded=False)
    models.save_events(list(events._waiting))
    ended = dict(CacheEvent.objects.filter(kind="outage").values_list("machine", "ended_at"))
    assert ended["one"] is None
    assert ended["two"] is not None


# --- How much is kept ---


@pytest.mark.django_db
def test_the_youngest_are_kept_and_addresses_for_thirty_days(settings: Settings) -> None:
    settings.CACHEADMIN = {"EVENTS": 3}
    long_ago = timezone.now() - timedelta(days=31)
    CacheEvent.objects.bulk_create(
        CacheEvent(kind="clear", at=at, address="192.0.2.7", details={"number": number})
        for number, at in enumerate([timezone.now()] * 3 + [long_ago] + [timezone.now()] * 2)
    )
    models.trim_events(3)
    kept = CacheEvent.objects.order_by("id")
    assert [event.details["number"] for event in kept] == [3, 4, 5]
    assert [event.address for event in kept] == ["", "192.0.2.7", "192.0.2.7"]


@outside_transactions
def test_the_house_is_kept_after_answers_and_only_if_something_was_written(
    settings: Settings, new_cache: CacheMaker
) -> None:
    settings.CACHEADMIN = {"EVENTS": 2}
    new_cache("file")
    for _ in range(5):
        clear.clear(["content"])
    assert CacheEvent.objects.count() == 5
    events.keep_house()
    assert CacheEvent.objects.count() == 2
    with CaptureQueriesContext(connection) as asked:
        events.keep_house()
    assert len(asked) == 0


# --- Words ---

EXAMPLES: dict[str, dict[str, Any]] = {
    "switch": {"engine": "file", "was": "redis", "detail": "chosen"},
    "outage": {"engine": "file", "was": "redis", "detail": "timed out"},
    "return": {"engine": "redis", "was": "file", "detail": "found"},
    "choice": {"engine": "redis"},
    "lifetime": {"group": "content", "seconds": 60, "before": None},
    "clear": {"groups": ["content", "lists"]},
    "warm": {"groups": ["users"], "done": 12, "errors": 1},
    "refused": {"engine": "redis", "address": "redis://h:1", "detail": "wrong password"},
    "rollback": {"event": 7},
    "undone": {"engine": "file", "was": "redis", "seconds": 20, "detail": "refused"},
    "moved": {},
    "copied": {},
    "restored": {"detail": "older"},
    "look": {"key": "content:1"},
    "delete": {"key": "content:1"},
}


def test_there_is_an_example_of_each() -> None:
    assert set(EXAMPLES) == set(KINDS)


@pytest.mark.parametrize("kind", EXAMPLES)
def test_every_event_speaks_both_languages(kind: str) -> None:
    event = CacheEvent(kind=kind, at=timezone.now(), details=EXAMPLES[kind], before={"engine": "memory"})
    said = {}
    for language in ("en", "fr"):
        with translation.override(language):
            said[language] = (event.label, event.sentence, event.who)
    assert said["en"][0] != said["fr"][0]
    assert said["en"][2] != said["fr"][2]
    # These name groups and keys, which are the same in every language.
    if kind not in ("clear", "look", "delete"):
        assert said["en"][1] == "" or said["en"][1] != said["fr"][1]


def test_an_address_alone_and_one_that_nobody_can_read_have_words_of_their_own() -> None:
    moved = sentence("choice", {"engine": "redis"}, {"engine": "redis"})
    assert moved == "Redis, at another address"
    unread = {"engine": "redis", "address": "?", "detail": Verdict.BAD_ADDRESS.word}
    assert sentence("refused", unread, {}) == "Redis: the address is not understood"


def test_an_outage_from_the_beginning_and_another_database_have_words_of_their_own() -> None:
    never = {"engine": "file", "was": "file", "detail": "refused"}
    event = CacheEvent(kind="outage", at=timezone.now(), details=never)
    assert event.sentence.startswith("the chosen engine cannot be used")
    event = CacheEvent(kind="restored", at=timezone.now(), details={"detail": "another"})
    assert event.sentence.startswith("this is another database")
    assert str(CacheEvent(kind="clear", at=timezone.now())).startswith("clear ")


# --- Several processes ---


def test_workers_write_each_what_they_did_and_one_of_them_the_outage(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    project = settings_of(
        engine="redis",
        location=redis_server.url(),
        directory=tmp_path / "cache",
        database=tmp_path / "db.sqlite3",
    )
    migrate(project)
    with Worker(project) as first, Worker(project) as second:
        for worker in (first, second):
            worker("cache.set('a', 1)")
        redis_server.kill()
        for worker in (first, second):
            worker("cache.get('a')")
        count = "__import__('cacheadmin.models').models.CacheEvent.objects.filter(kind='outage').count()"
        wait_until(lambda: first(count) == 1, seconds=60)
        second("from cacheadmin import upkeep; upkeep.housekeeping()")
        assert first(count) == 1
