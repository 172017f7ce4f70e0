"""``python -m tests.torture.http``: the site under torture; exit code 1 if anybody met what must not be.

``--seconds N`` per scene (60), ``--scene WORDS`` chooses. Stalls are told, and fail nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.servers.site import Site
from tests.torture.http.run import HEADINGS, WORKERS, Result, run
from tests.torture.http.scenes import SCENES


def main(words: Sequence[str]) -> int:
    """Play the scenes that were asked for, print a table, return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture.http", description=__doc__)
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("SECONDS") or 60))
    parser.add_argument("--scene", default="", help="only scenes whose name contains these words")
    asked = parser.parse_args(words)
    scenes = [scene for scene in SCENES if asked.scene.lower() in scene.name.lower()]
    print(f"{WORKERS} workers, {asked.seconds:g} s per scene")
    print(HEADINGS, flush=True)
    results: list[Result] = []
    for scene in scenes:
        with tempfile.TemporaryDirectory(prefix="site-torture-") as place:
            results.append(run(scene, partial(_site, Path(place)), asked.seconds))
        print(results[-1].line(), flush=True)
        for line in results[-1].record.words:
            print(f"  {line}", file=sys.stderr, flush=True)
    return 0 if scenes and all(result.is_good for result in results) else 1


def _site(place: Path, url: str) -> Site:
    environment = {"REDIS_URL": url, "LOG_LEVEL": "INFO"}
    return Site(place / "var", workers=WORKERS, environment=environment)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
