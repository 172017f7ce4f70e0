"""The benchmark of operations: run for real in miniature, and its arithmetic on figures made up."""

from __future__ import annotations

import itertools
import json
import os
import pickle
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.operations import __main__ as program
from benchmarks.operations import report
from benchmarks.operations.crew import crew
from benchmarks.operations.drivers import Driver
from benchmarks.operations.measurements import Case, Measurements, Series, quantile
from benchmarks.operations.operations import Ground, least, parts
from benchmarks.operations.peers import PEERS, Places, of_families
from benchmarks.operations.rounds import Job, _in_random_order, measure
from benchmarks.operations.scenes import FULL, LARGE, QUICK, SMALL, USUAL, Plan, Scene
from benchmarks.operations.targets import SAME, Target, targets
from benchmarks.operations.values import values
from tests.project.files import CHECKOUT
from tests.servers.redis import RedisServer

ALL = ("get", "miss", "set", "incr", "add, delete", "get_many", "set_many", "overhead", "@cached")
PARTS = {"get", "miss", "set", "incr", "add", "delete", "get_many 20", "set_many 20"}
OF_HANDLES = {"get by handle", "get by engine", "get counted", "get uncounted", "key", "@cached hit"}
TINY = Plan(
    scenes=(Scene(SMALL, {20: ALL, 30: ("set",)}, {20: ("mix",)}),),
    rounds=2,
    seconds=0.0005,
    rounds_together=2,
    seconds_together=0.01,
    clears={"memory": (10, 20), "file": (10, 20), "redis": (10, 20)},
    rounds_of_clears=2,
    processes=2,
)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Measurements:
    """A whole run in miniature."""
    directory = tmp_path_factory.mktemp("bench")
    measured = measure(TINY, PEERS, 1, directory, is_quiet=True)
    assert not list(directory.iterdir())
    return measured


# --- A run ---


def test_each_peer_does_everything_it_can_in_every_round(found: Measurements) -> None:
    for peer in PEERS:
        wanted = PARTS | (OF_HANDLES if peer.way == "handle" else set())
        if peer.way == "plain":
            wanted -= {"get_many 20", "set_many 20"}
        alone = {
            case.operation: found[case] for case in found if (case.peer, case.processes) == (peer.name, 1)
        }
        assert set(alone) - {"group clear"} == wanted, peer.name
        assert all(len(series.cpu) == len(series.wall) == TINY.rounds for series in alone.values())
        assert all(min(series.wall) > 0 and series.calls >= 1 for series in alone.values())


def test_several_processes_do_it_together(found: Measurements) -> None:
    together = {case.peer: found[case] for case in found if case.processes == TINY.processes}
    assert set(together) == {peer.name for peer in PEERS if peer.way != "engine"}
    assert all(len(series.per_second) == TINY.rounds_together for series in together.values())


def test_groups_of_both_sizes_are_cleared_on_each_engine(found: Measurements) -> None:
    cleared = {(case.peer, case.entries) for case in found if case.operation == "group clear"}
    handles = ["AdaptiveCache, memory", "AdaptiveCache, files", "AdaptiveCache, Redis TCP"]
    assert cleared == {(name, entries) for name in handles for entries in (10, 20)}


def test_the_tables_are_whole(found: Measurements) -> None:
    printed = report.tables(found, TINY, targets(found, TINY))
    widths = [
        {line.count("|") for line in block.splitlines()}
        for block in printed.split("\n\n")
        if block.startswith("|")
    ]
    assert len(widths) > 6
    assert all(len(width) == 1 for width in widths)
    for words in ("100 bytes, 20 entries, one process", "100 bytes, 20 entries, 2 processes", "## Targets"):
        assert words in printed
    assert all(peer.name in printed for peer in PEERS)


