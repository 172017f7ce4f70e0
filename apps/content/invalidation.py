"""What has to be forgotten when something changes; always after the change is committed.

Cached lists are forgotten as a whole: which of them an article stands in, or now stands in, is more
work to find out than the few that are read cost to make again. Whole pages cost more: of those, the
ones that show the article are made anew. They are forgotten last, as they are made from the others.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from cacheadmin import clear_group, pagecache
from content import lookups, shown
from content.keyset import Direction
from content.models import Article
from content.queries import NEWEST_FIRST, OLDEST_FIRST, beside
from content.shown import Standing


def forget_article(
    article: Article,
    before: Standing | None,
    after: Standing | None,
    using: str | None = None,
    *,
    tag_ids: Iterable[int] = (),
) -> None:
    """Forget one article, which slugs lead to it, the lists, and the pages that show it.

    Args:
        article: the article.
        before: where it stood; nothing if it is new.
        after: where it stands; nothing if it is gone.
        using: the database.
        tag_ids: tags that it had and has no more.
    """
    key = article.pk
    tags = {*tag_ids, *_tag_ids(key)}

    def forget() -> None:
        lookups.article_by_id.invalidate(key)
        for slug in {standing.slug for standing in (before, after) if standing}:
            lookups.article_id.invalidate(slug)
        clear_group("lists")
        neighbours = _neighbours(article) if before != after and after and after.is_published else ()
        pagecache.forget(*shown.changed(before, after, tags, neighbours))

    transaction.on_commit(forget, using)


def forget_lists(using: str | None = None) -> None:
    """Forget every list; no page shows anything else than before."""
    transaction.on_commit(lambda: clear_group("lists"), using)


def forget_everything(using: str | None = None) -> None:
    """Forget all articles, lists and pages: for changes to many articles, or to what they all show."""

    def forget() -> None:
        clear_group("content")
        clear_group("lists")
        pagecache.forget_all()

    transaction.on_commit(forget, using)


def _tag_ids(key: int) -> list[int]:
    links = Article.tags.through.objects.filter(article_id=key)
    return list(links.values_list("tag_id", flat=True))


def _neighbours(article: Article) -> list[str]:
    """The slugs of what an article stands between."""
    others = Article.objects.in_language(article.language).only("slug")
    newer = others.newer_than(beside(article, Direction.NEWER)).order_by(*OLDEST_FIRST).first()
    older = others.older_than(beside(article, Direction.OLDER)).order_by(*NEWEST_FIRST).first()
    return [other.slug for other in (newer, older) if other]
