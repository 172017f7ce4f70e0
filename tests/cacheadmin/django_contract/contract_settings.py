"""A project with nothing but Django's own cache tests and our backend; the app itself is not installed."""

from __future__ import annotations

SECRET_KEY = "for Django's own tests"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "cache"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
ROOT_URLCONF = "contract_settings"
urlpatterns: list[object] = []
USE_TZ = False
