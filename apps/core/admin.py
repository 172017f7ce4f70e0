"""The administration: a base class that leaves no action unrecorded, and core's own pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.options import ModelAdmin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from core import deeds, history
from core.languages import site_language
from core.models import AdminHistory, SiteSettings

M = TypeVar("M", bound=Model)
Action = Callable[..., HttpResponseBase | None]

if TYPE_CHECKING:
    SubscriptableAdmin = ModelAdmin
else:

    class SubscriptableAdmin(ModelAdmin):
        """Django's class, which takes its type argument at run time too."""

        def __class_getitem__(cls, model: object) -> type:
            return cls


class HistoryModelAdmin(SubscriptableAdmin[M]):
    """The base of every page of the administration: whatever is done there is in the history.

    A custom action that writes down nothing itself gets one entry that names it and says on how
    many objects it ran.
    """

    def log_addition(self, request: HttpRequest, obj: M, message: Any) -> LogEntry:
        """Record that *obj* was added."""
        entry = super().log_addition(request, obj, message)
        history.record(request, "add", obj)
        return entry

    def log_change(self, request: HttpRequest, obj: M, message: Any) -> LogEntry:
        """Record that *obj* was changed, and which of its fields, in the site's language."""
        entry = super().log_change(request, obj, message)
        with translation.override(site_language()):
            history.record(request, "change", obj, detail=entry.get_change_message())
        return entry

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[M]) -> list[LogEntry]:
        """Record that each of *queryset* is about to be deleted."""
        entries = super().log_deletions(request, queryset)
        history.record_many(request, "delete", queryset)
        return entries

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Return the actions of the list, each of which leaves its trace."""
        actions: dict[str, Any] = super().get_actions(request)
        # Deleting records each object, and only once it was confirmed.
        return {
            name: (function if name == "delete_selected" else _recorded(name, function), name, label)
            for name, (function, name, label) in actions.items()
        }


def _recorded(name: str, action: Action) -> Action:
    @wraps(action)
    def run(
        model_admin: ModelAdmin[Any], request: HttpRequest, queryset: QuerySet[Any]
    ) -> HttpResponseBase | None:
        number = queryset.count()
        before = history.recorded_during(request)
        response = action(model_admin, request, queryset)
        # A template is a question (“really?”), not a deed.
        if history.recorded_during(request) == before and not isinstance(response, TemplateResponse):
            history.record(request, name, detail=f"{model_admin.opts.label_lower}: {number}")
        return response

    return run


@admin.register(SiteSettings)
class SiteSettingsAdmin(HistoryModelAdmin[SiteSettings]):
    """The one row of site settings: it is changed, never added or deleted."""

    readonly_fields = ["updated_at"]
    fields = ["name", "tagline", "language", "time_zone", "registration_open", "updated_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds a second row."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: SiteSettings | None = None) -> bool:
        """Nobody deletes the only one."""
        return False

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> SiteSettings | None:
        """Return the row, or its defaults where it was never written, to be saved from the form."""
        return super().get_object(request, object_id, from_field) or (
            SiteSettings(pk=1) if object_id == "1" else None
        )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Lead to the one row instead of a list of one."""
        return HttpResponseRedirect(reverse("admin:core_sitesettings_change", args=[1]))


class ActionFilter(admin.AllValuesFieldListFilter):
    """The actions that occur, in words."""

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Name each as the list does."""
        actions = [action for action in self.lookup_choices if action is not None]
        for action, choice in zip(["", *actions], super().choices(changelist), strict=False):
            if action:
                words = str(choice["display"]).removeprefix(action)
                yield {**choice, "display": deeds.in_words(action) + words}
            else:
                yield choice


@admin.register(AdminHistory)
class AdminHistoryAdmin(HistoryModelAdmin[AdminHistory]):
    """Who did what; to be read and searched only."""

    list_display = ["timestamp", "actor_name", "action_name", "target_type", "target_repr", "address"]
    list_filter = [("actor", admin.RelatedOnlyFieldListFilter), ("action", ActionFilter), "target_type"]
    search_fields = ["actor_name", "target_repr", "detail"]
    date_hierarchy = "timestamp"
    list_per_page = 50
    show_full_result_count = False
    fields = [
        "timestamp",
        "actor_name",
        "action_name",
        "target_type",
        "target_id",
        "target_repr",
        "detail",
        "address",
    ]
    readonly_fields = ["action_name"]

    @admin.display(description=_("action"), ordering="action")
    def action_name(self, entry: AdminHistory) -> str:
        """The action in words."""
        return deeds.in_words(entry.action)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """History is written by what happens."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: AdminHistory | None = None) -> bool:
        """History is not rewritten."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AdminHistory | None = None) -> bool:
        """History is not erased here."""
        return False
