"""What is stored while measuring: a visitor's preferences, a list of articles, a whole page."""

from __future__ import annotations

import random
from collections.abc import Sequence

# So many different values take turns, as a cache never holds the same one everywhere.
VARIANTS = 16
_TEXT = """
the of and a to in is was it for with as his on be at by had not are but from or have an they which
one you were her all she there would their we him been has when who will more no if out so said what
up its about into than them can only other new some could time these two may then do first any my
now such like our over man me even most made after also did many before must through back years
where much your way well down should because each just those people mister how too little state good
very make world still winter garden river engine letter morning market bridge harbour mountain
library kitchen window
"""
_WORDS = _TEXT.split()


def values(size: int) -> Sequence[object]:
    """Values of about *size* bytes pickled: 100, 2,000 or 50,000 look like what a site caches.

    Args:
        size: up to 500 gives preferences, up to 10,000 a list of articles, beyond that a page.
    """
    chance = random.Random(size)
    make = _preferences if size <= 500 else _articles if size <= 10_000 else _page
    return [make(chance, size, number) for number in range(VARIANTS)]


def _preferences(chance: random.Random, size: int, number: int) -> object:
    name = _text(chance, max(8, size - 75))
    return {"id": 1000 + number, "name": name, "language": "fr", "is_admin": False, "theme": None}


def _articles(chance: random.Random, size: int, number: int) -> object:
    return [_article(chance, 100 * number + row) for row in range(max(1, size // 180))]


def _page(chance: random.Random, size: int, number: int) -> object:
    body = _text(chance, int(size * 0.8))
    return {"status": 200, "headers": {"Content-Type": "text/html"}, "body": body, **_beside(chance, size)}


def _beside(chance: random.Random, size: int) -> dict[str, object]:
    return {"articles": [_article(chance, row) for row in range(int(size * 0.2) // 180)]}


def _article(chance: random.Random, number: int) -> dict[str, object]:
    return {
        "id": number,
        "title": _text(chance, 40),
        "slug": _text(chance, 30).replace(" ", "-"),
        "author": {"id": chance.randrange(500), "name": _text(chance, 12)},
        "tags": [chance.choice(_WORDS), chance.choice(_WORDS)],
        "read": chance.random(),
        "is_public": True,
    }


def _text(chance: random.Random, length: int) -> str:
    found = ""
    while len(found) < length:
        found += f"{chance.choice(_WORDS)} "
    return found[:length]
