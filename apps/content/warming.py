"""What a warm-up reads before visitors do: the newest articles, and the first page of each list."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.conf import settings

from content import lookups
from content.models import Article
from content.queries import NEWEST_FIRST

MOST_ARTICLES = 200


def newest_articles() -> list[str]:
    """Return the slugs of the newest published articles, 200 at the most."""
    newest = Article.objects.published().order_by(*NEWEST_FIRST)
    return list(newest.values_list("slug", flat=True)[:MOST_ARTICLES])


def warm_article(slug: str) -> None:
    """Have an article, and what its readers may go on to, in the cache."""
    lookups.surroundings(lookups.article_by_slug(slug))


def first_pages() -> list[Callable[[], object]]:
    """Return what reads the home page and the first page of the list in each language, and the numbers."""
    pages = [
        partial(lookups.articles_page, language=language, size=size)
        for language, _name in settings.LANGUAGES
        for size in (lookups.ON_THE_HOME_PAGE + 1, lookups.PAGE_SIZE)
    ]
    return [*pages, lookups.site_numbers]


def read(page: Callable[[], object]) -> None:
    """Have one of them in the cache."""
    page()
