"""The short form of ``make torture``, and that it would notice."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.servers.site import CHECKOUT
from tests.torture import ledger as facts
from tests.torture.ledger import Ledger
from tests.torture.player import Part, _Player, _sum
from tests.torture.run import Result
from tests.torture.scenes import SCENES


@pytest.mark.slow
@pytest.mark.parametrize("name", ["memory", "file", "redis"])
def test_nothing_is_wrong_stale_lost_won_twice_or_raised(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.torture", "--engine", name, "--seconds", "0.8"],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([".", "apps"])},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    lines = [line for line in done.stdout.splitlines() if re.match(rf"{name} ", line)]
    assert len(lines) == sum(scene.engine == name for scene in SCENES)


# --- It would notice ---


class Liar:
    """A cache that answers whatever the test says."""

    def __init__(self) -> None:
        self.answer: Any = None

    def get(self, *_: object) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def add(self, *_: object) -> bool:
        return True

    def incr(self, *_: object) -> int:
        return 7

    def set(self, *_: object) -> None:
        pass


@pytest.fixture
def player(tmp_path: Path) -> _Player:
    """A player with one key only, on a cache that lies."""
    made = _Player(Part(0, 1, True, 200, False), Ledger(2, tmp_path / "errors"))
    made.cache = Liar()  # type: ignore[assignment]
    made.any_key = made.own_key = lambda: 5  # type: ignore[method-assign]
    return made


def failures(player: _Player) -> dict[int, int]:
    kinds = (facts.WRONG, facts.STALE, facts.ERRORS, facts.LOST)
    return {kind: player.ledger.total(kind) for kind in kinds if player.ledger.total(kind)}


def answered(player: _Player, answer: Any) -> dict[int, int]:
    player.cache.answer = answer
    player.actions = ((player.read, 1),)  # type: ignore[assignment]
    player.weights = [1]
    player.act()
    return failures(player)


def written(player: _Player, times: int) -> list[dict[str, Any]]:
    """What the player has written, one after the other."""
    values = []
    for _ in range(times):
        number = player.ledger.begin(5)
        values.append(player.value(5, number))
        player.ledger.finish(5, number)
    return values


def test_it_is_content_with_the_newest_value_and_with_none(player: _Player) -> None:
    newest = written(player, 3)[-1]
    assert answered(player, newest) == answered(player, None) == {}


def test_it_notices_an_older_value(player: _Player) -> None:
    assert answered(player, written(player, 2)[0]) == {facts.STALE: 1}


def test_it_notices_what_outlives_a_clear(player: _Player) -> None:
    (value,) = written(player, 1)
    assert answered(player, value) == {}
    player.ledger.raise_floor(player.ledger.done())
    assert answered(player, value) == {facts.STALE: 1}


@pytest.mark.parametrize("change", [{"body": "x"}, {"number": 99}, {"key": 6}, {"writer": 1}, {"sum": 0}])
def test_it_notices_a_value_that_nobody_wrote(player: _Player, change: dict[str, Any]) -> None:
    assert answered(player, {**written(player, 1)[0], **change}) == {facts.WRONG: 1}


def test_it_notices_a_whole_value_from_another_key_or_the_future(player: _Player) -> None:
    value = {**written(player, 1)[0], "key": 6}
    assert answered(player, {**value, "sum": _sum(value)}) == {facts.WRONG: 1}
    value = {**value, "key": 5, "number": 3}
    assert answered(player, {**value, "sum": _sum(value)}) == {facts.WRONG: 2}
    assert answered(player, "something else") == {facts.WRONG: 3}


def test_it_notices_what_is_raised(player: _Player) -> None:
    assert answered(player, RuntimeError("down")) == {facts.ERRORS: 1}
    assert "down" in player.ledger.errors.read_text()


def test_it_notices_two_winners_and_a_wrong_count(player: _Player, tmp_path: Path) -> None:
    other = _Player(Part(1, 2, False, 200, False), player.ledger)
    other.cache = player.cache
    for one in (player, other):
        one.chance.randrange = lambda *_: 1  # type: ignore[method-assign]
        one.add()
    assert player.ledger.several_winners(shared=True) == 1
    assert player.ledger.several_winners(shared=False) == 0
    other.increment()
    assert failures(player) == {facts.LOST: 1}


def test_a_result_is_good_only_if_nothing_failed_and_something_was_done() -> None:
    good = Result(SCENES[0], 10.0, 0, 0, 0, 0, 0, 0, "")
    assert good.is_good
    for name in ("wrong", "stale", "lost", "several_winners", "raised"):
        assert not Result(**{**vars(good), name: 1}).is_good
    assert not Result(**{**vars(good), "per_second": 0.0}).is_good
