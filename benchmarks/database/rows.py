"""One line of the table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What one question costs.

    Args:
        database: SQLite or PostgreSQL.
        what: the question.
        milliseconds: the median.
        work: steps of SQLite's machine, or pages that PostgreSQL touches.
        owed: in words; empty where nothing is.
        is_met: whether it is.
        index: the indexes of articles and their tags that its plan names.
    """

    database: str
    what: str
    milliseconds: float
    work: int
    owed: str = ""
    is_met: bool = True
    index: str = ""
