from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from cacheadmin import state

pytestmark = pytest.mark.django_db

PROBES = ["/health/", "/health", "/health/ready/", "/health/ready"]


@pytest.mark.parametrize("path", PROBES)
def test_probes_are_answered_for_any_host_name_and_never_redirected(
    client: Client, settings: Settings, path: str
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    response = client.get(path, headers={"host": "10.0.0.7:8000"})
    assert response.status_code == 200
    assert response.json()["status"] == "ok"
    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize("path", PROBES)
def test_probes_are_answered_before_the_installation(client: Client, not_installed: Path, path: str) -> None:
    assert client.get(path).status_code == 200


def test_readiness_names_what_it_looked_at(client: Client, settings: Settings) -> None:
    settings.GENERATION = 3
    # What a test before may have chosen was undone with its transaction.
    state.look_again_soon()
    facts = client.get("/health/ready/").json()
    assert facts["installed"] is True
    assert facts["generation"] == 3
    assert facts["database"]["ok"] is True
    assert facts["database"]["engine"] in {"sqlite", "postgresql"}
    assert facts["cache"]["engine"] == "memory"
    assert facts["cache"]["degraded"] is False


def test_readiness_before_the_installation_says_so_and_is_still_ok(
    client: Client, not_installed: Path
) -> None:
    facts = client.get("/health/ready/").json()
    assert (facts["status"], facts["installed"], facts["generation"]) == ("ok", False, 0)


def test_only_a_database_that_is_gone_is_a_503(
    client: Client, tmp_path: Path, at_database: Callable[[Path], None]
) -> None:
    (tmp_path / "db.sqlite3").write_text("this is no database, and long enough to be looked at" * 20)
    at_database(tmp_path / "db.sqlite3")
    response = client.get("/health/ready/")
    assert response.status_code == 503
    assert response.json()["status"] == "failed"
    assert response.json()["database"]["ok"] is False
    assert client.get("/health/").status_code == 200


def test_probes_are_only_looked_at(client: Client) -> None:
    assert client.post("/health/").status_code == 405
    assert client.head("/health/ready/").status_code == 200


def test_liveness_asks_no_database(
    client: Client, django_assert_num_queries: Callable[[int], object]
) -> None:
    with django_assert_num_queries(0):  # type: ignore[attr-defined]
        client.get("/health/")
