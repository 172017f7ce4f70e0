"""What visitors read when a page cannot be given."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import path
from django.utils import translation
from pytest_django import Settings

from config import urls
from core import views

pytestmark = pytest.mark.django_db


def _broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("secret detail")


def _forbidden(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied("Only on Sundays.")


def _missing(request: HttpRequest) -> HttpResponse:
    raise Http404("Sold out.")


def _reads_a_form(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.POST.get("text", ""))


urlpatterns = [
    path("broken/", _broken),
    path("forbidden/", _forbidden),
    path("missing/", _missing),
    path("form/", _reads_a_form),
    path("api/broken/", _broken),
    *urls.urlpatterns,
]
handler400 = "core.views.bad_request"
handler403 = "core.views.permission_denied"
handler404 = "core.views.page_not_found"
handler500 = "core.views.server_error"


@pytest.fixture
def visitor(settings: Settings) -> Client:
    settings.ROOT_URLCONF = __name__
    return Client(raise_request_exception=False)


def test_a_mistake_of_ours_shows_nothing_of_itself(visitor: Client) -> None:
    answer = visitor.get("/broken/")
    page = answer.content.decode()
    assert answer.status_code == 500
    assert "<html" in page
    assert "secret detail" not in page
    assert "Traceback" not in page


def test_the_reason_is_passed_on_to_the_reader(visitor: Client) -> None:
    assert "Only on Sundays." in visitor.get("/forbidden/").content.decode()
    assert "Sold out." in visitor.get("/missing/").content.decode()


def test_what_the_url_resolver_says_to_developers_stays_with_them(visitor: Client) -> None:
    page = visitor.get("/no/such/page/")
    assert page.status_code == 404
    assert "tried" not in page.content.decode()


@pytest.mark.parametrize(
    ("address", "status"),
    [("/api/broken/", 500), ("/api/v1/no/such/thing/", 404), ("/api/v1/articles/no-such-article/", 404)],
)
def test_the_api_answers_its_errors_in_json(visitor: Client, address: str, status: int) -> None:
    answer = visitor.get(address)
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("application/json")
    assert json.loads(answer.content)


def test_who_prefers_json_gets_it_elsewhere_too(visitor: Client) -> None:
    answer = visitor.get("/forbidden/", headers={"Accept": "application/json"})
    assert json.loads(answer.content) == {"detail": "Only on Sundays."}
    browser = visitor.get("/forbidden/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert browser.headers["Content-Type"].startswith("text/html")


def test_an_unknown_host_is_told_what_to_do(visitor: Client, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["www.example.org"]
    answer = visitor.get("/", headers={"Host": "other.example<script>"})
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "other.example&lt;script&gt;" in page
    assert "ALLOWED_HOSTS" in page
    assert "<script>" not in page.split("other.example")[1][:20]


def test_an_unknown_host_is_told_so_in_french(visitor: Client, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["www.example.org"]
    answer = visitor.get("/fr/", headers={"Host": "other.example"})
    assert '<html lang="fr"' in answer.content.decode()


@pytest.mark.parametrize("address", ["/%ff%fe/", "/articles/%C3%28/", "/?q=%ff"])
def test_broken_characters_in_an_address_are_no_mistake_of_ours(visitor: Client, address: str) -> None:
    assert visitor.get(address).status_code in {200, 404}


def test_a_form_that_is_too_large_is_refused_in_words(visitor: Client, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    answer = visitor.post("/form/", {"text": "x" * 2000}, content_type="application/x-www-form-urlencoded")
    assert answer.status_code in {200, 413}
    answer = visitor.generic("POST", "/form/", "text=" + "x" * 2000, "application/x-www-form-urlencoded")
    assert answer.status_code == 413
    assert "more than this page can take" in answer.content.decode()


def test_a_form_with_too_many_fields_is_refused_in_words(visitor: Client, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 3
    answer = visitor.generic("POST", "/form/", "a=1&b=2&c=3&d=4", "application/x-www-form-urlencoded")
    assert answer.status_code == 413


def test_a_form_without_its_token_is_refused_in_words(settings: Settings) -> None:
    settings.CSRF_FAILURE_VIEW = "core.views.csrf_failure"
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post("/fr/accounts/login/", {"username": "ann", "password": "x"})
    assert answer.status_code == 403
    assert '<html lang="fr"' in answer.content.decode()
    spoken = strict.post("/accounts/login/", {}, headers={"Accept": "application/json"})
    assert "expired" in json.loads(spoken.content)["detail"]


def test_where_templates_fail_a_plain_page_still_says_it(
    rf: RequestFactory, settings: Settings, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    templates = settings.TEMPLATES[0]
    settings.TEMPLATES = [{**templates, "DIRS": [tmp_path], "APP_DIRS": False}]
    with caplog.at_level(logging.ERROR):
        answer = views.permission_denied(rf.get("/"), PermissionDenied("Only <on> Sundays."))
    assert answer.status_code == 403
    assert "Only &lt;on&gt; Sundays." in answer.content.decode()
    assert "403.html" in caplog.text


@pytest.mark.parametrize(
    ("seconds", "english", "french"),
    [
        (1, "1 second", "1 seconde"),
        (99, "99 seconds", "99 secondes"),
        (100, "2 minutes", "2 minutes"),
        (3600, "60 minutes", "60 minutes"),
        (3601, "61 minutes", "61 minutes"),
        (259200, "72 hours", "72 heures"),
    ],
)
def test_a_waiting_time_in_words_is_never_too_short(seconds: int, english: str, french: str) -> None:
    assert views.in_words(seconds) == english
    with translation.override("fr"):
        assert views.in_words(seconds).replace("\u00a0", " ") == french
