"""Where articles are written and published."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import models, transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from content import invalidation
from content.forms import ArticleForm
from content.models import Article, Tag
from content.queries import ArticleQuerySet
from core import history
from core.admin import HistoryModelAdmin
from core.site import get_site


@admin.register(Article)
class ArticleAdmin(HistoryModelAdmin[Article]):
    """Articles, the newest first."""

    form = ArticleForm
    list_display = ["title", "author", "language", "status", "published_at", "word_count"]
    list_filter = ["status", "language", "tags"]
    list_select_related = ["author"]
    list_per_page = 50
    search_fields = ["title", "slug", "summary", "author__username"]
    search_help_text = _("Title, slug, summary or user name")
    date_hierarchy = "published_at"
    ordering = ["-created_at", "-id"]
    autocomplete_fields = ["author", "tags"]
    prepopulated_fields = {"slug": ["title"]}
    readonly_fields = ["word_count", "created_at", "updated_at"]
    actions = ["publish", "withdraw"]
    save_on_top = True
    fieldsets = [
        (None, {"fields": ["title", "language", "summary", "body", "cover", "tags"]}),
        (_("Publication"), {"fields": ["author", "slug", "status", "published_at"]}),
        (_("For information"), {"fields": ["word_count", "created_at", "updated_at"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Article]:
        """All articles; their texts are loaded where they are edited only."""
        articles = super().get_queryset(request)
        match = request.resolver_match
        return (
            articles.defer("body") if match and match.url_name == "content_article_changelist" else articles
        )

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Who writes is the author, in their own language, until they say otherwise."""
        language = getattr(request.user, "language", "") or get_site().language
        initial = {"author": str(request.user.pk), "language": language}
        return {**initial, **super().get_changeform_initial_data(request)}

    @admin.action(description=_("Publish the selected articles"), permissions=["change"])
    def publish(self, request: HttpRequest, queryset: ArticleQuerySet) -> None:
        """Publish the drafts among them."""
        with transaction.atomic():
            drafts = list(queryset.filter(status=Article.Status.DRAFT).select_related(None))
            number = queryset.publish()
            history.record_many(request, "publish", drafts)
            invalidation.forget_everything()
        self.message_user(
            request,
            ngettext("%(number)d article was published.", "%(number)d articles were published.", number)
            % {"number": number},
            messages.SUCCESS if number else messages.WARNING,
        )

    @admin.action(description=_("Make drafts of the selected articles"), permissions=["change"])
    def withdraw(self, request: HttpRequest, queryset: ArticleQuerySet) -> None:
        """Take the published ones among them back."""
        with transaction.atomic():
            published = list(queryset.filter(status=Article.Status.PUBLISHED).select_related(None))
            number = queryset.withdraw()
            history.record_many(request, "withdraw", published)
            invalidation.forget_everything()
        self.message_user(
            request,
            ngettext("%(number)d article is a draft again.", "%(number)d articles are drafts again.", number)
            % {"number": number},
            messages.SUCCESS if number else messages.WARNING,
        )


@admin.register(Tag)
class TagAdmin(HistoryModelAdmin[Tag]):
    """Tags, by name, with what they are used for."""

    list_display = ["name", "slug", "number_of_articles"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Tag]:
        """All tags, each with the number of its articles."""
        return super().get_queryset(request).annotate(articles_number=models.Count("articles"))

    @admin.display(description=_("articles"), ordering="articles_number")
    def number_of_articles(self, tag: Tag) -> int:
        """How many articles have it."""
        return getattr(tag, "articles_number", 0)
