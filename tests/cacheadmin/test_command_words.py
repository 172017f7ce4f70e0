"""What the command says where things are unusual: claims that fail, workers that lag, a Redis taken."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError

from cacheadmin import state, workers
from cacheadmin.backend import AdaptiveCache
from cacheadmin.engines.base import EngineUnavailable
from cacheadmin.management.subcommands import status
from cacheadmin.report import Tried
from cacheadmin.verdicts import Verdict
from cacheadmin.workers import Worker

CacheMaker = Callable[..., AdaptiveCache]
pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("cache", *words, stdout=out, no_color=True)
    return out.getvalue()


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (
            "moved",
            EngineUnavailable(Verdict.REFUSED),
            "Redis cannot be reached: nothing listens at this address",
        ),
        ("copied", DatabaseError("no such table"), r"The answer cannot be saved \(DatabaseError\)"),
        ("copied", RuntimeError("no app"), "give this installation a KEY_PREFIX of its own"),
    ],
)
def test_a_claim_that_fails_says_why(
    answer: str, error: Exception, said: str, new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_cache("file")

    def fail(**_origin: object) -> None:
        raise error

    monkeypatch.setattr(f"cacheadmin.moving.{answer}", fail)
    with pytest.raises(CommandError, match=said) as failed:
        run("claim", answer)
    assert failed.value.returncode == 1


def test_status_tells_which_workers_follow(new_cache: CacheMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    new_cache("file")
    assert "Workers: none has answered yet\n" in run("status")
    state.save_lifetime("sessions", 60, actor="the test")
    now = datetime.now(UTC)
    present = workers._settings(state.saved())
    found = [
        Worker("here", 1, now, now, present),
        Worker("here", 2, now, now - timedelta(minutes=5), present ^ 1),
    ]
    monkeypatch.setattr(workers, "every", lambda _words: found)
    assert [one.is_current for one in found] == [True, False]
    assert [one.is_idle for one in found] == [False, True]
    assert "Workers: 1 of 2 run the current settings, 1 will before the next answer" in run("status")


def test_a_redis_that_is_another_ones_is_told_with_its_place() -> None:
    taken = Tried("redis", "redis://h:1", Verdict.TAKEN, "web1:/srv/other", 2.0)
    assert status._attempt(taken).endswith("moved or copied; it runs at web1:/srv/other")
