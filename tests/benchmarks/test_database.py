"""The table of the database benchmark."""

from __future__ import annotations

from benchmarks.database.__main__ import table
from benchmarks.database.rows import Row


def test_the_table_says_what_was_missed() -> None:
    rows = [
        Row("SQLite", "all: first page", 1.25, 1234, index="article_by_date"),
        Row("PostgreSQL", "search: rain", 70.0, 9, "< 50 ms", is_met=False),
    ]
    lines = table(rows).splitlines()
    assert lines[2] == "| SQLite | all: first page | 1.2 | 1,234 |  | article_by_date | met |"
    assert lines[3] == "| PostgreSQL | search: rain | 70.0 | 9 | < 50 ms |  | MISSED |"
