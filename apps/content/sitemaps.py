"""``/sitemap.xml``: every public page of the site, for search engines.

One file while it is short, else an index of several: a file of everything would grow beyond what
one answer should hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NotRequired, TypedDict, cast

from django.conf import settings
from django.db.models import Max
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from cacheadmin import cached, pagecache
from content import shown
from content.kept import Kept
from content.keyset import Cursor, Direction
from content.models import Article
from content.queries import NEWEST_FIRST, ArticleQuerySet
from core import addresses
from core.site import get_site

ARTICLES_PER_FILE = 5000


@dataclass(frozen=True, slots=True)
class Page(Kept):
    """One page: the name of its URL, its language, its last change, and what its URL is made with."""

    name: str
    language: str
    changed_at: datetime | None
    argument: str = ""
    # The languages it exists in, its own among them; none where it is alone.
    languages: tuple[str, ...] = ()

    def path(self, language: str = "") -> str:
        """Its address on this host, in its own language or in another."""
        with translation.override(language or self.language):
            return reverse(self.name, args=[self.argument] if self.argument else [])


class Row(TypedDict):
    """What the template of the library shows of a page."""

    location: str
    lastmod: datetime | None
    alternates: NotRequired[list[dict[str, str]]]


@pagecache.public(shown.SITEMAP, parameters=("part",))
@require_safe
def view(request: HttpRequest) -> HttpResponse:
    """Answer the map, or the index of its parts; one part with ``?part=N``."""
    parts = max(1, len(beginnings()))
    wanted = request.GET.get("part")
    if wanted is None and parts > 1:
        return _index(request, parts)
    part = 1 if wanted is None else _part(wanted, parts)
    origin = addresses.origin(request)
    pages = [*_overview(), *articles_of(part)] if part == 1 else articles_of(part)
    context = {"urlset": [_row(page, origin) for page in pages]}
    return render(request, "sitemap.xml", context, content_type="application/xml")


def _index(request: HttpRequest, parts: int) -> HttpResponse:
    address = addresses.absolute(request, reverse("sitemap"))
    rows = [{"location": f"{address}?part={part}"} for part in range(1, parts + 1)]
    return render(request, "sitemap_index.xml", {"sitemaps": rows}, content_type="application/xml")


def _part(wanted: str, parts: int) -> int:
    known = {str(part): part for part in range(1, parts + 1)}
    if wanted not in known:
        raise Http404(_("The map of the site has no such part."))
    return known[wanted]


def _row(page: Page, origin: str) -> Row:
    row: Row = {"location": origin + page.path(), "lastmod": page.changed_at}
    if page.languages:
        row["alternates"] = _alternates(page, origin)
    return row


def _alternates(page: Page, origin: str) -> list[dict[str, str]]:
    """Each language of the page, itself included, and the site's own for whoever reads none of them."""
    found = [{"lang_code": code, "location": origin + page.path(code)} for code in page.languages]
    preferred = get_site().language
    if preferred in page.languages:
        found.append({"lang_code": "x-default", "location": origin + page.path(preferred)})
    return found


@cached("lists")
def beginnings() -> list[tuple[datetime, int]]:
    """Return where each part begins: the moment and the key of its first article.

    One walk along the index for all parts together; each is then read from its beginning on, the last
    one as the first one.
    """
    found: list[tuple[datetime, int]] = []
    place = _first(Article.objects.published(), 0)
    while place:
        found.append(place)
        place = _first(Article.objects.older_than(Cursor(Direction.OLDER, *place)), ARTICLES_PER_FILE - 1)
    return found


def _first(articles: ArticleQuerySet, skipped: int) -> tuple[datetime, int] | None:
    found = articles.order_by(*NEWEST_FIRST).values_list("published_at", "id")[skipped:].first()
    # What is published has a date.
    return cast("tuple[datetime, int] | None", found)


@cached("lists")
def articles_of(part: int) -> list[Page]:
    """Return the articles of a part, the first of which is 1."""
    found = beginnings()[part - 1 : part]
    if not found:
        return []
    moment, key = found[0]
    # After the place that would be just before it.
    rest = Article.objects.older_than(Cursor(Direction.OLDER, moment, key + 1)).order_by(*NEWEST_FIRST)
    rows = rest.values_list("slug", "language", "updated_at")[:ARTICLES_PER_FILE]
    return [Page("content:article", language, changed_at, slug) for slug, language, changed_at in rows]


@cached("lists")
def _overview() -> list[Page]:
    """The pages that list articles; those of authors and tags in the languages they have articles in."""
    newest = _newest("language")
    codes = tuple(code for code, _name in settings.LANGUAGES)
    return [
        *(Page("content:home", code, newest.get((code,)), languages=codes) for code in codes),
        *(Page("content:articles", code, newest.get((code,)), languages=codes) for code in codes),
        *_overview_of("content:author", "author__username"),
        *_overview_of("content:tag", "tags__slug"),
    ]


def _overview_of(name: str, field: str) -> list[Page]:
    rows = {key: at for key, at in _newest("language", field).items() if key[1]}
    languages: dict[str, tuple[str, ...]] = {}
    for language, argument in rows:
        languages[argument] = (*languages.get(argument, ()), language)
    return [
        Page(name, language, at, argument, languages[argument] if len(languages[argument]) > 1 else ())
        for (language, argument), at in rows.items()
    ]


def _newest(*fields: str) -> dict[tuple[str, ...], datetime]:
    """The last change of the published articles, by the values of *fields*."""
    rows = Article.objects.published().order_by(*fields).values_list(*fields).annotate(Max("updated_at"))
    return {tuple(row[:-1]): row[-1] for row in rows}
