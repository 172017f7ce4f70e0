"""The benchmark measures beside the live cache, leaves no trace, and names a winner only beyond doubt."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError
from django.utils import translation

from cacheadmin import benchmark
from cacheadmin.backend import AdaptiveCache
from cacheadmin.benchmark import Progress, arms, judging, payloads, rounds
from cacheadmin.benchmark.judging import MIX, interval, judge, percentile, summed_up
from cacheadmin.verdicts import Verdict
from tests.cacheadmin.redis_engines import MINIMAL
from tests.cacheadmin.test_command import run, run_json
from tests.cacheadmin.waiting import wait_until
from tests.cacheadmin.workers import Worker, settings_of
from tests.servers.redis import RedisServer

CacheMaker = Callable[..., AdaptiveCache]
NewRedis = Callable[..., RedisServer]
# Enough for every round that a test looks for, even on a busy machine: it is ended by its `tell`.
LONG = 60.0


class Enough(Exception):
    """Raised by a test's `tell` to end a benchmark."""


def keys(server: RedisServer) -> set[bytes]:
    with server.client() as client:
        return set(client.scan_iter())


def files(directory: Path) -> set[str]:
    return {str(path) for path in directory.rglob("*")}


def after(number: int) -> Callable[[Progress], None]:
    """Interrupt after so many rounds."""

    def tell(progress: Progress) -> None:
        if progress.rounds >= number:
            raise Enough

    return tell


# --- Measuring ---


def test_all_engines_of_the_host_are_measured(new_cache: CacheMaker, redis_server: RedisServer) -> None:
    cache = new_cache("file", location=redis_server.url())
    told: list[Progress] = []
    result = benchmark.run(cache.space, 0.5, told.append, random.Random(1))
    assert {one.engine: one.failure for one in result.reached} == dict.fromkeys(("redis", "file", "memory"))
    measured = {(one.engine, one.operation) for one in result.measurements}
    assert measured == {
        (engine, word) for engine in ("redis", "file", "memory") for word in benchmark.OPERATIONS
    }
    for one in result.measurements:
        assert 0 < one.median <= one.p95
        assert one.low <= one.median <= one.high
        assert one.calls == one.rounds * 20
    assert [progress.rounds for progress in told] == list(range(1, len(told) + 1))
    # The first round warms up.
    assert result.rounds == len(told) - 1


def test_the_live_cache_is_not_touched_and_nothing_is_left(
    new_cache: CacheMaker, redis_server: RedisServer, engine: str, tmp_path: Path
) -> None:
    cache = new_cache(engine, location=redis_server.url())
    cache.set_many({f"content:{number}": "x" * 1000 for number in range(30)})
    before = keys(redis_server), files(tmp_path)
    result = benchmark.run(cache.space, 0.2)
    assert (keys(redis_server), files(tmp_path)) == before
    assert cache.get("content:7") == "x" * 1000
    assert cache.space.selector.status().engine == engine
    assert len([one for one in result.reached if one.is_measured]) == 3


def test_whatever_interrupts_it_nothing_is_left(
    new_cache: CacheMaker, redis_server: RedisServer, tmp_path: Path
) -> None:
    cache = new_cache("redis", location=redis_server.url())
    cache.set("a", 1)
    before = keys(redis_server), files(tmp_path)
    seen: list[int] = []

    def look(progress: Progress) -> None:
        seen.append(len(keys(redis_server)) - len(before[0]))
        raise Enough

    with pytest.raises(Enough):
        benchmark.run(cache.space, LONG, look)
    # There was something to remove, and it would have ended by itself.
    assert seen[0] > 30
    assert (keys(redis_server), files(tmp_path)) == before


