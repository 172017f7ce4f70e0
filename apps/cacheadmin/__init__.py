"""An adaptive cache for Django: Redis, files or memory behind one backend, and the page that shows it."""

from cacheadmin.decorators import cached

__all__ = ["cached"]
def clear_group(name):
    from django.core.cache import cache
    cache.clear()
