"""What public pages show, in the words of the page cache: which of them a changed article is on.

A page holds a mark for each thing that it shows. A list shows all articles of its kind, whichever of
them stand on it just now; the page of an article shows that, its neighbours and the related ones, and
would show others if articles came to its subjects or beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from content.cards import FullArticle, Surroundings

SITEMAP = "sitemap"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an article stands: what decides which pages show it."""

    slug: str
    language: str
    author_id: int
    is_published: bool
    published_at: datetime | None


def lists(language: str) -> str:
    """The mark of all lists of a language: home page, articles, feed."""
    return f"lists:{language}"


def author(key: int) -> str:
    """The mark of the list of one author."""
    return f"author:{key}"


def tag(key: int) -> str:
    """The mark of the list of one tag."""
    return f"tag:{key}"


def article(slug: str) -> str:
    """The mark of one article, wherever a page of an article shows it."""
    return f"article:{slug}"


def subject(tag_id: int) -> str:
    """The mark of which articles there are about a subject."""
    return f"subject:{tag_id}"


def place(slug: str) -> str:
    """The mark of what stands beside an article."""
    return f"place:{slug}"


def article_page(found: FullArticle, around: Surroundings) -> list[str]:
    """The marks of the page of an article."""
    beside = [link for link in (around.newer, around.older) if link]
    return [
        place(found.slug),
        *(article(one.slug) for one in (found, *beside, *around.related)),
        *(subject(one.id) for one in found.tags),
    ]


def changed(
    before: Standing | None, after: Standing | None, tag_ids: Iterable[int], neighbours: Iterable[str]
) -> Iterator[str]:
    """The marks of what shows, or showed, a changed article.

    Args:
        before: where it stood; nothing if it is new.
        after: where it stands; nothing if it is gone.
        tag_ids: its tags, before and after.
        neighbours: slugs of what it stands between now.
    """
    shown = [standing for standing in (before, after) if standing and standing.is_published]
    if not shown:
        return
    has_moved = before != after
    for standing in shown:
        yield from (article(standing.slug), lists(standing.language), author(standing.author_id))
    yield SITEMAP
    for key in tag_ids:
        yield tag(key)
        if has_moved:
            yield subject(key)
    if has_moved:
        yield from (place(slug) for slug in neighbours)
