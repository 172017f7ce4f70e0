"""The WSGI entry point: the page cache, and the site behind it."""

import os

from django.core.wsgi import get_wsgi_application

from cacheadmin.pagecache import PageCache
from config.release import stamp

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = PageCache(get_wsgi_application(), version=stamp())
