"""The least a project can have, and the few lines that bring in the adaptive cache."""

import os

SECRET_KEY = "a foreign project, for tests only"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "shop.urls"
USE_TZ = True

INSTALLED_APPS = ["cacheadmin"]
CACHES = {
    "default": {
        "BACKEND": "cacheadmin.backend.AdaptiveCache",
        "LOCATION": os.environ["SHOP_REDIS"],
        "OPTIONS": {"ENGINE": os.environ["SHOP_ENGINE"], "DIRECTORY": os.environ["SHOP_DIRECTORY"]},
    },
}
