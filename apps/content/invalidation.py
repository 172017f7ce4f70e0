"""What has to be forgotten when something changes; always after the change is committed.

Lists are forgotten as a whole: which of them an article stands in, or now stands in, is more work
to find out than the few that are read cost to make again.
"""

from __future__ import annotations

from django.db import transaction

from cacheadmin import clear_group
from content import lookups


def forget_article(article_id: int, slug: str, using: str | None = None) -> None:
    """Forget one article, which slug leads to it, and the lists."""

    def forget() -> None:
        lookups.article_by_id.invalidate(article_id)
        lookups.article_id.invalidate(slug)
        clear_group("lists")

    transaction.on_commit(forget, using)


def forget_lists(using: str | None = None) -> None:
    """Forget every list."""
    transaction.on_commit(lambda: clear_group("lists"), using)


def forget_everything(using: str | None = None) -> None:
    """Forget all articles and lists: for changes to many articles at once, or to what they all show."""

    def forget() -> None:
        clear_group("content")
        clear_group("lists")

    transaction.on_commit(forget, using)
