"""The news feed of each language."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.contrib.syndication.views import Feed
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import escape
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from cacheadmin import pagecache
from content import lookups, shown
from content.cards import ArticleCard
from core import addresses
from core.site import get_site

if TYPE_CHECKING:
    ArticleFeed = Feed[ArticleCard, str]
else:
    # Django's class takes no type argument at run time.
    ArticleFeed = Feed

ENTRIES = 20


@pagecache.public()
@require_safe
def latest_articles(request: HttpRequest) -> HttpResponse:
    """Answer the feed in the language of its address."""
    return LatestArticles(addresses.origin(request))(request)


class LatestArticles(ArticleFeed):
    """RSS 2.0: the newest articles in the language of the address, with their summaries.

    One for each request: a feed is not told of which request an address is asked for.

    Args:
        origin: what stands before the path of each address in it.
    """

    def __init__(self, origin: str) -> None:
        self._origin = origin

    def get_object(self, request: HttpRequest) -> str:
        """The language to list articles of."""
        language = get_language() or request.LANGUAGE_CODE
        pagecache.depends_on(request, shown.lists(language))
        pagecache.ends_at(request, lookups.articles_page(language=language, size=ENTRIES).stale_at)
        return language

    def title(self) -> str:
        """The site's name."""
        return printable(get_site().name)

    def description(self) -> str:
        """What the site is about."""
        site = get_site()
        return printable(site.tagline) or _("The newest articles of %(site)s") % {
            "site": printable(site.name)
        }

    def link(self) -> str:
        """The page that lists the same articles."""
        return self._origin + reverse("content:articles")

    def feed_url(self) -> str:
        """Its own address."""
        return self._origin + reverse("content:feed")

    def items(self, language: str) -> tuple[ArticleCard, ...]:
        """The newest articles."""
        return lookups.articles_page(language=language, size=ENTRIES).articles

    def item_title(self, item: ArticleCard) -> str:
        """Its title; readers take it for HTML, so it is escaped once more."""
        return escape(printable(item.title))

    def item_description(self, item: ArticleCard) -> str:
        """Its summary."""
        return escape(printable(item.summary))

    def item_link(self, item: ArticleCard) -> str:
        """Its page."""
        return self._origin + item.get_absolute_url()

    def item_author_name(self, item: ArticleCard) -> str:
        """Who wrote it."""
        return printable(item.author.public_name)

    def item_pubdate(self, item: ArticleCard) -> datetime:
        """When it was published."""
        return item.published_at

    def item_updateddate(self, item: ArticleCard) -> datetime:
        """When it was changed last; the newest of these is the feed's Last-Modified."""
        return item.updated_at

    def item_categories(self, item: ArticleCard) -> list[str]:
        """What it is about."""
        return [printable(tag.name) for tag in item.tags]


def printable(text: str) -> str:
    """Return *text* without the control characters that XML has no place for.

    Forms refuse them; an import may have brought them.
    """
    return "".join(letter for letter in text if letter >= " " or letter in "\t\n")