def test_what_is_stored_ends_by_itself_should_the_process_be_killed(
    new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    cache = new_cache("redis", location=redis_server.url())
    lives: list[int] = []

    def look(progress: Progress) -> None:
        with redis_server.client() as client:
            lives.extend(client.ttl(name) for name in client.scan_iter("*:benchmark:*"))
        raise Enough

    with pytest.raises(Enough):
        benchmark.run(cache.space, LONG, look)
    assert lives
    assert all(0 < life <= LONG + 60 for life in lives)


def test_a_directory_of_a_killed_benchmark_is_removed_by_the_next(
    new_cache: CacheMaker, tmp_path: Path
) -> None:
    cache = new_cache("file")
    cache.set("a", 1)
    old, young = tmp_path / "cache" / "benchmark-old", tmp_path / "cache" / "benchmark-young"
    for directory in (old, young):
        (directory / "inside").mkdir(parents=True)
    os.utime(old, (1, 1))
    benchmark.run(cache.space, 0.05)
    assert (old.exists(), young.exists()) == (False, True)


def test_an_engine_that_is_not_there_is_told_and_the_others_are_measured(new_cache: CacheMaker) -> None:
    cache = new_cache("file")
    result = benchmark.run(cache.space, 0.1)
    assert [(one.engine, one.failure) for one in result.reached if not one.is_measured] == [
        ("redis", Verdict.REFUSED)
    ]
    assert {one.engine for one in result.measurements} == {"file", "memory"}
    assert any("Redis was not measured" in one for one in result.advice)


def test_an_engine_that_is_lost_on_the_way_has_no_figures(
    new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    cache = new_cache("file", location=redis_server.url())

    def kill(progress: Progress) -> None:
        if progress.rounds == 3:
            redis_server.kill()

    result = benchmark.run(cache.space, 2.0, kill)
    failures = {one.engine: one.failure for one in result.reached}
    assert failures["redis"] in {Verdict.REFUSED, Verdict.LOST, Verdict.UNREACHABLE}
    assert {one.engine for one in result.measurements} == {"file", "memory"}


def test_each_round_has_an_order_of_its_own(
    new_cache: CacheMaker, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = new_cache("file", location=redis_server.url())
    played: list[tuple[str, str]] = []

    def note(arm: arms.Arm, operation: str, *args: Any) -> None:
        played.append((arm.engine.name, operation))

    monkeypatch.setattr(benchmark, "play", note)
    with pytest.raises(Enough):
        benchmark.run(cache.space, LONG, after(10), random.Random(1))
    turns = [tuple(played[start : start + 12]) for start in range(0, 120, 12)]
    assert len(set(turns)) == 10
    assert all(set(turn) == set(turns[0]) for turn in turns)
    assert len({turn[0][0] for turn in turns}) == 3


@pytest.mark.parametrize("seconds", [0, -1, 301, float("nan")])
def test_seconds_have_bounds(new_cache: CacheMaker, seconds: float) -> None:
    with pytest.raises(ValueError, match="at most 300"):
        benchmark.run(new_cache("file").space, seconds)


# --- Values ---


def test_values_are_as_large_as_the_sites_own(
    new_cache: CacheMaker, redis_server: RedisServer, engine: str
) -> None:
    cache = new_cache(engine, location=redis_server.url())
    cache.set_many({f"content:{number}": "x" * 4000 for number in range(40)})
    found = payloads.payloads_of(cache.space, random.Random(1))
    if engine == "memory":
        # Another process's memory cannot be seen, so this one is not looked at either.
        assert found.as_json() == {"source": "assumed", "smallest": 100, "median": 2000, "largest": 50_000}
    else:
        # With signature, header and prefix; on Redis also the numbers of the groups, which are small.
        assert found.is_sampled
        assert 4000 <= found.as_json()["largest"] < 5000
    assert len(found.values) == 30


def test_where_keys_cannot_be_listed_usual_sizes_are_taken(
    new_cache: CacheMaker, new_redis: NewRedis
) -> None:
    server = new_redis(acl=[f"user site on >secret ~* {MINIMAL}"])
    cache = new_cache("redis", location=server.url(username="site", password="secret"))
    cache.set_many({f"content:{number}": number for number in range(40)})
    assert not payloads.payloads_of(cache.space, random.Random(1)).is_sampled
    assert [one.failure for one in benchmark.run(cache.space, 0.1).reached] == [None, None, None]


def test_huge_values_are_cut_so_that_nobodys_entries_make_room(new_cache: CacheMaker) -> None:
    cache = new_cache("file")
    cache.set_many({f"content:{number}": "x" * 400_000 for number in range(25)})
    found = payloads.payloads_of(cache.space, random.Random(1))
    assert found.as_json()["largest"] == 100_000


# --- Judging ---


def noisy(middle: float, number: int, order: random.Random) -> list[list[float]]:
    """Rounds with the long tail that times have."""
    return [[middle * order.lognormvariate(0, 0.3) for _ in range(20)] for _ in range(number)]


def ruling_of(*middles: float, number: int = 60, seed: int = 1) -> judging.Ruling:
    order = random.Random(seed)
    engines = ("redis", "file", "memory")
    found = [summed_up(engines[at], "hit", noisy(middle, number, order)) for at, middle in enumerate(middles)]
    return judge("hit", found)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    order = random.Random(7)
    held = 0
    for _ in range(1000):
        low, high = interval([order.lognormvariate(0, 1) for _ in range(25)])
        held += low <= 1.0 <= high
    assert 940 <= held <= 995


def test_too_few_rounds_have_no_interval_and_no_winner() -> None:
    assert interval([1.0] * 5) == (float("-inf"), float("inf"))
    assert interval([6.0, 1.0, 2.0, 3.0, 4.0, 5.0]) == (1.0, 6.0)
    ruling = ruling_of(100, 1, number=5)
    assert (ruling.winner, ruling.close) == ("", ("file", "redis"))


def test_the_same_engine_twice_never_wins_against_itself() -> None:
    assert [ruling_of(10, 10, seed=seed).winner for seed in range(300)] == [""] * 300


def test_what_nobody_would_notice_is_no_difference() -> None:
    ruling = ruling_of(10, 10.5, number=2000)
    assert (ruling.winner, set(ruling.close)) == ("", {"redis", "file"})


def test_a_clear_difference_has_a_winner_and_says_how_much() -> None:
    ruling = ruling_of(40, 10, 20)
    assert (ruling.winner, ruling.close) == ("file", ())
    assert 1.8 < ruling.times < 2.2
    with translation.override("en"):
        assert ruling.sentence.startswith("Files: the fastest, the next one takes ")
    with translation.override("fr"):
        assert ruling.sentence.startswith("Fichiers\u00a0: le plus rapide, le suivant met ")


def test_two_that_are_close_are_told_without_the_third() -> None:
    ruling = ruling_of(10, 10.2, 50)
    assert (ruling.winner, set(ruling.close)) == ("", {"redis", "file"})
    with translation.override("en"):
        assert ruling.sentence in {
            "No meaningful difference between Redis and Files.",
            "No meaningful difference between Files and Redis.",
        }
    with translation.override("fr"):
        assert ruling.sentence.startswith("Pas de différence significative entre ")
        assert " et " in ruling.sentence


def test_one_engine_alone_is_no_comparison() -> None:
    for ruling in (ruling_of(10), judge("hit", [])):
        assert ruling.winner == ""
        assert ruling.sentence.startswith("There is nothing to compare")


def test_a_percentile_is_a_number_that_was_measured() -> None:
    assert percentile([float(number) for number in range(100, 0, -1)], 0.95) == 95
    assert percentile([3.0], 0.95) == 3


def test_the_mix_weighs_what_sites_do_most() -> None:
    samples: rounds.Samples = {("file", word): [[10.0], [10.0]] for word in benchmark.OPERATIONS}
    samples["file", "hit"] = [[100.0], [100.0]]
    samples["redis", "hit"] = [[1.0]]
    (mixed,) = judging.mixed(samples)
    assert (mixed.engine, mixed.operation) == ("file", MIX)
    assert mixed.median == pytest.approx(82)


# --- The command ---


@pytest.mark.django_db
def test_the_command_prints_figures_and_what_they_do_not_say(
    new_cache: CacheMaker, redis_server: RedisServer
) -> None:
    new_cache("file", location=redis_server.url())
    said = run("benchmark", "--seconds", "0.3")
    assert "interval of the median (95 times in 100)" in said
    assert "A usual mix: " in said
    assert "Of the engines that workers share: " in said
    assert "- Redis is shared by all machines" in said
    with translation.override("fr"):
        assert "- Redis est partagé par toutes les machines" in run("benchmark", "--seconds", "0.1")


@pytest.mark.django_db
def test_the_command_in_json(new_cache: CacheMaker) -> None:
    new_cache("file")
    found = run_json("benchmark", "--seconds", "0.2")
    assert list(found) == ["seconds", "rounds", "payload", "engines", "results", "verdicts", "advice"]
    assert set(found["verdicts"]) == {"hit", "miss", "set", "incr", "mix", "shared"}
    assert found["verdicts"]["shared"]["winner"] is None
    assert found["engines"][0]["engine"] == "redis"
    assert found["engines"][0]["measured"] is False
    assert "Not measured: redis, nothing listens" in run("benchmark", "--seconds", "0.1")


@pytest.mark.django_db
@pytest.mark.parametrize("seconds", ["0", "301", "nan"])
def test_seconds_that_are_none_are_misuse(new_cache: CacheMaker, seconds: str) -> None:
    new_cache("file")
    with pytest.raises(CommandError, match="up to 300") as misuse:
        run("benchmark", "--seconds", seconds)
    assert misuse.value.returncode == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_without_a_trace(number: int, redis_server: RedisServer, tmp_path: Path) -> None:
    settings = settings_of(engine="memory", location=redis_server.url(), directory=tmp_path / "cache")
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "django", "cache", "benchmark", "--seconds", "200", "--json"],
        env=Worker.environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        wait_until(lambda: any(b":benchmark:" in name for name in keys(redis_server)), seconds=30)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert "Interrupted; nothing of it is left behind." in err
    assert "Traceback" not in err
    assert not [name for name in keys(redis_server) if b":benchmark:" in name]
    assert not list((tmp_path / "cache").glob("benchmark-*"))
