"""The site's URLs; the page of an article under Django's own ``cache_page`` where PEER names a cache."""

from __future__ import annotations

import inspect
import os

from django.conf import settings
from django.views.decorators.cache import cache_page

from benchmarks.servers.site_urls import handler400, handler403, handler404, handler500, urlpatterns
from content import urls as content_urls

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

PEER = os.environ["PEER"]

if PEER in settings.CACHES:
    for pattern in content_urls.urlpatterns:
        if pattern.name == "article":
            # Without what our decorator says: Django keeps no page that browsers are to ask for each time.
            view = inspect.unwrap(pattern.callback)
            pattern.callback = cache_page(3600, cache=PEER)(view)
