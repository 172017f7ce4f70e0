"""The pairwise plan leaves no two values unmet."""

from __future__ import annotations

from itertools import combinations, product

import pytest

from tests.combinations import ALL, DATABASES, ENGINES, LANGUAGES, PAIRWISE, values_for


@pytest.mark.parametrize(("first", "second"), list(combinations(range(3), 2)))
def test_every_two_values_meet_in_the_pairwise_plan(first: int, second: int) -> None:
    values = (ENGINES, LANGUAGES, DATABASES)
    met = {(row[first], row[second]) for row in PAIRWISE}
    assert met == set(product(values[first], values[second]))


def test_the_whole_plan_holds_every_meeting_once() -> None:
    assert len(ALL) == len(set(ALL)) == len(ENGINES) * len(LANGUAGES) * len(DATABASES)


def test_a_test_of_engines_alone_sees_all_engines_on_each_database() -> None:
    for database in DATABASES:
        assert [engine for (engine,) in values_for(["engine"], database, everything=False)] == list(ENGINES)


def test_a_test_without_a_database_sees_every_pair_of_engine_and_language() -> None:
    pairs = values_for(["engine", "language"], "", everything=False)
    assert sorted(pairs) == sorted(product(ENGINES, LANGUAGES))


def test_engine_and_language_are_split_between_the_databases() -> None:
    names = ["engine", "language"]
    here, there = (values_for(names, database, everything=False) for database in DATABASES)
    assert sorted(here + there) == sorted(product(ENGINES, LANGUAGES))
