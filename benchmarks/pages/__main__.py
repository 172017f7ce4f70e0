"""Measure whole pages and print the table; all peers in turns, so that a busy moment meets each of them."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path

from benchmarks.pages.measures import Bench, Figure, Target, targets
from benchmarks.pages.site import Site
from tests.servers.redis import RedisServer

Rounds = dict[str, list[Figure]]
# The article list, compressed, to the same list as it is.
MOST_BYTES = 0.25


def main() -> int:
    """Run what was asked for; 1 if a target was missed under --strict."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    parser.add_argument("--rounds", type=int, default=0, help="the medians of so many are told")
    parser.add_argument("--quick", action="store_true", help="one round of two seconds each")
    parser.add_argument("--strict", action="store_true", help="fail on a missed target")
    parser.add_argument("--json", type=Path, default=None, help="write all figures there")
    arguments = parser.parse_args()
    rounds = arguments.rounds or (1 if arguments.quick else 3)
    found: Rounds = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="bench-pages-") as directory, RedisServer() as redis:
        site = Site(Path(directory), redis.url())
        site.install()
        bench = Bench(site, 2 if arguments.quick else 5)
        for turn in range(rounds):
            for figure in bench.figures():
                _say(f"round {turn + 1}: {figure.name}: {figure.per_second:,.0f}/s")
                found[figure.name].append(figure)
        sizes = bench.sizes
    print(table(found))
    print(verdicts(found, sizes))
    if arguments.json:
        every = {name: [asdict(one) for one in figures] for name, figures in found.items()}
        arguments.json.write_text(json.dumps({"figures": every, "sizes": sizes}, indent=1))
    is_good = all(is_met(one, found) for one in targets()) and sizes[1] <= MOST_BYTES * sizes[0]
    return 0 if is_good or not arguments.strict else 1


def table(found: Rounds) -> str:
    """The figures, as Markdown."""
    lines = [
        "| | requests/s | CPU ms each | 50 % within, ms | 99 % within, ms | errors |",
        "|---|---|---|---|---|---|",
    ]
    for name, figures in found.items():
        middle = [
            f"{statistics.median(getattr(one, field) for one in figures):,.{digits}f}"
            for field, digits in (("per_second", 0), ("cpu_ms", 3), ("p50", 2), ("p99", 1), ("errors", 0))
        ]
        lines.append("| " + " | ".join([name, *middle]) + " |")
    return "\n".join(lines) + "\n"


def verdicts(found: Rounds, sizes: tuple[int, int]) -> str:
    """The ratios and whether they are what is owed, as Markdown."""
    lines = ["| | | owed | measured | by CPU alone | |", "|---|---|---|---|---|---|"]
    for one in targets():
        met = "met" if is_met(one, found) else "MISSED"
        measured = f"{ratio(one, found):.2f} | {by_cpu(one, found)}"
        lines.append(f"| {one.what} | {one.figure} | ≥ {one.least} | {measured} | {met} |")
    share = sizes[1] / max(sizes[0], 1)
    met = "met" if share <= MOST_BYTES else "MISSED"
    lines.append(f"| compressed size of the article list | | ≤ {MOST_BYTES} | {share:.2f} | | {met} |")
    return "\n".join(lines) + "\n"


def ratio(target: Target, found: Rounds) -> float:
    """The median of the ratios, round by round."""
    pairs = zip(found[target.figure], found[target.beside], strict=True)
    return statistics.median(one.per_second / max(other.per_second, 0.001) for one, other in pairs)


def by_cpu(target: Target, found: Rounds) -> str:
    """The same by what a request costs the server, which a busy machine changes less."""
    pairs = zip(found[target.figure], found[target.beside], strict=True)
    ratios = [other.cpu_ms / one.cpu_ms for one, other in pairs if one.cpu_ms and other.cpu_ms]
    return f"{statistics.median(ratios):.2f}" if ratios else ""


def is_met(target: Target, found: Rounds) -> bool:
    """Whether a target was met."""
    return ratio(target, found) >= target.least


def _say(words: str) -> None:
    print(f"… {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
