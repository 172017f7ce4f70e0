"""Plays one scene: starts the players, troubles them, kills them, and counts what came of it."""

from __future__ import annotations

import logging
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.test import override_settings

from tests.servers.process import free_port
from tests.servers.redis import RedisServer
from tests.torture import ledger as facts
from tests.torture.ledger import Ledger
from tests.torture.player import Part, note_tally, play
from tests.torture.scenes import SOMEBODY, Scene, Stage

_FORK = multiprocessing.get_context("fork")
_COLUMNS = ("engine", "scene", "operations/s", "kills", "wrong", "stale", "lost", "winners", "raised")
_WIDTHS = (7, 31, 12, 6, 6, 6, 6, 8, 7)
HEADINGS = "  ".join(f"{word:<{width}}" for word, width in zip(_COLUMNS, _WIDTHS, strict=True))


@dataclass(frozen=True)
class Result:
    """What came of a scene.

    Args:
        scene: which.
        per_second: operations of all players together.
        kills: how many players were killed.
        wrong: values that nobody wrote there.
        stale: values older than what had been done before.
        lost: increments that are missing, or too many.
        several_winners: rounds of ``add`` that more than one player won.
        raised: operations that raised something.
        words: what the players said of it.
    """

    scene: Scene
    per_second: float
    kills: int
    wrong: int
    stale: int
    lost: int
    several_winners: int
    raised: int
    words: str

    @property
    def is_good(self) -> bool:
        """Whether nothing was wrong, and something was done at all."""
        failures = (self.wrong, self.stale, self.lost, self.several_winners, self.raised)
        return not any(failures) and self.per_second > 0

    def line(self) -> str:
        """A line of the table."""
        cells = (
            *(self.scene.engine, self.scene.name, f"{self.per_second:,.0f}", self.kills, self.wrong),
            *(self.stale, self.lost, self.several_winners, self.raised),
        )
        return "  ".join(f"{cell!s:<{width}}" for cell, width in zip(cells, _WIDTHS, strict=True))


def run(scene: Scene, place: Path, players: int, seconds: float, seed: int) -> Result:
    """Play *scene* for some *seconds* in the directory *place*."""
    place.chmod(0o755)
    directory = place / "cache"
    directory.mkdir(mode=0o700)
    # The engine says every loss and return in the log; here that is what is wanted.
    logging.getLogger("cacheadmin").setLevel(logging.CRITICAL)
    errors = place / "errors"
    errors.touch()
    for path in (directory, errors):
        os.chown(path, SOMEBODY, -1)
    with ExitStack() as stack:
        server = stack.enter_context(RedisServer(options=scene.server)) if scene.engine == "redis" else None
        location = server.url() if server else f"redis://127.0.0.1:{free_port()}/0"
        stack.enter_context(override_settings(CACHES=_caches(scene, location, directory)))
        troupe = _Troupe(scene, Ledger(players, errors), seed)
        stage = Stage(directory, server, random.Random(seed))
        began = time.monotonic()
        try:
            troupe.start()
            while time.monotonic() < began + seconds:
                time.sleep(0.05 if scene.kills else 0.2)
                if scene.trouble is not None:
                    scene.trouble(stage)
                if scene.kills:
                    troupe.kill_one()
        finally:
            elapsed = time.monotonic() - began
            troupe.end()
        lost = troupe.lost() if scene.is_exact else 0
    ledger = troupe.ledger
    return Result(
        scene=scene,
        per_second=ledger.total(facts.OPERATIONS) / elapsed,
        kills=troupe.kills,
        wrong=ledger.total(facts.WRONG),
        stale=ledger.total(facts.STALE),
        lost=lost,
        several_winners=troupe.several_winners(),
        raised=ledger.total(facts.ERRORS),
        words=errors.read_text(encoding="utf-8"),
    )


class _Troupe:
    def __init__(self, scene: Scene, ledger: Ledger, seed: int) -> None:
        self.scene = scene
        self.ledger = ledger
        self.kills = 0
        self._shared = scene.engine != "memory"
        self._chance = random.Random(seed)
        self._players: list[Any] = [None] * ledger.players

    def start(self) -> None:
        """Have all players play."""
        for player in range(self.ledger.players):
            self._start_one(player)

    def _start_one(self, player: int) -> None:
        part = Part(
            player=player,
            seed=self._chance.randrange(2**30),
            shared=self._shared,
            largest=self.scene.largest,
            limits_files=self.scene.limits_files,
        )
        process = _FORK.Process(target=_as_somebody, args=(play, part, self.ledger), daemon=True)
        process.start()
        self._players[player] = process

    def kill_one(self) -> None:
        """Kill a player wherever it is, and put a new one into its place."""
        player = self._chance.randrange(self.ledger.players)
        os.kill(self._players[player].pid, signal.SIGKILL)
        self._players[player].join()
        self.kills += 1
        self._start_one(player)

    def end(self) -> None:
        """Kill all players; one that died by itself counts as raised."""
        for player, process in enumerate(self._players):
            if process is None:
                continue
            if not process.is_alive():
                self.ledger.complain(player, facts.ERRORS, f"it died with {process.exitcode}")
            process.kill()
            process.join()

    def lost(self) -> int:
        """How many increments are missing or too many; what was under way when killed may be either."""
        if not self._shared:
            return self.ledger.total(facts.LOST)
        process = _FORK.Process(target=_as_somebody, args=(note_tally, self.ledger))
        process.start()
        process.join()
        started, done = self.ledger.total(facts.TALLY_STARTED), self.ledger.total(facts.TALLY_DONE)
        return max(0, done - self.ledger.tally()) + max(0, self.ledger.tally() - started)

    def several_winners(self) -> int:
        """How many rounds of ``add`` had more than one winner, where nothing was evicted or emptied."""
        if not self.scene.is_exact or (self.scene.kills and not self._shared):
            return 0
        return self.ledger.several_winners(shared=self._shared)


def _as_somebody(action: Callable[..., None], *arguments: object) -> None:
    if os.geteuid() != SOMEBODY:
        os.setgid(SOMEBODY)
        os.setuid(SOMEBODY)
    action(*arguments)


def _caches(scene: Scene, location: str, directory: Path) -> dict[str, Any]:
    options = {"ENGINE": scene.engine, "DIRECTORY": str(directory), "MAX_ENTRIES": 1_000_000, **scene.options}
    entry = {
        "BACKEND": "cacheadmin.backend.AdaptiveCache",
        "LOCATION": location,
        "KEY_PREFIX": "torture",
        "OPTIONS": options,
    }
    return {"default": entry}
