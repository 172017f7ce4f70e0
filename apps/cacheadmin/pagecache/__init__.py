"""Whole pages, answered in front of Django: before a request object is built, and the same for everybody.

``PageCache`` wraps a WSGI application, ``AsyncPageCache`` an ASGI one. Which pages are public is said
by their views (``public``), with what they show (``depends_on``); ``forget`` tells what has changed.
"""

from __future__ import annotations

from cacheadmin.pagecache.asgi import AsyncPageCache
from cacheadmin.pagecache.keeper import forget, forget_all
from cacheadmin.pagecache.views import depends_on, ends_at, public
from cacheadmin.pagecache.wsgi import PageCache

__all__ = ["AsyncPageCache", "PageCache", "depends_on", "ends_at", "forget", "forget_all", "public"]
