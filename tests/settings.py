"""The site's settings for tests that run inside one process.

The environment is emptied of what would make a run depend on the machine, then the real
settings are read; what follows the import is all that differs.
"""

from __future__ import annotations

import atexit
import copy
import os
import shutil
import tempfile
from pathlib import Path

FROM_OUTSIDE = (
    "ALLOWED_HOSTS", "API_ALLOWED_ORIGINS", "CSRF_TRUSTED_ORIGINS", "DEBUG", "DEFAULT_FROM_EMAIL",
    "EMAIL_URL", "HOST", "LOG_LEVEL", "METRICS_TOKEN", "PAGES_DIRECTORY", "PORT", "REDIS_URL",
    "SECRET_KEY_FALLBACKS",
    "SETUP_TOKEN", "SITE_URL", "TRUSTED_PROXIES", "WEB_CONCURRENCY", "WEB_THREADS",
    # Whose terminal it is: commands speak its language.
    "LC_ALL", "LC_MESSAGES", "LANG",
)  # fmt: skip


def _own_directory() -> str:
    """A directory for this process; the workers of one run keep theirs inside the first process's."""
    run = os.environ.get("TESTS_DIRECTORY")
    if run is None:
        run = os.environ["TESTS_DIRECTORY"] = tempfile.mkdtemp(prefix="site-tests-")
        atexit.register(shutil.rmtree, run, ignore_errors=True)
    own = Path(run, os.environ.get("PYTEST_XDIST_WORKER", "main"))
    own.mkdir(exist_ok=True)
    return str(own)


for name in FROM_OUTSIDE:
    os.environ.pop(name, None)
os.environ.update(
    VAR_DIR=_own_directory(),
    SECRET_KEY="for tests only, and known to everybody",
    INSTALLATION_ID="tests",
    INSTALLED="true",
    LOG_LEVEL="WARNING",
    DATABASE_URL=os.environ.get("TESTS_DATABASE_URL", ""),
)

from config.settings import *  # noqa: E402, F403
from config.settings import CACHES, CONFIGURATION, STORAGES, VAR_DIR  # noqa: E402

ALLOWED_HOSTS = [*CONFIGURATION.hosts, "testserver"]

# Quick and without meaning: hashing is Django's, and tested there.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Pages are rendered without a build; the tests of the real server use what `make build` made.
COMPRESS_ENABLED = COMPRESS_OFFLINE = False
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}

# A fresh clone has no build; WhiteNoise wants the directory all the same.
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)

# Memory unless a test asks for more by the fixture `engine`: nothing is detected, nothing is shared.
CACHES = copy.deepcopy(CACHES)
for alias in CACHES.values():
    alias["OPTIONS"]["ENGINE"] = "memory"

EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
