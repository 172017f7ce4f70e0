"""Measure the cache beside its peers, operation by operation, and say which targets are met.

Starts a Redis of its own, writes into a temporary directory, and removes both. A whole run takes
about ten minutes, a quick one about one. It ends with 0 whatever was found, unless told to be strict.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks.operations import report
from benchmarks.operations.peers import of_families
from benchmarks.operations.rounds import measure
from benchmarks.operations.scenes import FULL, QUICK
from benchmarks.operations.targets import targets

RESULTS = Path(__file__).resolve().parents[1] / "results" / "operations.json"
FAMILIES = ("memory", "file", "redis")


def main(words: list[str] | None = None) -> int:
    """Run what was asked for and return the exit code."""
    arguments = _parser().parse_args(words)
    plan = QUICK if arguments.quick else FULL
    if arguments.rounds:
        plan = replace(
            plan, rounds=arguments.rounds, rounds_together=arguments.rounds, rounds_of_clears=arguments.rounds
        )
    where = report.host(arguments.directory or Path(tempfile.gettempdir()))
    found = measure(plan, of_families(arguments.only or FAMILIES), arguments.seed, arguments.directory)
    judged = targets(found, plan)
    print(report.tables(found, plan, judged))
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(
        json.dumps(report.as_json(found, judged, where, arguments.seed), indent=1) + "\n"
    )
    print(f"Every figure: {arguments.json}")
    return 1 if arguments.strict and not all(target.is_met for target in judged) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.operations", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer sizes, entries and rounds")
    parser.add_argument("--rounds", type=int, help="how often everything is measured")
    parser.add_argument("--only", action="append", choices=FAMILIES, help="one family of peers; repeatable")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--directory", type=Path, help="below which files are written (default: TMPDIR)")
    parser.add_argument(
        "--json", type=Path, default=RESULTS, help="where every figure goes (default: %(default)s)"
    )
    parser.add_argument(
        "--strict", action="store_true", help="end with 1 if a target is not met or not measured"
    )
    return parser


def _end(*_: object) -> None:
    # As with Ctrl-C: what was started and written goes with the blocks that hold it.
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
