"""The arithmetic of the benchmark of pages; no speed is judged."""

from __future__ import annotations

import pytest

from benchmarks.pages.__main__ import by_cpu, is_met, ratio, table, verdicts
from benchmarks.pages.measures import Figure, Target, targets

TARGET = Target("a hit to a view", "hit", "view", 2.0)


def figures(name: str, *speeds: float) -> list[Figure]:
    return [Figure(name, speed, 0.1, 1.0, 2.0, 0) for speed in speeds]


@pytest.mark.parametrize(("speeds", "met"), [((300, 100, 250), True), ((150, 100, 300), False)])
def test_a_ratio_is_the_median_of_those_of_the_rounds(speeds: tuple[int, ...], met: bool) -> None:
    found = {"hit": figures("hit", *speeds), "view": figures("view", 100, 100, 100)}
    assert ratio(TARGET, found) == sorted(speeds)[1] / 100
    assert is_met(TARGET, found) is met


def test_the_tables_say_what_was_measured_and_what_was_missed() -> None:
    names = {name for one in targets() for name in (one.figure, one.beside)}
    found = {name: figures(name, 100) for name in sorted(names)}
    said = table(found)
    assert all(f"| {name} | 100 | 0.100 |" in said for name in names)
    told = verdicts(found, (1000, 300))
    # At the same speed, only what has to be no faster is met.
    assert told.count("| met |") == sum(one.least <= 1 for one in targets())
    assert "≤ 0.25 | 0.30 | | MISSED |" in told
    assert "| 1.00 | 1.00 |" in told


def test_nginx_is_not_asked_for_its_cpu() -> None:
    found = {"hit": figures("hit", 1), "view": [Figure("view", 1.0, 0.0, 1.0, 2.0, 0)]}
    assert by_cpu(TARGET, found) == ""