def test_the_json_holds_every_round(found: Measurements, tmp_path: Path) -> None:
    written = report.as_json(found, targets(found, TINY), report.host(tmp_path), 1)
    read = json.loads(json.dumps(written))
    assert set(read) == {"measured_at", "seed", "host", "measurements", "targets"}
    assert read["host"]["packages"]["Django"]
    assert read["host"]["file_system"] not in ("", "unknown") or not Path("/proc/mounts").exists()
    assert len(read["measurements"]) == len(found)
    for one in read["measurements"]:
        assert set(one) == {
            "peer", "operation", "value_bytes", "entries", "processes", "calls_per_round", "cpu_us",
            "wall_us", "per_second",
        }  # fmt: skip
        assert len(one["cpu_us"]["rounds"]) == 2
        assert min(one["wall_us"]["rounds"]) <= one["wall_us"]["median"] <= one["wall_us"]["p95"]
    for one in read["targets"]:
        assert set(one) == {
            "target", "comparison", "limit", "unit", "measured", "met", "rounds", "by_the_clock",
        }  # fmt: skip


def test_the_exit_code_is_zero_unless_it_is_told_to_be_strict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(program, "QUICK", TINY)
    path = tmp_path / "results" / "found.json"
    words = [
        "--quick",
        "--only",
        "memory",
        "--rounds",
        "1",
        "--directory",
        str(tmp_path),
        "--json",
        str(path),
    ]
    assert program.main(words) == 0
    assert {one["peer"] for one in json.loads(path.read_text())["measurements"]} == {
        peer.name for peer in of_families(["memory"])
    }
    assert "| not measured |" in capsys.readouterr().out
    # What only the other families could show was not measured, and so not met.
    assert program.main([*words, "--strict"]) == 1


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.operations", "--quick", "--directory", str(files)],
        cwd=CHECKOUT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    with process.stderr:
        assert "filling" in process.stderr.readline()
        assert list(files.iterdir())
        os.killpg(process.pid, signal.SIGINT)
        rest = process.stderr.read()
    assert process.wait(30) == 130
    assert "Traceback" not in rest
    assert list(tmp_path.iterdir()) == [files]
    assert not list(files.iterdir())
    _wait_until_gone(process.pid)


