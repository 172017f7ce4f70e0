"""All settings, read from top to bottom. What comes from outside comes through ``config.env``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import dj_database_url
import dj_email_url
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from config import env

BASE_DIR = env.BASE_DIR
VAR_DIR = env.var_dir()
SITE_FILE = env.site_file_path()
CONFIGURATION = env.load()

# --- What kind of run this is ---

DEBUG = CONFIGURATION.debug
INSTALLED = CONFIGURATION.installed
GENERATION = CONFIGURATION.generation
SITE_URL = CONFIGURATION.site_url
SETUP_TOKEN = CONFIGURATION.setup_token

# --- Who may talk to us ---

SECRET_KEY = CONFIGURATION.secret_key
SECRET_KEY_FALLBACKS = CONFIGURATION.secret_key_fallbacks
# Whoever installs may reach the site under a name that nobody has configured yet.
ALLOWED_HOSTS = CONFIGURATION.hosts if INSTALLED else ["*"]
CSRF_TRUSTED_ORIGINS = CONFIGURATION.trusted_origins
TRUSTED_PROXIES = CONFIGURATION.trusted_proxies

# --- Applications ---

INSTALLED_APPS = [
    "core",
    "users",
    "content",
    "installer",
    "cacheadmin",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.sitemaps",
    "django.contrib.staticfiles",
    "compressor",
    "csp",
    "ninja",
]

MIDDLEWARE = [
    "core.proxies.TrustedProxyMiddleware",
    "installer.middleware.InstallGuardMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "core.compression.TextGZipMiddleware",
    "core.middleware.ConditionalMiddleware",
    "core.middleware.PlainTextMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "core.middleware.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "users.middleware.MemberMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "core.context_processors.site",
            ],
        },
    }
]

# --- Database ---


def _database() -> dict[str, Any]:
    url = CONFIGURATION.database_url or f"sqlite:///{VAR_DIR / 'db.sqlite3'}"
    database: dict[str, Any] = dict(dj_database_url.parse(url))
    if database["ENGINE"].endswith("sqlite3"):
        database["CONN_MAX_AGE"] = 600
        database["OPTIONS"] = {
            "timeout": 20,
            # A transaction that will write says so at its start: no "database is locked" halfway through.
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
        return database
    options = database.setdefault("OPTIONS", {})
    options.setdefault("connect_timeout", 5)
    if CONFIGURATION.web_threads > 1:
        # 10 to 30 connections over all workers together, each renewed after an hour.
        workers = CONFIGURATION.web_concurrency
        database["CONN_MAX_AGE"] = 0
        options["pool"] = {
            "min_size": max(1, math.ceil(10 / workers)),
            "max_size": max(1, 30 // workers),
            "max_lifetime": 3600,
            # With up to seven workers of four threads nobody waits in line, so this is how long the first
            # request takes to notice that the database is gone.
            "timeout": 3,
        }
    else:
        database["CONN_MAX_AGE"] = 3600
        database["CONN_HEALTH_CHECKS"] = True
    return database


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Cache, sessions, limits ---

CACHE_PREFIX = CONFIGURATION.installation_id or "site"


def _cache(role: str, **options: Any) -> dict[str, Any]:
    return {
        "BACKEND": "cacheadmin.backend.AdaptiveCache",
        "LOCATION": CONFIGURATION.redis_url or "redis://127.0.0.1:6379/0",
        "KEY_PREFIX": f"{CACHE_PREFIX}-{role}",
        "OPTIONS": {"ENGINE": "auto", "DIRECTORY": str(VAR_DIR / "cache"), **options},
    }


CACHES = {
    "default": _cache("data", MAX_ENTRIES=20_000),
    "sessions": _cache("sessions", GROUP="sessions", MAX_ENTRIES=50_000),
    "ratelimit": _cache("limits", GROUP="ratelimit", MAX_ENTRIES=50_000),
}

CACHEADMIN = {
    "METRICS_TOKEN": CONFIGURATION.metrics_token,
    # An address that the environment gives is not replaced by a saved one; the page says so.
    "ENVIRONMENT": {"LOCATION": "REDIS_URL"} if CONFIGURATION.redis_url else {},
    "CLIENT_ADDRESS": "core.client_ip.client_ip",
    # Who was logged in lately still has this hint, and a page that takes it away.
    "PAGES_COOKIES": ("member",),
    "PAGES_EXCEPT": ("/admin/", "/api/", "/health/", "/install/", "/metrics/"),
    # As core.proxies does it for the site itself.
    "PAGES_TRUST": "core.client_ip.is_trusted_peer",
    # An nginx in front, as in deploy/, gives out what it has for so long.
    "PAGES_NGINX_SECONDS": 1,
}

SESSION_ENGINE = "cacheadmin.sessions"
SESSION_CACHE_ALIAS = "sessions"
SESSION_COOKIE_AGE = 3600

RATELIMIT_USE_CACHE = "ratelimit"
# The security checks would have us bind all subdomains, and ask browsers to remember that for ever.
# django-ratelimit knows only the names of Django's own backends; whether the live engine
# is shared is told by a check of cacheadmin's.
SILENCED_SYSTEM_CHECKS = ["django_ratelimit.W001", "security.W005", "security.W021"]

# --- People ---

AUTH_USER_MODEL = "users.User"
AUTHENTICATION_BACKENDS = ["users.backends.CachedModelBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "users:login"
LOGIN_REDIRECT_URL = "content:dashboard"
LOGOUT_REDIRECT_URL = "content:home"

# --- Languages and time ---

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("fr", _("French"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- Files ---

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "compressor.finders.CompressorFinder",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
MEDIA_URL = "/media/"
MEDIA_ROOT = VAR_DIR / "media"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000

# While developing, sources are served as they are; otherwise bundles are made once, by `manage.py build`.
COMPRESS_ENABLED = COMPRESS_OFFLINE = not DEBUG
# The names of bundles and of what they name carry hashes already; a query string on top would make
# a font that was preloaded be fetched a second time.
COMPRESS_CSS_HASHING_METHOD = None
COMPRESS_FILTERS = {
    "css": ["compressor.filters.css_default.CssAbsoluteFilter", "compressor.filters.cssmin.rCSSMinFilter"],
    "js": ["compressor.filters.jsmin.rJSMinFilter"],
}


def _is_immutable(path: str, url: str) -> bool:
    """Whether the name of a static file carries the hash of what is in it."""
    name = Path(path).name.split(".")
    return "/CACHE/" in url or (len(name) > 2 and len(name[-2]) == 12 and name[-2].isalnum())


WHITENOISE_IMMUTABLE_FILE_TEST = _is_immutable

# --- Security ---

# Secure cookies over plain http would make every login fail without a word: the scheme decides.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = CONFIGURATION.is_https
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
# Only a proxy that is trusted can tell https from http; without one, every visitor would be sent in circles.
SECURE_SSL_REDIRECT = CONFIGURATION.is_https and bool(TRUSTED_PROXIES)
SECURE_HSTS_SECONDS = 31_536_000 if CONFIGURATION.is_https else 0
# The owner's other subdomains are not ours to bind.
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = False
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "core.views.csrf_failure"

# Other sites whose scripts may read the API: none, unless the owner names them.
API_ALLOWED_ORIGINS = CONFIGURATION.api_allowed_origins

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# Pages that the web server may send by itself, and what its rules (in deploy/) add to them: a page with
# other headers is none of these.
CACHEADMIN["PAGES_DIRECTORY"] = CONFIGURATION.pages_directory
CACHEADMIN["PAGES_DIRECTORY_HEADERS"] = {
    "Content-Security-Policy": "; ".join(
        f"{name} {' '.join(sources)}" for name, sources in CONTENT_SECURITY_POLICY["DIRECTIVES"].items()
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": SECURE_REFERRER_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": X_FRAME_OPTIONS,
}

# --- Mail ---

DEFAULT_FROM_EMAIL = SERVER_EMAIL = CONFIGURATION.default_from_email
# Without an address of a mail server, mails are printed on the console.
_mail = dj_email_url.parse(CONFIGURATION.email_url or "console:")
EMAIL_BACKEND = _mail["EMAIL_BACKEND"]
EMAIL_HOST = _mail["EMAIL_HOST"] or "localhost"
EMAIL_PORT = _mail["EMAIL_PORT"] or 25
EMAIL_HOST_USER = _mail["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_TLS = _mail["EMAIL_USE_TLS"]
EMAIL_USE_SSL = _mail["EMAIL_USE_SSL"]
EMAIL_TIMEOUT = 10

# --- Logs ---

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line"},
        "nowhere": {"class": "logging.NullHandler"},
    },
    "root": {"handlers": ["console"], "level": CONFIGURATION.log_level},
    "loggers": {
        "django": {"handlers": ["console"], "level": CONFIGURATION.log_level, "propagate": False},
        # A probe of a wrong host name is a visitor's mistake, not an incident.
        "django.security.DisallowedHost": {"handlers": ["nowhere"], "propagate": False},
    },
}
