"""The ASGI entry point: the page cache, and the site behind it."""

import os

from django.core.asgi import get_asgi_application

from cacheadmin.pagecache import AsyncPageCache
from config.release import stamp

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = AsyncPageCache(get_asgi_application(), version=stamp())
