"""``python -m tests.torture``: every engine under torture; exit code 1 if anything was wrong.

``--seconds N`` per scene (60), ``--engine NAME`` and ``--scene WORDS`` choose, ``--players N`` (5),
``--seed N`` repeats the choices of an earlier run.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import django
from django.conf import settings

from tests.torture.run import HEADINGS, Result, run
from tests.torture.scenes import SCENES


def main(words: Sequence[str]) -> int:
    """Play the scenes that were asked for, print a table, return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("SECONDS") or 60))
    parser.add_argument("--engine", choices=("memory", "file", "redis"))
    parser.add_argument("--scene", default="", help="only scenes whose name contains these words")
    parser.add_argument("--players", type=int, default=5)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    asked = parser.parse_args(words)
    scenes = [scene for scene in SCENES if asked.engine in (None, scene.engine) and asked.scene in scene.name]
    settings.configure(
        SECRET_KEY="under torture", INSTALLED_APPS=["cacheadmin"], CACHES={}, DATABASES={}, USE_TZ=True
    )
    django.setup()
    print(f"seed {asked.seed}, {asked.players} players, {asked.seconds:g} s per scene")
    print(HEADINGS)
    results: list[Result] = []
    for scene in scenes:
        with tempfile.TemporaryDirectory(prefix="cacheadmin-torture-") as place:
            results.append(run(scene, Path(place), asked.players, asked.seconds, asked.seed))
        print(results[-1].line(), flush=True)
        if results[-1].words:
            print(results[-1].words, file=sys.stderr, flush=True)
    return 0 if scenes and all(result.is_good for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
