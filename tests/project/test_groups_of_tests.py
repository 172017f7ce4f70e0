"""Tests that share something dear meet in one worker of pytest-xdist, so that it is made once."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def shared() -> str:
    """Something dear."""
    return "made"


@pytest.mark.parametrize("_turn", range(2))
def test_who_shares_a_fixture_of_a_module_is_in_its_group(
    request: pytest.FixtureRequest, shared: str, _turn: int
) -> None:
    mark = request.node.get_closest_marker("xdist_group")
    assert mark is not None
    assert mark.args == ("tests/project/test_groups_of_tests.py",)
    if request.config.getoption("loadgroup", default=False):
        # What pytest-xdist goes by; without it, it would hand out each test by itself, and say nothing.
        assert request.node.nodeid.endswith(f"@{mark.args[0]}")
