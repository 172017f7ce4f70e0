"""The read API, version 1: JSON under ``/api/v1/``, described by ``/api/v1/openapi.json``."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, reverse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from ninja import NinjaAPI, Path, Query
from ninja.errors import ValidationError

from content import api_schemas as out
from content import lookups
from content.cards import ArticleCard, AuthorCard, FullArticle, TagCard
from content.keyset import MalformedCursor
from content.models import Article, Tag
from core.addresses import absolute
from core.limits import limited
from core.site import get_site
from users.models import User

# Per address.
RATE = "120/m"
PAGE_SIZE = 20
LARGEST_PAGE = 100


class Api(NinjaAPI):
    """An API whose every address is limited, answers HEAD, and fails in JSON."""

    @property
    def urls(self) -> tuple[list[URLResolver | URLPattern], str, str]:
        """What is mounted in the URLconf."""
        patterns, app_name, namespace = super().urls
        return [_guarded(pattern) for pattern in patterns], app_name, namespace


def _guarded(pattern: URLResolver | URLPattern) -> URLPattern:
    if not isinstance(pattern, URLPattern):
        raise TypeError("The API has nested routes; guard them too.")
    view = _contents if pattern.name == "api-root" else _well_mannered(pattern.callback)
    view = _readable_elsewhere(limited("api", rate=RATE, by="ip")(view))
    return URLPattern(pattern.pattern, view, pattern.default_args, pattern.name)


def _readable_elsewhere(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Let scripts of the sites in ``settings.API_ALLOWED_ORIGINS`` read the answers, refusals too."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
        response = view(request, *args, **options)
        allowed, asking = settings.API_ALLOWED_ORIGINS, request.headers.get("Origin", "")
        if allowed:
            patch_vary_headers(response, ("Origin",))
        if asking and (asking in allowed or "*" in allowed):
            response.headers["Access-Control-Allow-Origin"] = asking
            response.headers["Access-Control-Expose-Headers"] = "ETag, Retry-After"
        return response

    return answer


def _contents(request: HttpRequest) -> HttpResponseBase:
    """Lead from the root to the description of what is below it."""
    return redirect("api:openapi-json")


def _well_mannered(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
        method, request.method = request.method, "GET" if request.method == "HEAD" else request.method
        try:
            response = view(request, *args, **options)
        finally:
            # Whoever sends the answer leaves out the body of a HEAD.
            request.method = method
        if isinstance(response, HttpResponseNotAllowed):
            refusal = _error(request, 405, _("This API can only be read: use GET."))
            refusal.headers["Allow"] = "GET, HEAD"
            return refusal
        return response

    return answer


api = Api(
    title="Articles",
    version="1",
    description="Published articles, newest first. Nothing needs an account; 120 requests a minute.",
    docs_url=None,
    docs_decorator=require_safe,
    openapi_url="openapi.json",
    urls_namespace="api",
)

ERRORS = {400: out.ErrorOut, 404: out.ErrorOut, 429: out.ErrorOut}


@api.get(
    "/articles/",
    response={200: out.ArticlesOut, **ERRORS},
    summary="List articles",
    description="Newest first. Follow `next` by passing it as `cursor`; pages stay where they are "
    "while articles are added.",
    url_name="articles",
)
def list_articles(
    request: HttpRequest,
    cursor: Annotated[str, Query(max_length=64, description="`next` or `previous` of another page")] = "",
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="Articles on a page")] = PAGE_SIZE,
    language: Annotated[out.LanguageCode | None, Query(description="Only articles in this language")] = None,
    tag: Annotated[str, Query(max_length=60, description="Only articles with the tag of this slug")] = "",
    author: Annotated[str, Query(max_length=150, description="Only articles by this user name")] = "",
) -> out.ArticlesOut:
    """Answer one page."""
    page = lookups.articles_page(
        language=language or "",
        author_id=_author(author).id if author else 0,
        tag_id=_tag(tag).id if tag else 0,
        cursor=cursor,
        size=limit,
    )
    return out.ArticlesOut(
        articles=[out.ArticleOut(**_of_a_card(request, card)) for card in page.articles],
        next=page.next_cursor or None,
        previous=page.previous_cursor or None,
    )


@api.get(
    "/articles/{slug}/",
    response={200: out.FullArticleOut, **ERRORS},
    summary="Read an article",
    url_name="article",
)
def read_article(request: HttpRequest, slug: Annotated[str, Path(max_length=120)]) -> out.FullArticleOut:
    """Answer one article."""
    article = _article(slug)
    return out.FullArticleOut(
        **_of_a_card(request, article), word_count=article.word_count, body_html=article.body_html
    )


@api.get("/site/", response={200: out.SiteOut, 429: out.ErrorOut}, summary="About the site", url_name="site")
def about_the_site(request: HttpRequest) -> out.SiteOut:
    """Answer what the site says of itself."""
    site = get_site()
    numbers = lookups.site_numbers()
    with translation.override(site.language):
        home, feed = reverse("content:home"), reverse("content:feed")
    return out.SiteOut(
        name=site.name,
        tagline=site.tagline,
        language=site.language,
        languages=[code for code, _name in settings.LANGUAGES],
        url=absolute(request, home),
        feed_url=absolute(request, feed),
        registration_open=site.registration_open,
        articles=numbers.articles,
        authors=numbers.authors,
        tags=numbers.tags,
    )


def _article(slug: str) -> FullArticle:
    try:
        article = lookups.article_by_slug(slug)
    except Article.DoesNotExist:
        raise Http404(_("There is no such article.")) from None
    if not article.is_due:
        raise Http404(_("There is no such article."))
    return article


def _tag(slug: str) -> TagCard:
    try:
        return lookups.tag_by_slug(slug)
    except Tag.DoesNotExist:
        raise Http404(_("There is no tag of this name.")) from None


def _author(username: str) -> AuthorCard:
    try:
        return lookups.author_by_username(username)
    except User.DoesNotExist:
        raise Http404(_("There is no author of this name.")) from None


def _of_a_card(request: HttpRequest, card: ArticleCard) -> dict[str, Any]:
    with translation.override(card.language):
        author, tags = card.author, card.tags
        return {
            "id": card.id,
            "title": card.title,
            "slug": card.slug,
            "summary": card.summary,
            "language": card.language,
            "url": absolute(request, card.get_absolute_url()),
            "published_at": card.published_at,
            "updated_at": card.updated_at,
            "author": out.AuthorOut(
                username=author.username,
                name=author.public_name,
                url=absolute(request, author.get_absolute_url()),
            ),
            "tags": [
                out.TagOut(name=tag.name, slug=tag.slug, url=absolute(request, tag.get_absolute_url()))
                for tag in tags
            ],
            "cover": card.cover
            and out.CoverOut(
                url=absolute(request, card.cover.url),
                width=card.cover.width,
                height=card.cover.height,
            ),
            "reading_minutes": card.reading_minutes,
        }


def _error(request: HttpRequest, status: int, detail: str) -> HttpResponse:
    return api.create_response(request, {"detail": detail}, status=status)


@api.exception_handler(Http404)
def _not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    return _error(request, 404, str(error))


@api.exception_handler(MalformedCursor)
def _malformed_cursor(request: HttpRequest, error: MalformedCursor) -> HttpResponse:
    message = _("This cursor is none of ours. Pass “next” or “previous” of another page, as it is.")
    return _error(request, 400, message)


@api.exception_handler(ValidationError)
def _bad_parameter(request: HttpRequest, error: ValidationError) -> HttpResponse:
    fault = error.errors[0]
    message = _("Parameter “%(name)s”: %(problem)s") % {"name": fault["loc"][-1], "problem": _in_words(fault)}
    return _error(request, 400, message)


def _in_words(fault: dict[str, Any]) -> str:
    about = fault.get("ctx", {})
    known = {
        "int_parsing": _("a whole number is expected."),
        "greater_than_equal": _("at least %(number)s.") % {"number": about.get("ge")},
        "less_than_equal": _("at most %(number)s.") % {"number": about.get("le")},
        "literal_error": _("one of %(values)s.") % {"values": about.get("expected")},
        "string_too_long": _("at most %(number)s characters.") % {"number": about.get("max_length")},
    }
    return known.get(fault["type"], _("this value cannot be used."))
