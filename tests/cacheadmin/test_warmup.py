"""Warm-up: fills what has warmers, tells how far it is, and runs once at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from cacheadmin import stats, warm_lock, warmers, warmup
from cacheadmin.backend import AdaptiveCache
from cacheadmin.warm_progress import GroupResult, Progress
from cacheadmin.warmers import Warmer
from cacheadmin.warmup import WarmUp
from content import lookups as content_lookups
from content.models import Article
from core.models import SiteSettings
from core.site import get_site
from tests.cacheadmin.warming import warm_key
from tests.cacheadmin.workers import Worker
from tests.servers.redis import RedisServer
from users import warming as users_warming
from users.lookups import user_by_id
from users.models import User

CacheMaker = Callable[..., AdaptiveCache]


# --- What it does ---


def test_it_fills_the_cache_and_a_second_time_costs_only_reads(
    cache: AdaptiveCache, only: Callable[..., None]
) -> None:
    only(Warmer("keys", "content", warm=warm_key, items=lambda: range(30)))
    done = warmup.warm()
    assert (done.done, done.count, done.errors, done.is_complete) == (30, 30, 0, True)
    assert cache.get_many([f"content:{number}" for number in range(30)]) == {
        f"content:{number}": number for number in range(30)
    }
    cache.set("content:7", "kept")
    assert warmup.warm().done == 30
    assert cache.get("content:7") == "kept"


def test_errors_are_counted_by_kind_and_the_rest_goes_on(
    cache: AdaptiveCache, only: Callable[..., None]
) -> None:
    def fails_sometimes(number: int) -> None:
        if number % 5 == 0:
            raise KeyError(number) if number % 2 else ValueError(number)
        warm_key(number)

    only(
        Warmer("keys", "content", warm=fails_sometimes, items=lambda: range(20)),
        Warmer("others", "users", warm=warm_key, items=lambda: iter([1, 2])),
    )
    done = warmup.warm()
    assert done.groups["content"].errors == {"ValueError": 2, "KeyError": 2}
    assert (done.groups["content"].done, done.groups["users"].done) == (16, 2)
    # Of what is no list, nobody knows the length before.
    assert (done.groups["users"].count, done.count, done.is_complete) == (None, None, True)


def test_where_nothing_works_it_gives_up(cache: AdaptiveCache, only: Callable[..., None]) -> None:
    def fail(_: Any) -> None:
        raise OSError

    def no_more() -> Iterator[int]:
        yield 1
        raise LookupError

    only(
        Warmer("broken", "content", warm=fail, items=lambda: range(1000), count=lambda: 1000),
        Warmer("torn", "users", warm=warm_key, items=no_more),
        Warmer("absent", "settings", warm=warm_key, items=lambda: 1 / 0),  # type: ignore[arg-type, return-value]
    )
    done = warmup.warm()
    assert done.groups["content"] == GroupResult(
        0, 1000, {"OSError": 10}, done.groups["content"].seconds, gave_up=True
    )
    assert (done.groups["users"].done, done.groups["users"].errors) == (1, {"LookupError": 1})
    assert done.groups["settings"].errors == {"ZeroDivisionError": 1}
    assert done.is_complete is False


def test_a_budget_ends_it_early(cache: AdaptiveCache, only: Callable[..., None]) -> None:
    pause = threading.Event()
    only(Warmer("slow", "content", warm=lambda _: pause.wait(0.05), items=lambda: range(10_000)))
    done = warmup.warm(budget=0.2)
    assert done.is_over
    assert not done.is_complete
    assert 0 < done.done < 100
    assert warmup.warm(budget=0.01).is_over


def test_it_may_be_done_in_slices(cache: AdaptiveCache, only: Callable[..., None]) -> None:
    only(Warmer("keys", "content", warm=warm_key, items=lambda: range(5)))
    slices = WarmUp()
    slices.begin()
    rounds = 1
    while slices.go_on(0):
        rounds += 1
    assert rounds > 5
    assert slices.progress.done == 5
    assert slices.progress.is_complete
    assert warmup.progress() == slices.progress or warmup.progress() is not None


# --- One at a time ---


def test_the_second_one_is_told_how_far_the_first_is(cache: AdaptiveCache, only: Callable[..., None]) -> None:
    only(Warmer("keys", "content", warm=warm_key, items=lambda: range(50)))
    first = WarmUp()
    first.begin()
    with pytest.raises(warmup.AlreadyRunning):
        warmup.warm()
    while first.go_on(0) and first.progress.done < 20:
        pass
    first._told = float("-inf")
    first.go_on(0)
    with pytest.raises(warmup.AlreadyRunning) as running:
        warmup.warm()
    assert running.value.progress.done >= 20
    assert running.value.progress.group == "content"
    while first.go_on():
        pass
    assert warmup.warm().is_complete


def test_many_at_once_and_one_does_it(
    new_worker: Callable[..., Worker], redis_server: RedisServer, tmp_path: Path
) -> None:
    """Two machines, as far as files can tell: a directory each, and one Redis."""
    workers = [
        new_worker("redis", location=redis_server.url(), directory=tmp_path / name)
        for name in ("one", "one", "two")
    ]
    for worker in workers:
        worker("cache.get('a')")
        worker(
            "from cacheadmin import warmup, warmers\n"
            "warmers.register(warmers.Warmer('slow', 'content', "
            "warm=lambda n: (cache.set(f'content:{n}', n), time.sleep(0.002)), items=lambda: range(500)))\n"
            "def attempt():\n"
            "    try: return warmup.warm().done\n"
            "    except warmup.AlreadyRunning: return 'running'\n"
        )
    for worker in workers:
        worker.begin("attempt()")
    assert sorted(str(worker.finish()) for worker in workers) == ["500", "running", "running"]
    found = workers[2]("(warmup.progress().done, warmup.progress().is_over, warmup.progress().left)")
    assert found == (500, True, 0.0)


def test_a_clear_in_the_middle_does_not_end_it(cache: AdaptiveCache, only: Callable[..., None]) -> None:
    def warm(number: int) -> None:
        if number == 10:
            cache.clear()
        warm_key(number)

    only(Warmer("keys", "content", warm=warm, items=lambda: range(20)))
    running = WarmUp()
    running.begin()
    while running.go_on(0):
        running._told = float("-inf")
    assert running.progress.is_complete
    assert set(cache.get_many([f"content:{n}" for n in range(20)])) == {f"content:{n}" for n in range(10, 20)}


def test_who_lost_the_lock_to_another_one_leaves_it_the_rest(
    cache: AdaptiveCache, only: Callable[..., None]
) -> None:
    only(Warmer("keys", "content", warm=warm_key, items=lambda: range(20)))
    first, second = WarmUp(), WarmUp()
    first.begin()
    first.go_on(0)
    cache.delete(warm_lock.RUNNING)
    second.begin()
    first._told = float("-inf")
    assert first.go_on() is False
    assert not first.progress.is_complete
    known = warmup.progress()
    assert known is not None
    assert not known.is_over
    assert second.go_on() is False
    assert second.progress.is_complete


# --- Progress ---


def test_the_lock_of_a_warmup_counts_in_no_statistics(
    cache: AdaptiveCache, only: Callable[..., None], fresh_statistics: None
) -> None:
    only(Warmer("keys", "content", warm=warm_key, items=lambda: range(5)))
    warmup.warm()
    for _ in range(20):
        assert warmup.progress() is not None
    with stats.collected() as batch:
        assert {group for _cache, _hour, group in batch.counts} == {"content"}
        assert not any(key.startswith("cacheadmin:") for keys in batch.keys.values() for key in keys)


def test_rate_and_the_time_left_come_from_what_was_done() -> None:
    now = Progress({"a": GroupResult(done=20, count=50), "b": GroupResult(count=50)}, "a", seconds=4)
    assert (now.rate, now.left, now.count) == (5, 16, 100)
    assert Progress({"a": GroupResult(done=5)}, seconds=1).left is None
    assert Progress({}).rate is None
    answer = now.as_json()
    assert (answer["done"], answer["count"], answer["rate"], answer["left"]) == (20, 100, 5.0, 16.0)
    assert answer["groups"]["b"]["errors"] == {}


def test_the_progress_is_told_and_nothing_is_known_of_none(
    cache: AdaptiveCache, only: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warmup, "PACE", 0)
    only(Warmer("keys", "content", warm=warm_key, items=lambda: range(5)))
    assert warmup.progress() is None
    seen: list[int] = []
    warmup.warm(tell=lambda now: seen.append(now.done))
    assert seen == [0, 1, 2, 3, 4, 5, 5]
    known = warmup.progress()
    assert known is not None
    assert known.is_over


# --- What the site warms ---


@pytest.mark.django_db
def test_the_site_warms_settings_members_and_articles(
    cache: AdaptiveCache, django_user_model: type[User], settings: Settings
) -> None:
    now = timezone.now()
    SiteSettings.objects.get_or_create(pk=1)
    author = django_user_model.objects.create_user("ann", "ann@example.org", "x")
    gone = django_user_model.objects.create_user("bob", "bob@example.org", "x")
    User.objects.filter(pk=author.pk).update(last_seen=now)
    User.objects.filter(pk=gone.pk).update(last_seen=now - timedelta(days=31))
    Article.objects.create(
        title="One", slug="one", author=author, language="en", status="published", published_at=now
    )
    Article.objects.create(title="Two", slug="two", author=author, language="en")
    assert users_warming.active_members() == [author.pk]
    done = warmup.warm()
    assert {name: (result.done, dict(result.errors)) for name, result in done.groups.items()} == {
        "settings": (1, {}),
        "users": (1, {}),
        "content": (1, {}),
        "lists": (5, {}),
    }
    with CaptureQueriesContext(connection) as asked:
        get_site()
        user_by_id(author.pk)
        content_lookups.surroundings(content_lookups.article_by_slug("one"))
        content_lookups.articles_page(language="fr", size=content_lookups.PAGE_SIZE)
        content_lookups.site_numbers()
    assert len(asked) == 0


# --- Registering ---


def test_a_warmer_of_a_group_that_nobody_declares_is_refused(only: Callable[..., None]) -> None:
    with pytest.raises(ValueError, match="'keys' fills a group that nobody declares: 'contents'"):
        only(Warmer("keys", "contents", warm=warm_key, items=list))


def test_warmers_are_found_where_groups_are(only: Callable[..., None]) -> None:
    warmers.autodiscover()
    assert {warmer.name for warmer in warmers.of("default")} == {
        *("settings", "active-members", "newest-articles", "first-pages")
    }
    assert warmers.of("sessions") == []
