"""The entry *Settings › Cache* in the admin's menu; it leads to the cache page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from cacheadmin.models import CacheSettings

if TYPE_CHECKING:
    Base = admin.ModelAdmin[CacheSettings]
else:
    Base = admin.ModelAdmin


@admin.register(CacheSettings)
class CacheSettingsAdmin(Base):
    """Rows are made by the page and the command, so nothing is added, changed or deleted here."""

    def has_view_permission(self, request: HttpRequest, obj: CacheSettings | None = None) -> bool:
        """Whoever may see the page sees the entry."""
        return request.user.has_perm("cacheadmin.view_cache")

    def has_module_permission(self, request: HttpRequest) -> bool:
        """The same for the app's heading."""
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds rows by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: CacheSettings | None = None) -> bool:
        """Nobody changes rows by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: CacheSettings | None = None) -> bool:
        """Nobody deletes rows by hand."""
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Lead to the cache page, which checks the permission itself."""
        return redirect("cacheadmin:page")
