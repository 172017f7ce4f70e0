"""Measure the servers and print the tables of docs/server.md.

One run measures all of them in turns, so that a busy moment of the machine meets each of them.
Load goes to 127.0.0.1 only; a whole run takes about ten minutes.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.servers import measures
from benchmarks.servers.processes import Server
from benchmarks.servers.threads import thread_table

SERVERS = [
    Server("granian", "", 1),
    Server("granian", "", 4),
    Server("gunicorn", "gthread", 4),
    Server("gunicorn", "sync", 1),
]


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.servers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="the medians of so many are told (default 3)")
    parser.add_argument("--seconds", type=int, default=5, help="of each measurement (default 5)")
    parser.add_argument("--only", choices=["servers", "threads"], help="one of the two tables")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-servers-") as directory:
        if arguments.only != "threads":
            print(server_table(Path(directory), arguments.rounds, arguments.seconds))
        if arguments.only != "servers":
            print(thread_table(Path(directory), arguments.rounds, arguments.seconds))


def server_table(directory: Path, rounds: int, seconds: int) -> str:
    """The servers side by side, as Markdown."""
    environment = {
        "DJANGO_SETTINGS_MODULE": "benchmarks.servers.site_settings",
        "VAR_DIR": str(directory / "var"),
        "INSTALLED": "true",
    }
    log = directory / "server.log"
    speeds: dict[Server, list[measures.Speed]] = {server: [] for server in SERVERS}
    for turn in range(rounds):
        for server in SERVERS:
            _say(f"speed, round {turn + 1}: {server.name}")
            speeds[server].append(measures.speed(server, environment, log, seconds))
    rows: dict[str, list[str]] = {
        "requests/s": [_median(speeds[server], lambda one: one.load.per_second) for server in SERVERS],
        "99 % of them within, ms": [
            _median(speeds[server], lambda one: one.load.p99, 1) for server in SERVERS
        ],
        "CPU ms per request": [_median(speeds[server], lambda one: one.cpu_ms, 2) for server in SERVERS],
        "memory per worker, MiB (PSS)": [
            _median(speeds[server], lambda one: one.memory) for server in SERVERS
        ],
        "start until the first answer, s": [
            _median(speeds[server], lambda one: one.started_in, 1) for server in SERVERS
        ],
    }
    _add_trouble(rows, environment, log, seconds)
    return _markdown(["", *(server.name for server in SERVERS)], rows)


def _add_trouble(rows: dict[str, list[str]], environment: dict[str, str], log: Path, seconds: int) -> None:
    for server in SERVERS:
        _say(f"trouble: {server.name}")
        change = measures.reload(server, environment, log)
        _row(rows, "SIGHUP: failed requests (of), s until all is new", _change(change))
        change = measures.killed_worker(server, environment, log)
        _row(rows, "worker killed: failed requests (of), s until replaced", _change(change))
        for title, body in (("headers", False), ("bodies", True)):
            crowd = measures.slow(server, environment, log, body=body, seconds=seconds)
            told = f"{crowd.per_second:,.0f}/s, slowest {crowd.slowest:.2f} s, failed {crowd.failed}"
            _row(rows, f"4 clients beside {measures.SLOW_CLIENTS} with slow {title}", told)


def _row(rows: dict[str, list[str]], title: str, cell: str) -> None:
    rows.setdefault(title, []).append(cell)


def _change(change: measures.Change) -> str:
    took = "never" if change.seconds is None else f"{change.seconds:.1f} s"
    return f"{change.failed} ({change.asked:,}), {took}"


def _median(speeds: list[measures.Speed], of: Callable[[measures.Speed], float], digits: int = 0) -> str:
    return f"{statistics.median(of(one) for one in speeds):,.{digits}f}"


def _markdown(heads: list[str], rows: dict[str, list[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    lines += ["| " + " | ".join([title, *cells]) + " |" for title, cells in rows.items()]
    return "\n".join(lines) + "\n"


def _say(words: str) -> None:
    print(f"… {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
