"""Cursors: where a page of a list begins, told by the article next to it and not by a number.

A page by number shifts whenever something is published; a page by cursor stays where it was, and
the thousandth costs no more than the first. To the outside a cursor is a word without meaning.
It is not signed: all that it can ask for is another part of a public list.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST = 64
LARGEST_ID = 2**63 - 1
FORM = re.compile(r"([no])(-?\d{1,18})\.(\d{1,19})", re.ASCII)


class MalformedCursor(ValueError):
    """A cursor that we never gave out."""


class Direction(StrEnum):
    """Which way a page lies from its cursor."""

    NEWER = "n"
    OLDER = "o"


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place in a list beside the article *id*, published at *moment*."""

    direction: Direction
    moment: datetime
    id: int

    def __str__(self) -> str:
        """The opaque word that stands in an address."""
        micros = (self.moment - EPOCH) // timedelta(microseconds=1)
        return base64.urlsafe_b64encode(f"{self.direction}{micros}.{self.id}".encode()).decode().rstrip("=")


def parse(word: str) -> Cursor:
    """Read a cursor.

    Raises:
        MalformedCursor: it is none of ours.
    """
    if len(word) > LONGEST:
        raise MalformedCursor(word[:LONGEST])
    try:
        text = base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True).decode("ascii")
        match = FORM.fullmatch(text)
        if match is None:
            raise MalformedCursor(word)
        direction, micros, number = match.groups()
        cursor = Cursor(Direction(direction), EPOCH + timedelta(microseconds=int(micros)), int(number))
    except (binascii.Error, UnicodeError, OverflowError, ValueError) as error:
        raise MalformedCursor(word) from error
    # One place has one cursor: else each page could be had, and cached, under many addresses.
    if cursor.id > LARGEST_ID or str(cursor) != word:
        raise MalformedCursor(word)
    return cursor
