"""``manage.py cache warm``, for people and programs."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command

from cacheadmin.backend import AdaptiveCache
from cacheadmin.models import CacheEvent
from cacheadmin.warmers import Warmer
from cacheadmin.warmup import WarmUp
from tests.cacheadmin.warming import warm_key

CacheMaker = Callable[..., AdaptiveCache]


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("cache", "warm", *words, stdout=out, no_color=True)
    return out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_the_command_for_people_and_programs(new_cache: CacheMaker, only: Callable[..., None]) -> None:
    new_cache("file")
    only(
        Warmer("keys", "content", warm=warm_key, items=lambda: range(3)),
        Warmer("more", "users", warm=warm_key, items=lambda: iter([1])),
    )
    said = run()
    assert said.splitlines()[0].startswith("content: 3 of 3 entries in ")
    assert said.splitlines()[1].startswith("users: 1 entry in ")
    assert "content" not in run("--group", "users")
    answer = json.loads(run("--group", "content", "--json"))
    assert (answer["ok"], answer["engine"], answer["alias"]) == (True, "file", "default")
    assert (answer["done"], answer["count"], answer["over"], answer["complete"]) == (3, 3, True, True)
    assert set(answer["groups"]["content"]) == {"done", "count", "errors", "seconds", "gave_up"}
    event = CacheEvent.objects.filter(kind="warm").latest("id")
    assert event.details["groups"] == ["content"]
    assert event.actor_name.startswith("manage.py (")
    assert event.sentence == "content: 3 done, 0 failed"


def test_the_command_says_what_failed_and_what_was_left_out(
    new_cache: CacheMaker, only: Callable[..., None]
) -> None:
    def fail(_: int) -> None:
        raise OSError

    new_cache("memory")
    only(Warmer("keys", "content", warm=fail, items=lambda: range(30)))
    out = io.StringIO()
    with pytest.raises(CommandError, match="10 entries could not be made") as failed:
        call_command("cache", "warm", stdout=out, no_color=True)
    assert failed.value.returncode == 1
    assert "10 failed (OSError)" in out.getvalue()
    assert "Not everything was done" in out.getvalue()
    assert "warmed nothing for the site’s workers" in out.getvalue()


def test_the_command_refuses_what_makes_no_sense(new_cache: CacheMaker, only: Callable[..., None]) -> None:
    new_cache("file")
    only(Warmer("keys", "content", warm=warm_key, items=lambda: range(3)))
    for words, why, code in (
        (["--group", "contents"], "no group “contents”", 2),
        (["--group", "users"], "There is no warmer for users. Nothing was done.", 2),
        (["--budget", "0"], "above 0", 2),
    ):
        with pytest.raises(CommandError, match=why) as refused:
            run(*words)
        assert refused.value.returncode == code
    running = WarmUp()
    running.begin()
    with pytest.raises(CommandError, match=r"running already \(done: 0 entries\)") as refused:
        run()
    assert refused.value.returncode == 1
    while running.go_on():
        pass
    new_cache("off")
    with pytest.raises(CommandError, match="The cache is off, so nothing would be kept"):
        run()
