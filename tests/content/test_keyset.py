"""Cursors."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from content.keyset import Cursor, Direction, MalformedCursor, parse

MOMENT = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)


def word_for(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@given(
    direction=st.sampled_from(Direction),
    moment=st.datetimes(timezones=st.just(UTC)),
    number=st.integers(0, 2**63 - 1),
)
def test_a_cursor_comes_back_as_it_went(direction: Direction, moment: datetime, number: int) -> None:
    cursor = Cursor(direction, moment, number)
    assert parse(str(cursor)) == cursor


def test_a_cursor_needs_no_quoting_in_an_address() -> None:
    assert str(Cursor(Direction.OLDER, MOMENT, 7)).replace("-", "").replace("_", "").isalnum()


@given(st.text(max_size=80))
def test_no_text_does_worse_than_be_refused(text: str) -> None:
    try:
        cursor = parse(text)
    except MalformedCursor:
        return
    assert str(cursor) == text


@pytest.mark.parametrize(
    "word",
    [
        "",
        "x",
        "é",
        "\0",
        "AAAA",
        "a" * 65,
        str(Cursor(Direction.OLDER, MOMENT, 7)) + "=",
        str(Cursor(Direction.OLDER, MOMENT, 7))[:-1],
        word_for("o1"),
        word_for("z1.1"),
        word_for("o01.1"),
        word_for("o1.01"),
        word_for("o1.9999999999999999999"),
        word_for("o999999999999999999.1"),
        word_for("o1.1 "),
        word_for("o١.1"),
    ],
)
def test_what_we_never_gave_out_is_malformed(word: str) -> None:
    with pytest.raises(MalformedCursor):
        parse(word)
