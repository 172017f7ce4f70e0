"""A site that is not installed yet, inside the process of the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.utils import load_backend
from pytest_django import Settings

from installer import state

TOKEN = "a-token-that-only-the-owner-knows"


@pytest.fixture(autouse=True)
def _nothing_known() -> Iterator[None]:
    """What one test found out about the installation is not believed by the next."""
    state.forget()
    yield
    state.forget()


@pytest.fixture
def not_installed(settings: Settings, tmp_path: Path) -> Path:
    """As on the very first start; the path of the configuration file, which is not written yet."""
    settings.INSTALLED = False
    settings.GENERATION = 0
    settings.SETUP_TOKEN = TOKEN
    settings.VAR_DIR = tmp_path
    settings.SITE_FILE = tmp_path / "site.toml"
    return tmp_path / "site.toml"


@pytest.fixture
def at_database(db: None) -> Iterator[Callable[[Path], None]]:
    """Have the default connection be one to an SQLite file of the test's own, until its end."""
    original = connections[DEFAULT_DB_ALIAS]

    def connect(path: Path) -> None:
        wrapper = load_backend("django.db.backends.sqlite3").DatabaseWrapper
        options = {**original.settings_dict, "NAME": str(path), "OPTIONS": {"transaction_mode": "IMMEDIATE"}}
        connections[DEFAULT_DB_ALIAS] = wrapper(options, DEFAULT_DB_ALIAS)

    yield connect
    connections[DEFAULT_DB_ALIAS].close()
    connections[DEFAULT_DB_ALIAS] = original
