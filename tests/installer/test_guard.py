from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import set_script_prefix
from pytest_django import Settings

from installer import site_file, state
from installer.middleware import InstallGuardMiddleware
from installer.models import Installation

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "path", ["/", "/fr/articles/", "/admin/", "/admin/cache/", "/nowhere", "/media/x.webp", "/robots.txt"]
)
@pytest.mark.parametrize("method", ["get", "post", "head", "delete"])
def test_every_address_leads_to_the_installer(
    client: Client, not_installed: Path, path: str, method: str
) -> None:
    response = getattr(client, method)(path)
    assert (response.status_code, response["Location"]) == (302, "/install/")
    assert "no-store" in response["Cache-Control"]


def test_it_does_so_for_any_host_name(client: Client, not_installed: Path, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert client.get("/", headers={"host": "nobody-has-configured.this"})["Location"] == "/install/"


def test_it_leads_into_the_folder_that_the_site_lives_in(not_installed: Path) -> None:
    request = RequestFactory(SCRIPT_NAME="/blog").get("/blog/articles/")
    guard = InstallGuardMiddleware(_never_reached)
    set_script_prefix("/blog/")
    try:
        assert guard(request)["Location"] == "/blog/install/"
    finally:
        set_script_prefix("/")


def test_the_api_says_in_json_that_it_is_not_there_yet(client: Client, not_installed: Path) -> None:
    response = client.get("/api/v1/articles/")
    assert response.status_code == 503
    assert response.json() == {"detail": "This site is not installed yet."}
    assert response["Retry-After"] == "30"


def test_static_files_are_served_before_the_installation(not_installed: Path) -> None:
    guard = InstallGuardMiddleware(lambda request: HttpResponse("body { }"))
    assert guard(RequestFactory().get("/static/css/site.css")).content == b"body { }"


def test_a_missing_static_file_is_a_404_and_no_redirect(client: Client, not_installed: Path) -> None:
    assert client.get("/static/nothing.css").status_code == 404


def test_the_installer_is_gone_once_the_site_is_installed(client: Client) -> None:
    for path in ("/install/", "/install/?token=whatever", "/install"):
        assert client.get(path, follow=True).status_code == 404
    assert client.post("/install/", {"token": "whatever"}).status_code == 404


def test_the_mark_in_the_database_closes_it_too(client: Client, not_installed: Path) -> None:
    Installation.objects.create(pk=1)
    assert client.get("/install/", headers={"host": "localhost"}).status_code == 404


def test_a_site_that_only_its_database_knows_of_refuses_unknown_hosts(
    client: Client, not_installed: Path, settings: Settings
) -> None:
    Installation.objects.create(pk=1)
    settings.ALLOWED_HOSTS = ["*"]
    assert client.get("/", headers={"host": "evil.example"}).status_code == 400
    assert client.get("/", headers={"host": "localhost:8000"}).status_code == 200


def test_a_process_with_the_old_configuration_says_that_it_must_be_restarted(
    client: Client, not_installed: Path
) -> None:
    site_file.write(not_installed, {"installed": True, "generation": 1})
    response = client.get("/")
    assert response.status_code == 503
    assert "has just been installed" in response.content.decode()
    # Nothing that is known starts the tests anew: somebody has to restart them.
    assert "has to be restarted" in response.content.decode()
    assert response["Retry-After"] == "10"


# --- The database does not answer ---


@pytest.fixture
def broken_database(tmp_path: Path, at_database: Callable[[Path], None]) -> None:
    broken = tmp_path / "db.sqlite3"
    broken.write_text("this is no database, and long enough to be looked at closely" * 20)
    at_database(broken)


def test_a_configured_database_that_does_not_answer_is_a_503_and_never_the_installer(
    client: Client, not_installed: Path, broken_database: None
) -> None:
    for path in ("/", "/install/", "/fr/"):
        response = client.get(path, headers={"accept": "text/html"})
        assert response.status_code == 503
        assert "<h1>" in response.content.decode()
        assert response["Retry-After"] == "30"
        assert "default-src 'none'" in response["Content-Security-Policy"]
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["X-Frame-Options"] == "DENY"
        assert "no-store" in response["Cache-Control"]


def test_the_503_is_in_the_language_of_the_visitor(
    client: Client, not_installed: Path, broken_database: None
) -> None:
    response = client.get("/fr/", headers={"accept": "text/html"})
    assert response["Content-Language"] == "fr"
    assert "La base de données du site ne répond pas" in response.content.decode()


def test_programs_read_the_503_as_json(client: Client, not_installed: Path, broken_database: None) -> None:
    for path, accept in (("/api/v1/site/", "*/*"), ("/", "application/json")):
        response = client.get(path, headers={"accept": accept})
        assert response.status_code == 503
        assert "does not answer" in response.json()["detail"]


def test_an_installed_site_whose_database_went_away_says_503_where_it_would_say_500(
    client: Client, broken_database: None
) -> None:
    client.raise_request_exception = False
    response = client.get("/articles/", headers={"accept": "text/html"})
    assert response.status_code == 503
    assert response["Retry-After"] == "30"


def test_a_500_of_another_cause_stays_a_500(rf: RequestFactory) -> None:
    guard = InstallGuardMiddleware(lambda request: HttpResponse(status=500))
    assert guard(rf.get("/")).status_code == 500
    assert state.installed()


def _never_reached(request: HttpRequest) -> HttpResponse:
    raise AssertionError(request.path)
