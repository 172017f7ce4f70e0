"""What was found, as Markdown and as JSON."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.operations.measurements import Case, Measurements, Series, median, quantile
from benchmarks.operations.peers import PEERS, Peer
from benchmarks.operations.scenes import Plan
from benchmarks.operations.targets import Target

_PACKAGES = ("Django", "django-redis", "redis", "hiredis", "diskcache")

NOTES = """\
- CPU is that of the calling process (`time.process_time`): what the Redis server does meanwhile is in the
  clock's figures only. Callers and servers share this machine, over the loopback or a unix socket.
- All are told the same: entries live for a day and 200,000 may be stored, so nothing is culled; keys are
  equally long before AdaptiveCache adds its generation; pickle has its highest protocol everywhere.
- Nobody waits for the disk: Redis persists nothing, SQLite has WAL and synchronous=NORMAL, files are written
  without fsync. All but memory survive the end of a process; a power cut takes at least what came last.
- *Signed*: bytes that somebody else planted are a miss. The others unpickle whatever they find.
- FileBasedCache and DatabaseCache were filled without their culling (one lists the directory, the other
  counts its rows before each write): many entries would take hours. What is measured is the real thing.
- Where a file system puts a directory is luck that lasts for a whole run: on ext4, writes into two
  directories filled alike were seen to differ by half. One run proves no ratio of files: look at several.
- incr counts plain numbers, of whatever size the other values are.
- Python's garbage collector runs as it always does. The loop around a call, about 0.02 µs, is in all figures.
"""


def host(directory: Path) -> dict[str, Any]:
    """Where it was measured.

    Args:
        directory: where files were written.
    """
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "file_system": _file_system(directory),
        "packages": {name: version(name) for name in _PACKAGES},
    }


def _file_system(directory: Path) -> str:
    try:
        lines = Path("/proc/mounts").read_text().splitlines()
    except OSError:
        return "unknown"
    mounts = [line.split()[1:3] for line in lines]
    holding = [(place, kind) for place, kind in mounts if directory.resolve().is_relative_to(place)]
    return max(holding, key=lambda mount: len(mount[0]), default=("", "unknown"))[1]


# --- Markdown ---


def tables(found: Measurements, plan: Plan, targets: Sequence[Target]) -> str:
    """Everything, in the order in which one would ask."""
    parts = [_who(found), NOTES]
    for scene in plan.scenes:
        for entries in scene.levels:
            for processes in (1, plan.processes):
                cases = [
                    case
                    for case in found
                    if (case.size, case.entries, case.processes) == (scene.size, entries, processes)
                ]
                if cases:
                    words = "one process" if processes == 1 else f"{processes} processes"
                    parts.append(f"## {scene.size:,} bytes, {entries:,} entries, {words}\n")
                    parts += _figures(found, cases)
    parts += ["## Clearing a group\n", _cleared(found), "## Targets\n", verdicts(targets)]
    return "\n".join(parts)


def _who(found: Measurements) -> str:
    measured = {case.peer for case in found}
    rows = [
        [peer.name, "yes" if peer.is_signed else "no", _persists(peer), peer.remark]
        for peer in PEERS
        if peer.name in measured
    ]
    return _markdown(["", "signed", "shared by", "remark"], rows)


def _persists(peer: Peer) -> str:
    return {"memory": "nobody", "file": "this machine's processes", "redis": "all machines"}[peer.family]


def _figures(found: Measurements, cases: Sequence[Case]) -> Iterable[str]:
    clocks: list[tuple[str, Callable[[Series], list[float]]]] = [
        ("CPU µs per call, median of the rounds (95 % of them below)", lambda series: series.cpu),
        ("µs per call by the clock, median (95 %)", lambda series: series.wall),
        ("calls per second of all together, median (95 %)", lambda series: series.per_second),
    ]
    operations = list(dict.fromkeys(case.operation for case in _sorted(cases)))
    for title, of in clocks:
        if not any(of(found[case]) for case in cases):
            continue
        rows = []
        for peer in PEERS:
            own = {case.operation: of(found[case]) for case in cases if case.peer == peer.name}
            if own:
                rows.append([peer.name, *(_cell(own.get(operation, [])) for operation in operations)])
        yield f"{title}:\n"
        yield _markdown(["", *operations], rows)


_ORDER = (
    "get", "miss", "set", "incr", "add", "delete", "get_many 20", "set_many 20", "90 % reads",
    "get by handle", "get by engine", "get counted", "get uncounted", "key", "@cached hit",
)  # fmt: skip


def _sorted(cases: Iterable[Case]) -> list[Case]:
    return sorted(cases, key=lambda case: _ORDER.index(case.operation))


def _cleared(found: Measurements) -> str:
    rows = [
        [case.peer, f"{case.entries:,}", f"{series.wall[0]:,.1f}", _cell(series.cpu), _cell(series.wall)]
        for case, series in sorted(found.items(), key=lambda one: (one[0].peer, one[0].entries))
        if case.operation == "group clear"
    ]
    return _markdown(["", "keys", "first clear, µs", "CPU µs, median (95 %)", "µs by the clock"], rows)


def verdicts(targets: Sequence[Target]) -> str:
    """The table of targets."""
    rows = []
    for target in targets:
        sign = "≥" if target.is_least else "≤"
        spread = target.spread
        rows.append(
            [
                target.name,
                f"{sign} {target.limit:g} {target.unit}",
                "not measured" if target.measured is None else f"{target.measured:.2f} {target.unit}",
                "" if spread is None else f"{spread[0]:.2f} to {spread[1]:.2f}",
                f"{median(target.beside):.2f} {target.unit}" if target.beside else "",
                {True: "met", False: "**not met**", None: "–"}[target.is_met],
            ]
        )
    return _markdown(["target", "limit", "measured", "80 % of the rounds", "by the clock", "verdict"], rows)


def _cell(figures: Sequence[float]) -> str:
    if not figures:
        return "–"
    return f"{_short(median(figures))} ({_short(quantile(figures, 0.95))})"


def _short(figure: float) -> str:
    return (
        f"{figure:,.0f}" if abs(figure) >= 100 else f"{figure:.1f}" if abs(figure) >= 10 else f"{figure:.2f}"
    )


def _markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


# --- JSON ---


def as_json(
    found: Measurements, targets: Sequence[Target], where: dict[str, Any], seed: int
) -> dict[str, Any]:
    """Everything, every round included, for programs."""
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "host": where,
        "measurements": [_measurement(case, series) for case, series in found.items()],
        "targets": [_target(target) for target in targets],
    }


def _measurement(case: Case, series: Series) -> dict[str, Any]:
    return {
        "peer": case.peer,
        "operation": case.operation,
        "value_bytes": case.size,
        "entries": case.entries,
        "processes": case.processes,
        "calls_per_round": series.calls,
        "cpu_us": _summary(series.cpu),
        "wall_us": _summary(series.wall),
        "per_second": _summary(series.per_second) if series.per_second else None,
    }


def _summary(figures: Sequence[float]) -> dict[str, Any]:
    return {"median": median(figures), "p95": quantile(figures, 0.95), "rounds": list(figures)}


def _target(target: Target) -> dict[str, Any]:
    return {
        "target": target.name,
        "comparison": ">=" if target.is_least else "<=",
        "limit": target.limit,
        "unit": "ratio" if target.unit == "×" else "us",
        "measured": target.measured,
        "met": target.is_met,
        "rounds": list(target.figures),
        "by_the_clock": median(target.beside) if target.beside else None,
    }
