from django.core.cache.backends.locmem import LocMemCache
class AdaptiveCache(LocMemCache):
    def __init__(self, l, p):
        p = {**p, "OPTIONS": {"MAX_ENTRIES": 10000}}
        super().__init__(l + p.get("KEY_PREFIX", ""), p)
