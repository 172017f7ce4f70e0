"""Plays one scene: a site with four workers, people on it, and a disturber."""

from __future__ import annotations

import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

from tests.servers.site import Site
from tests.torture.http import record as facts
from tests.torture.http.players import (
    ARTICLES,
    LIMIT,
    PASSWORD,
    WINDOW,
    Editor,
    Ghost,
    Guesser,
    Guest,
    Member,
    Player,
    Reader,
)
from tests.torture.http.record import Record
from tests.torture.http.scenes import SWITCHED, Ground, Scene, use

WORKERS = 4
# Seconds before the first harm, and after the last mending.
CALM = 2.0
# Seconds in which the site is back on a Redis that is whole again.
LONGEST_RETURN = 15.0
GUESTS = [f"guest{number}" for number in range(24)]
MEMBERS = ["member0", "member1"]
_COLUMNS = ("scene", "requests", *facts.FAILURES, "longest s", "stalls", "lost s/worker", "changes", "back s")
_WIDTHS = (22, 8, 4, 5, 10, 11, 7, 9, 6, 13, 7, 7)
HEADINGS = "  ".join(f"{word:<{width}}" for word, width in zip(_COLUMNS, _WIDTHS, strict=True))

# Another engine, or the same one and everything in it made void.
_CHANGED = re.compile(
    r"^(\S+ \S+),(\d+) \w+ cacheadmin: (?:Cache engine: \w+ -> (\w+)|.*; the cache is emptied)", re.MULTILINE
)
_ANOTHER_DATABASE = "The database is not the one seen before"
_PEOPLE = """
from django.contrib.auth.hashers import make_password
from content.models import Article
from users.models import User
author = User.objects.get(username="owner")
for number in range({articles}):
    words = f"Tale {{number}}, version 0."
    made = Article.objects.create(title=words, summary=words, body=words, slug=f"tale-{{number}}",
        language="en", author=author, status="published")
    print("key", made.pk)
secret = make_password({password!r})
for name in {names!r}:
    User.objects.create(username=name, email=f"{{name}}@example.org", password=secret)
"""


@dataclass(frozen=True)
class Result:
    """What came of a scene.

    Args:
        scene: its name.
        record: all that was noted.
        lost: seconds that the requests of one worker took longer than in the calm beginning.
        changes: how often the engine changed.
    """

    scene: str
    record: Record
    lost: float
    changes: int

    @property
    def is_good(self) -> bool:
        """Whether nothing happened that must not, and something was done at all."""
        return not any(self.record.failures.values()) and self.record.requests > 0

    def line(self) -> str:
        """A line of the table."""
        record = self.record
        failures = [record.failures[name] for name in facts.FAILURES]
        back = f"{max(record.returns):.1f}" if record.returns else "-"
        cells = [self.scene, record.requests, *failures, f"{record.longest:.2f}", record.stalls]
        cells += [f"{self.lost:.1f}", self.changes, back]
        return "  ".join(f"{cell!s:<{width}}" for cell, width in zip(cells, _WIDTHS, strict=True))


def run(scene: Scene, new_site: Callable[[str], Site], seconds: float) -> Result:
    """Play *scene*.

    Args:
        scene: which.
        new_site: makes a site with four workers that is told the address of a Redis.
        seconds: how long it is disturbed.
    """
    with ExitStack() as stack:
        ground = scene.ground(stack)
        site = new_site(ground.url)
        stack.callback(site.stop)
        site.install(cache="redis", samples=3)
        made = site.manage("shell", "-c", _words())
        site.start()
        _wait_for_return(site, LONGEST_RETURN)
        record = Record(ARTICLES)
        if scene is SWITCHED:
            ground = _switching(ground, site, record)
        return _play(
            scene, ground, site, record, [int(key) for key in re.findall(r"key (\d+)", made)], seconds
        )


