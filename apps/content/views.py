"""The pages that people read. Each docstring names its template and what the template is given.

Public pages are the same for everybody: they look at the address and at nothing else of the
request. Only the preview of what is not public yet, and the dashboard, know who asks.

What the templates meet again and again:

* an *article of a list* (``ArticleCard``): ``title``, ``slug``, ``summary``, ``language``,
  ``published_at``, ``updated_at``, ``author`` (``username``, ``public_name``), ``tags`` (each ``name``,
  ``slug``), ``cover`` (``url``, ``width``, ``height``) or ``None``, ``reading_minutes``,
  ``get_absolute_url``;
* a *page* (``ArticlePage``): ``articles``, ``next_cursor`` (older), ``previous_cursor`` (newer), empty where
  there is none. Its neighbours are ``?cursor=…``, in a search ``?q=…&cursor=…``.
"""

from __future__ import annotations

from typing import Any, NoReturn, cast
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.utils.safestring import mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from cacheadmin import pagecache
from content import desk, lookups, shown
from content import search as searching
from content.cards import ArticlePage, AuthorCard, FullArticle, Surroundings, TagCard, full_article
from content.keyset import Direction, MalformedCursor, parse
from content.models import Article, Tag
from core.limits import by_ip, limited
from users.models import User

PAGE_SIZE = lookups.PAGE_SIZE
ON_THE_HOME_PAGE = lookups.ON_THE_HOME_PAGE
# Per address. A search is the one public page that always asks the database.
SEARCH_RATE = "30/m"


@pagecache.public()
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show the newest articles.

    ``content/home.html``: ``featured`` (the newest article with a cover, or ``None``) and ``latest`` (a page
    of the others).
    """
    page = lookups.articles_page(language=_language(request), size=ON_THE_HOME_PAGE + 1)
    pagecache.depends_on(request, shown.lists(_language(request)))
    pagecache.ends_at(request, page.stale_at)
    featured = next((article for article in page.articles if article.cover), None)
    others = tuple(article for article in page.articles if article is not featured)
    latest = ArticlePage(others[:ON_THE_HOME_PAGE], next_cursor=page.next_cursor)
    return render(request, "content/home.html", {"featured": featured, "latest": latest})


@pagecache.public(parameters=("cursor",))
@require_safe
def articles(request: HttpRequest) -> HttpResponse:
    """List all articles in the language of the page.

    ``content/article_list.html``: ``page``, ``heading``, ``kind`` (``"all"``).
    """
    pagecache.depends_on(request, shown.lists(_language(request)))
    return _list(request, kind="all", heading=_("Articles"))


@pagecache.public(parameters=("cursor",))
@require_safe
def author(request: HttpRequest, username: str) -> HttpResponse:
    """List what one person has written.

    ``content/article_list.html``: ``page``, ``heading``, ``kind`` (``"author"``), ``author`` (``username``,
    ``public_name``, ``bio``).
    """
    try:
        person = lookups.author_by_username(username)
    except User.DoesNotExist:
        raise Http404(_("There is no author of this name.")) from None
    pagecache.depends_on(request, shown.author(person.id))
    return _list(request, kind="author", heading=person.public_name, author=person)


@pagecache.public(parameters=("cursor",))
@require_safe
def tag(request: HttpRequest, slug: str) -> HttpResponse:
    """List the articles about one subject.

    ``content/article_list.html``: ``page``, ``heading``, ``kind`` (``"tag"``), ``tag`` (``name``, ``slug``).
    """
    try:
        subject = lookups.tag_by_slug(slug)
    except Tag.DoesNotExist:
        raise Http404(_("There is no tag of this name.")) from None
    pagecache.depends_on(request, shown.tag(subject.id))
    return _list(request, kind="tag", heading=subject.name, tag=subject)


@pagecache.public()
@require_safe
def article(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one article; what is not public yet, to its author and the editors alone.

    ``content/article_detail.html``: ``article`` (like one of a list, and ``word_count``), ``body_html``
    (safe), ``related`` (at most three of a list), ``newer`` and ``older`` (``title``, ``slug``,
    ``get_absolute_url``, or ``None``), ``preview`` (whether nobody else can see it yet), ``is_draft`` (in a
    preview: it has no moment to appear at).
    """
    try:
        found = lookups.article_by_slug(slug)
    except Article.DoesNotExist:
        return _preview(request, slug)
    if not found.is_due:
        return _preview(request, slug)
    if found.language != _language(request):
        return HttpResponseRedirect(found.get_absolute_url())
    around = lookups.surroundings(found)
    pagecache.depends_on(request, *shown.article_page(found, around))
    pagecache.ends_at(request, around.stale_at)
    return _show(request, found, around)


def _whoever_searches(request: HttpRequest) -> str:
    """Whose searches are counted; the form alone costs nothing."""
    return by_ip(request) if request.GET.get("q") else ""


