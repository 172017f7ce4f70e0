"""The site's settings as PEER wants them: ours, shipped, empty, plain, or ``cache_page`` on something."""

from __future__ import annotations

import os

from config.settings import *  # noqa: F403
from config.settings import CACHEADMIN, CACHES, VAR_DIR

PEER = os.environ["PEER"]
ROOT_URLCONF = "benchmarks.pages.peer_urls"
RATELIMIT_ENABLE = False
# nginx keeps pages as long as the measurement takes, but where it is to be as it comes.
CACHEADMIN = {**CACHEADMIN, "PAGES": PEER in ("ours", "shipped")}
if PEER != "shipped":
    CACHEADMIN["PAGES_NGINX_SECONDS"] = 60
if PEER == "empty":
    MIDDLEWARE = []
if PEER == "plain":
    SESSION_ENGINE = "django.contrib.sessions.backends.db"
CACHES = {
    **CACHES,
    "locmem": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "files": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": str(VAR_DIR / "peer"),
    },
    "django-redis": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": os.environ.get("PEER_REDIS", "redis://127.0.0.1:6379/0"),
    },
}