def _words() -> str:
    return _PEOPLE.format(articles=ARTICLES, password=PASSWORD, names=[*GUESTS, *MEMBERS])


def _switching(ground: Ground, site: Site, record: Record) -> Ground:
    away = ["file", "memory", "off"]

    def leave() -> None:
        away.append(away.pop(0))
        use(site, record, away[-1])

    return Ground(ground.url, leave, lambda: use(site, record, "redis"))


def _play(
    scene: Scene, ground: Ground, site: Site, record: Record, keys: list[int], seconds: float
) -> Result:
    over, began = threading.Event(), time.time()
    passed: Counter[int] = Counter()
    address = f"198.19.{random.randrange(256)}.{random.randrange(1, 255)}"
    players = _players(site, record, over, keys, passed, address)
    for player in players:
        player.start()
    time.sleep(CALM)
    disturbed = time.time()
    try:
        while time.time() < disturbed + seconds:
            ground.harm()
            time.sleep(scene.away)
            ground.mend()
            record.returns.append(_wait_for_return(site, LONGEST_RETURN))
            time.sleep(scene.whole)
    finally:
        over.set()
        for player in players:
            player.join()
    said = site.said() + site.noted()
    if _ANOTHER_DATABASE in said:
        record.complain(facts.WRONG, f"{_ANOTHER_DATABASE}, says the site, and it is")
    changes = changes_in(said, began)
    for window, number in passed.items():
        most = most_attempts(window, changes)
        if number > most:
            record.complain(facts.OVERRUN, f"{number} attempts passed, of {most} at the most")
    return Result(scene.name, record, record.lost_seconds(disturbed) / WORKERS, len(changes))


def _players(
    site: Site,
    record: Record,
    over: threading.Event,
    keys: list[int],
    passed: Counter[int],
    address: str,
) -> list[Player]:
    left: list[str] = []
    half = len(GUESTS) // 2
    return [
        *(Reader(site, record, over) for _ in range(3)),
        Editor(site, record, over, keys),
        *(Member(site, record, over, name) for name in MEMBERS),
        *(Guest(site, record, over, list(names), left) for names in (GUESTS[:half], GUESTS[half:])),
        Ghost(site, record, over, left),
        *(Guesser(site, record, over, address, passed) for _ in range(3)),
    ]


def most_attempts(window: int, changes: Sequence[tuple[float, str]]) -> int:
    """How many attempts may pass at the most in a window: its limit anew on each engine in turn.

    Args:
        window: when it ends.
        changes: when the engine was changed, and to which; in the beginning it is Redis.
    """
    # A change is noted a moment after it is in force.
    before = [engine for moment, engine in changes if moment < window - WINDOW - 1]
    during = [engine for moment, engine in changes if window - WINDOW - 1 <= moment <= window + 1]
    # On memory each worker counts for itself.
    return sum(LIMIT * (WORKERS if engine == "memory" else 1) for engine in [["redis", *before][-1], *during])


def changes_in(said: str, began: float) -> list[tuple[float, str]]:
    """When the engine was left for another, and for which, since *began*; or all counts begun anew in it.

    Args:
        said: what the server and the commands said: each process tells the changes that it made.
        began: on the wall clock.
    """
    changes, now = [], "redis"
    for moment, engine in sorted((_moment(*found[:2]), found[2]) for found in _CHANGED.findall(said)):
        now = engine or now
        if moment >= began:
            changes.append((moment, now))
    return changes


def _moment(second: str, part: str) -> float:
    return datetime.strptime(f"{second}.{part}+0000", "%Y-%m-%d %H:%M:%S.%f%z").timestamp()


def _wait_for_return(site: Site, seconds: float) -> float:
    """Wait until the site is on its chosen engine; return how long that took."""
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        try:
            if not site.readiness()["cache"]["degraded"]:
                break
        except (OSError, json.JSONDecodeError):
            # The players see that too, and note it.
            pass
        time.sleep(0.05)
    return time.monotonic() - began
