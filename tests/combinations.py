"""Which engines, languages and databases meet in one test.

`make test` takes six meetings in which every two values meet at least once; `make test-all` takes all twelve.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

ENGINES = ("redis", "file", "memory")
LANGUAGES = ("en", "fr")
DATABASES = ("sqlite", "postgres")


class Combination(NamedTuple):
    engine: str
    language: str
    database: str

    def __str__(self) -> str:
        return "-".join(self)


ALL = [Combination(*values) for values in product(ENGINES, LANGUAGES, DATABASES)]
PAIRWISE = [
    Combination("redis", "en", "sqlite"),
    Combination("redis", "fr", "postgres"),
    Combination("file", "en", "postgres"),
    Combination("file", "fr", "sqlite"),
    Combination("memory", "en", "sqlite"),
    Combination("memory", "fr", "postgres"),
]


def meetings(*, everything: bool) -> list[Combination]:
    """The combinations of one run."""
    return ALL if everything else PAIRWISE


def values_for(names: Sequence[str], database: str, *, everything: bool) -> list[tuple[str, ...]]:
    """The distinct values of *names* (of ``engine`` and ``language``) to run on *database*.

    A test that takes one of them alone, or that touches no database (*database* is empty), sees each.
    """
    rows = [
        row
        for row in meetings(everything=everything)
        if len(names) == 1 or not database or row.database == database
    ]
    return list(dict.fromkeys(tuple(getattr(row, name) for name in names) for row in rows))
