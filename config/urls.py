"""Every URL of the site; names and shapes are promised to the outside."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from cacheadmin import metrics
from content import sitemaps
from content.api import api
from core.languages import site_patterns
from installer import health

urlpatterns = [
    path("health/", health.live, name="health"),
    path("health/ready/", health.ready, name="ready"),
    path("metrics/", metrics.view, name="metrics"),
    path("install/", include("installer.urls")),
    path("api/v1/", api.urls),
    path("admin/cache/", include("cacheadmin.urls")),
    path("admin/", admin.site.urls),
    path("sitemap.xml", sitemaps.view, name="sitemap"),
    path("", include("core.urls")),
    # What people read: its language stands in the URL.
    *site_patterns(
        path("", include("content.urls")),
        path("", include("users.urls")),
    ),
]

handler400 = "core.views.bad_request"
handler403 = "core.views.permission_denied"
handler404 = "core.views.page_not_found"
handler500 = "core.views.server_error"