def _wait_until_gone(group: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("Some of its processes are still running.")


def test_a_cache_that_loses_entries_is_not_measured(redis_server: RedisServer, tmp_path: Path) -> None:
    peers = of_families(["redis"])
    django_redis = next(index for index, peer in enumerate(PEERS) if peer.name == "django-redis, TCP")
    places = Places(tmp_path, redis_server.url(), "unix:///nowhere")
    with crew(1, peers, [20], places, SMALL, 1) as members:
        members.ask("fill", django_redis, 20)
        members.ask("check", django_redis, 20)
        redis_server.flush()
        with pytest.raises(RuntimeError, match="django-redis, TCP with 20 entries"):
            members.ask("check", django_redis, 20)


@pytest.mark.parametrize("count", [10, 50])
def test_a_tenth_of_the_mix_is_writes_however_few_calls_there_are(count: int) -> None:
    done: list[str] = []
    calls = Driver(
        name=str,
        get=lambda key: done.append("read"),
        set=lambda key, value: done.append("write"),
        incr=lambda key, delta: done.append("something else"),
        add=lambda key, value: done.append("something else"),
        delete=lambda key: done.append("something else"),
    )
    ground = Ground(PEERS[0], calls, 20, values(SMALL), random.Random(1))
    orders = set()
    for _ in range(20):
        done.clear()
        parts(ground, "mix", count)["90 % reads"]()
        assert (done.count("read"), done.count("write")) == (count - count // 10, count // 10)
        orders.add(tuple(done))
    assert len(orders) > 5
    assert least("mix") == 10


def test_a_fallback_is_not_measured_as_what_it_stands_for(tmp_path: Path) -> None:
    peers = of_families(["redis"])
    adaptive = next(index for index, peer in enumerate(PEERS) if peer.name == "AdaptiveCache, Redis TCP")
    places = Places(tmp_path, "redis://127.0.0.1:1/0", "unix:///nowhere")
    with crew(1, peers, [20], places, SMALL, 1) as members:
        members.ask("fill", adaptive, 20)
        with pytest.raises(RuntimeError, match="the live engine is file"):
            members.ask("warm_up", adaptive, 20, "overhead", 0.001)


@pytest.mark.parametrize("size", [SMALL, USUAL, LARGE])
def test_values_are_about_as_large_as_they_say(size: int) -> None:
    made = values(size)
    assert all(0.8 * size < len(pickle.dumps(value, 5)) < 1.25 * size for value in made)
    assert len({pickle.dumps(value) for value in made}) == len(made)
    assert made == values(size)


@pytest.mark.parametrize("plan", [FULL, QUICK])
def test_each_plan_measures_what_every_target_needs(plan: Plan) -> None:
    alone = {
        (scene.size, entries, operation)
        for scene in plan.scenes
        for entries, operations in scene.alone.items()
        for operation in operations
    }
    needed = {(SMALL, 100, word) for word in ("get", "set", "overhead")}
    needed |= {(USUAL, 10_000, word) for word in ("get", "set", "incr")}
    needed |= {(USUAL, 200, "set"), (USUAL, 100, "set")}
    assert needed <= alone
    assert any("mix" in scene.together.get(200, ()) for scene in plan.scenes if scene.size == USUAL)


def test_a_round_has_everybody_who_does_the_same_side_by_side_in_another_order_each_time() -> None:
    jobs = [Job(peer, 10, operation) for peer in PEERS for operation in ("get", "set", "incr")]
    chance = random.Random(1)
    orders = [_in_random_order(jobs, chance) for _ in range(20)]
    for order in orders:
        assert sorted(order, key=lambda job: job.words) == sorted(jobs, key=lambda job: job.words)
        changes = sum(one.operation != other.operation for one, other in itertools.pairwise(order))
        assert changes == 2
    assert len({tuple(job.words for job in order) for order in orders}) == 20
    assert {order[0].operation for order in orders} == {"get", "set", "incr"}


# --- The verdicts ---


def measured(**figures: list[float]) -> Series:
    """A series with some of its figures; the others are the same, or none."""
    cpu = figures.get("cpu", [1.0, 1.0, 1.0])
    return Series(1, cpu, figures.get("wall", cpu), figures.get("per_second", []))


def judged(found: Measurements, words: str) -> Target:
    """The one target whose name contains *words*."""
    (one,) = [target for target in targets(found, FULL) if words in target.name]
    return one


def test_ratios_are_taken_round_by_round() -> None:
    # The machine was ten times slower in the second round: for both.
    found = {
        Case("AdaptiveCache, memory", "get", SMALL, 100): measured(
            cpu=[2.0, 22.0, 1.8], wall=[4.0, 40.0, 4.0]
        ),
        Case("LocMemCache", "get", SMALL, 100): measured(cpu=[2.0, 20.0, 2.0], wall=[2.0, 20.0, 2.0]),
    }
    target = judged(found, "memory get, 100 bytes")
    assert target.figures == pytest.approx([1.0, 1.1, 0.9])
    assert target.measured == pytest.approx(1.0)
    assert target.is_met is True
    assert list(target.beside) == [2.0, 2.0, 2.0]


@pytest.mark.parametrize(("set_takes", "is_met"), [(50.0, True), (51.0, False)])
def test_a_limit_may_be_reached_and_not_exceeded(set_takes: float, is_met: bool) -> None:
    found = {
        Case("AdaptiveCache, files", "set", USUAL, 200): measured(cpu=[set_takes] * 3),
        Case("FileBasedCache", "set", USUAL, 200): measured(cpu=[500.0] * 3),
    }
    assert judged(found, "200 entries, against FileBasedCache").is_met is is_met


@pytest.mark.parametrize(("many", "is_met"), [(1.19, True), (0.5, True), (1.21, False)])
def test_a_set_among_many_entries_may_take_a_fifth_longer(many: float, is_met: bool) -> None:
    found = {
        Case("AdaptiveCache, files", "set", USUAL, 100): measured(cpu=[10.0] * 3),
        Case("AdaptiveCache, files", "set", USUAL, 100_000): measured(cpu=[10.0 * many] * 3),
        # Neither other operations nor other peers nor values of other sizes count.
        Case("AdaptiveCache, files", "get", USUAL, 200_000): measured(),
        Case("AdaptiveCache, files", "set", SMALL, 200_000): measured(),
        Case("FileBasedCache", "set", USUAL, 200_000): measured(),
    }
    target = judged(found, "100,000 entries against 100")
    assert (target.limit, target.is_met) == (SAME, is_met)


@pytest.mark.parametrize(("calls", "is_met"), [(160.0, True), (159.0, False)])
def test_several_processes_have_to_reach_their_limit(calls: float, is_met: bool) -> None:
    found = {
        Case("AdaptiveCache, files", "90 % reads", USUAL, 200, 4): measured(per_second=[calls] * 3),
        Case("diskcache for Django", "90 % reads", USUAL, 200, 4): measured(per_second=[100.0] * 3),
    }
    target = judged(found, "4 processes, 90 % reads, files, 200 entries, calls/s against diskcache")
    assert (target.is_least, target.is_met) == (True, is_met)


def test_a_clear_is_judged_by_the_clock() -> None:
    # The processor of the caller has nothing to do while a server scans.
    found = {
        Case("AdaptiveCache, Redis TCP", "group clear", 0, 1_000): measured(wall=[300.0] * 3),
        Case("AdaptiveCache, Redis TCP", "group clear", 0, 1_000_000): measured(wall=[90_000.0] * 3),
    }
    target = judged(found, "group clear, redis")
    assert target.measured == pytest.approx(300)
    assert target.is_met is False


def test_the_overhead_is_a_difference() -> None:
    found = {
        Case("AdaptiveCache, memory", "get uncounted", SMALL, 100): measured(cpu=[4.0, 4.2, 4.1]),
        Case("AdaptiveCache, memory", "get counted", SMALL, 100): measured(cpu=[4.5, 4.9, 4.4]),
        Case("AdaptiveCache, memory", "get by engine", SMALL, 100): measured(cpu=[1.0, 1.0, 1.0]),
        Case("AdaptiveCache, memory", "key", SMALL, 100): measured(cpu=[2.8, 2.6, 2.7]),
    }
    whole, rest = judged(found, "handle, selector"), judged(found, "without making and checking the key")
    assert whole.figures == pytest.approx([3.0, 3.2, 3.1])
    assert rest.figures == pytest.approx([0.2, 0.6, 0.4])
    assert (whole.is_met, rest.is_met) == (False, True)
    assert judged(found, "statistics of a get").figures == pytest.approx([0.5, 0.7, 0.3])


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    judgements = targets({}, FULL)
    assert len(judgements) > 15
    assert all(target.measured is None and target.is_met is None for target in judgements)
    printed = report.verdicts(judgements)
    assert printed.count("not measured") == len(judgements)


def test_a_verdict_says_limit_figure_and_spread() -> None:
    target = Target("something", 1.05, [1.0, 1.1, 1.2], beside=[2.0])
    row: list[Any] = report.verdicts([target]).splitlines()[-1].split(" | ")
    assert row[1:] == ["≤ 1.05 ×", "1.10 ×", "1.00 to 1.20", "2.00 ×", "**not met** |"]


def test_a_quantile_is_a_figure_that_was_measured() -> None:
    figures = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert [quantile(figures, share) for share in (0.0, 0.2, 0.5, 0.95, 1.0)] == [1.0, 1.0, 3.0, 5.0, 5.0]
