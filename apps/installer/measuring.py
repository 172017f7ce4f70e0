"""Measures files and a Redis on this host for step 6, by the cache's own benchmark."""

from __future__ import annotations

import json
import logging
import os
import subprocess
from dataclasses import dataclass

from django.conf import settings

from cacheadmin.benchmark.words import sentence
from installer.installing import python

logger = logging.getLogger(__name__)

SECONDS = 2
LONGEST = 30


@dataclass(frozen=True)
class Line:
    """One engine: microseconds of a read and of a write, in the middle of all."""

    engine: str
    read: float
    write: float


@dataclass(frozen=True)
class Figures:
    """What was measured.

    Args:
        lines: one for each engine.
        verdict: who is the fastest, in words, or that nobody is.
        winner: the engine to choose; empty where it makes no difference.
    """

    lines: list[Line]
    verdict: str
    winner: str


def measure(address: str) -> Figures | None:
    """Measure for some seconds; takes a process of its own, which reaches Redis at *address*.

    Returns:
        The figures; ``None`` where nothing could be measured.
    """
    words = [python(), str(settings.BASE_DIR / "manage.py"), "cache", "benchmark", "--json"]
    # The address holds a password: not in the command line, which every user of the machine can read.
    environment = {**os.environ, "VAR_DIR": str(settings.VAR_DIR), "WEB_THREADS": "1", "REDIS_URL": address}
    try:
        done = subprocess.run(  # noqa: S603
            [*words, f"--seconds={SECONDS}"],
            env={**environment, "DJANGO_SETTINGS_MODULE": "config.settings"},
            cwd=settings.BASE_DIR,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=True,
        )
        return _figures(json.loads(done.stdout))
    except (OSError, ValueError, KeyError, subprocess.SubprocessError):
        logger.exception("The engines could not be measured.")
        return None


def _figures(found: dict[str, object]) -> Figures:
    results = found["results"]
    assert isinstance(results, list)  # noqa: S101 (as the command writes it)
    medians = {(one["engine"], one["operation"]): float(one["median_us"]) for one in results}
    engines = [name for name in ("redis", "file") if (name, "hit") in medians]
    lines = [Line(name, medians[name, "hit"], medians[name, "set"]) for name in engines]
    verdicts = found["verdicts"]
    assert isinstance(verdicts, dict)  # noqa: S101
    # Memory is not offered: each worker would have its own.
    shared = verdicts["shared"]
    winner = str(shared["winner"] or "")
    close = shared["no_meaningful_difference"]
    return Figures(lines, sentence(winner, float(shared["times"] or 0), close), winner)
