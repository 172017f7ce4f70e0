"""Slugs: readable, unique, and never one that an address of our own needs."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from itertools import count
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

# /articles/feed/ is the news feed.
RESERVED = frozenset({"feed"})

# Room for "-2", "-3", … after a shortened slug.
ROOM_FOR_A_NUMBER = 8

# Letters that Unicode does not take apart, though every reader of Latin script does.
LATIN = str.maketrans(
    {"œ": "oe", "Œ": "Oe", "æ": "ae", "Æ": "Ae", "ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"}
    | {"đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i"}
    | {"’": " ", "'": " ", "–": " ", "—": " ", "…": " ", "\N{NO-BREAK SPACE}": " ", "/": " "}
)


def validate_not_reserved(slug: str) -> None:
    """Refuse a slug that is an address of our own.

    Raises:
        ValidationError: it is; the message names it.
    """
    if slug.lower() in RESERVED:
        raise ValidationError(
            _("“%(slug)s” is an address of the site itself. Choose another slug."),
            code="reserved",
            params={"slug": slug},
        )


def slug_of(text: str, max_length: int) -> str:
    """Return the slug that *text* suggests, or an empty string if it has no letter and no digit.

    Latin script becomes plain ASCII, whatever its accents; any other script is kept, for half
    a title in ASCII says less than the whole in its own letters.
    """
    text = unicodedata.normalize("NFC", text.translate(LATIN))
    plain = slugify(text)
    full = slugify(text, allow_unicode=True)
    slug = plain if _letters(plain) == _letters(full) else full
    if len(slug) > max_length:
        whole_words, hyphen, _rest = slug[: max_length + 1].rpartition("-")
        slug = whole_words if hyphen else slug[:max_length]
    return slug.strip("-_")


def free_slug(rows: QuerySet[Any], text: str, *, max_length: int, otherwise: str) -> str:
    """Return a slug for *text* that none of *rows* has in its field ``slug``.

    Args:
        rows: what it must differ from.
        text: usually a title.
        max_length: in characters.
        otherwise: what to start from when *text* suggests nothing.
    """
    base = slug_of(text, max_length - ROOM_FOR_A_NUMBER) or otherwise
    taken = set(rows.filter(slug__startswith=base).values_list("slug", flat=True))
    return first_free(base, taken)


def first_free(base: str, taken: Collection[str]) -> str:
    """Return *base*, or *base* with the smallest number that makes it neither taken nor reserved."""
    if base not in taken and base not in RESERVED:
        return base
    return next(slug for slug in (f"{base}-{number}" for number in count(2)) if slug not in taken)


def _letters(slug: str) -> int:
    # Counted without marks, which ASCII loses and should lose.
    return sum(character.isalnum() for character in unicodedata.normalize("NFD", slug))
