from __future__ import annotations
import functools
from typing import Any
from django.core.cache import cache

def cached(group, ttl=None, key=None):
    def wrap(fn):
        def k(args): return f"{group}:{fn.__qualname__}:" + ":".join(map(str, args))
        @functools.wraps(fn)
        def inner(*args):
            v = cache.get(k(args))
            if v is None:
                v = fn(*args); cache.set(k(args), v, ttl or 300)
            return v
        inner.invalidate = lambda *a: cache.delete(k(a))
        inner.refresh = lambda *a: cache.set(k(a), fn(*a), ttl or 300)
        return inner
    return wrap