@require_safe
@limited("search", rate=SEARCH_RATE, by=_whoever_searches)
def search(request: HttpRequest) -> HttpResponse:
    """List the articles that contain what is looked for.

    ``content/article_list.html``: ``page`` (empty before a search), ``heading``, ``kind`` (``"search"``),
    ``query`` (as it was searched for), ``notice`` (why nothing was searched, or an empty string).
    """
    query = searching.tidy(request.GET.get("q", ""))
    notice = _why_not(query)
    context = {
        "kind": "search",
        "heading": _("Search"),
        "query": query[: searching.LONGEST],
        "notice": notice,
    }
    if not query or notice:
        return render(request, "content/article_list.html", {**context, "page": ArticlePage(())})
    cursor = request.GET.get("cursor", "")
    try:
        page = searching.found_page(_language(request), query, cursor, PAGE_SIZE)
    except MalformedCursor:
        _no_such_page()
    return _page_of_list(request, page, cursor, context)


@never_cache
@login_required
@require_safe
def dashboard(request: HttpRequest) -> HttpResponse:
    """Show a member what they have written, and what there is on the site.

    ``content/dashboard.html`` (private, may extend ``base_private.html``):

    * ``numbers``: of the member ``drafts``, ``scheduled``, ``published``, ``words``; of the site
      ``site_articles``, ``site_words``, ``site_authors``, ``site_tags``, ``site_members``;
    * ``drafts``: the member's newest drafts (models: ``title``, ``created_at``, ``updated_at``,
      ``word_count``, ``get_absolute_url`` leads to the preview, ``pk`` for ``admin:content_article_change``);
    * ``scheduled``: theirs that are going to appear by themselves (the same, with ``published_at``);
    * ``recent``: theirs that were published last (the same);
    * ``latest``: the site's newest, of a list;
    * ``can_write``: whether they may add articles in the admin (``admin:content_article_add``).
    """
    member = cast(User, request.user)
    context = {
        "numbers": desk.numbers(member),
        "drafts": desk.drafts(member),
        "scheduled": desk.scheduled(member),
        "recent": desk.recent(member),
        "latest": lookups.articles_page(language=_language(request), size=5).articles,
        "can_write": member.is_staff and member.has_perm("content.add_article"),
    }
    return render(request, "content/dashboard.html", context)


def _list(request: HttpRequest, **context: Any) -> HttpResponse:
    cursor = request.GET.get("cursor", "")
    person, subject = context.get("author"), context.get("tag")
    try:
        page = lookups.articles_page(
            language=_language(request),
            author_id=person.id if isinstance(person, AuthorCard) else 0,
            tag_id=subject.id if isinstance(subject, TagCard) else 0,
            cursor=cursor,
            size=PAGE_SIZE,
        )
    except MalformedCursor:
        _no_such_page()
    pagecache.ends_at(request, page.stale_at)
    return _page_of_list(request, page, cursor, context)


def _page_of_list(
    request: HttpRequest, page: ArticlePage, cursor: str, context: dict[str, Any]
) -> HttpResponse:
    if cursor and parse(cursor).direction is Direction.NEWER and not page.previous_cursor:
        # Back at the beginning, which has an address of its own.
        rest = urlencode({"q": context["query"]}) if context.get("query") else ""
        return HttpResponseRedirect(f"{request.path}?{rest}" if rest else request.path)
    return render(request, "content/article_list.html", {**context, "page": page})


def _no_such_page() -> NoReturn:
    raise Http404(_("This page of the list does not exist.")) from None


def _why_not(query: str) -> str:
    if len(query) > searching.LONGEST:
        return _("Search for at most %(number)d characters.") % {"number": searching.LONGEST}
    if query and len(query) < searching.SHORTEST:
        return _("Search for at least %(number)d characters.") % {"number": searching.SHORTEST}
    return ""


def _preview(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what is not public to those who may see it, straight from the database, and let nobody keep it."""
    written = Article.objects.filter(slug=slug).select_related("author").prefetch_related("tags").first()
    if written is None or not _may_preview(request, written):
        raise Http404(_("There is no such article."))
    if written.language != _language(request):
        response: HttpResponse = HttpResponseRedirect(written.get_absolute_url())
    else:
        context = {"preview": True, "is_draft": written.status == Article.Status.DRAFT}
        response = _show(request, full_article(written), Surroundings(None, None, ()), **context)
    add_never_cache_headers(response)
    return response


def _may_preview(request: HttpRequest, written: Article) -> bool:
    user = request.user
    return user == written.author or (user.is_staff and user.has_perm("content.view_article"))


def _show(request: HttpRequest, found: FullArticle, around: Surroundings, **context: bool) -> HttpResponse:
    shown = {
        "article": found,
        "body_html": mark_safe(found.body_html),  # noqa: S308 - cleaned when it was made
        "related": around.related,
        "newer": around.newer,
        "older": around.older,
        "preview": False,
        "is_draft": False,
    }
    return render(request, "content/article_detail.html", {**shown, **context})


def _language(request: HttpRequest) -> str:
    return get_language() or request.LANGUAGE_CODE
