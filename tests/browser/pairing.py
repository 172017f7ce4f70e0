"""Few rows in which every two values of different factors meet."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product

Row = tuple[object, ...]


def pairwise(factors: Sequence[Sequence[object]]) -> list[Row]:
    """Return rows of one value of each factor, so that every two values meet in one of them.

    Each row is the one that brings most new meetings, so there are few; the same ones every time.
    """
    every = list(product(*factors))
    missing = {pair for row in every for pair in meetings(row)}
    rows: list[Row] = []
    while missing:
        best = max(every, key=lambda row: len(missing & meetings(row)))
        rows.append(best)
        missing -= meetings(best)
    return rows


def meetings(row: Row) -> set[tuple[tuple[int, object], ...]]:
    """Every two values of *row*, each with its place."""
    return set(combinations(enumerate(row), 2))
