"""What the production server answers, seen from outside: headers, files, errors, stops."""

from __future__ import annotations

import contextlib
import re
import socket
import time
import urllib.error

import pytest

from tests.servers.site import Site
from tests.servers.visitor import Answer

pytestmark = pytest.mark.server

COMPLAINT = re.compile(r".*(?:Traceback|Warning:|\bERROR\b|\bCRITICAL\b).*")


def test_a_public_page_leaves_no_cookie_and_does_not_vary_by_one(site: Site) -> None:
    for path in ("/", "/articles/", "/fr/articles/"):
        answer = site.visitor().get(path)
        assert answer.status == 200
        assert answer.headers.get_all("Set-Cookie") is None
        assert "cookie" not in answer.headers.get("Vary", "").lower()
        assert "accept-language" not in answer.headers.get("Vary", "").lower()


def test_pages_carry_a_strict_policy_and_their_language(site: Site) -> None:
    for path, language in (("/", "en"), ("/fr/", "fr"), ("/accounts/login/", "en")):
        answer = site.visitor().get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Content-Language"] == language


def test_plain_http_promises_no_https(site: Site) -> None:
    answer = site.visitor().get("/accounts/login/")
    assert "Strict-Transport-Security" not in answer.headers
    assert all("secure" not in cookie.lower() for cookie in answer.headers.get_all("Set-Cookie") or [])


def test_pages_are_compressed_and_known_ones_not_sent_again(site: Site) -> None:
    visitor = site.visitor()
    first = visitor.get("/articles/")
    assert first.headers["Content-Encoding"] == "gzip"
    again = visitor.get("/articles/", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(("accepted", "sent"), [("gzip, br", "br"), ("gzip", "gzip"), ("identity", None)])
def test_assets_have_names_that_never_change_their_meaning(
    site: Site, accepted: str, sent: str | None
) -> None:
    visitor = site.visitor()
    page = visitor.get("/").text
    bundles = set(re.findall(r'(?:href|src)="(/static/CACHE/[^"]+)"', page))
    assert sorted(path.rpartition(".")[2] for path in bundles) == ["css", "js"]
    fonts = set(re.findall(r'href="(/static/[^"]+\.woff2)"', page))
    assert fonts
    for asset in bundles | fonts:
        answer = visitor.get(asset, headers={"Accept-Encoding": accepted})
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == "max-age=315360000, public, immutable"
        # A font is compressed already.
        assert answer.headers.get("Content-Encoding") == (None if asset in fonts else sent)
        known = {"If-None-Match": answer.headers["ETag"], "Accept-Encoding": accepted}
        assert visitor.get(asset, headers=known).status == 304


def test_a_list_is_a_quarter_of_its_size_on_the_wire(site: Site) -> None:
    for path in ("/articles/", "/fr/articles/", "/api/v1/articles/"):
        answer = site.visitor().get(path)
        assert int(answer.headers["Content-Length"]) <= len(answer.body) / 4, path


def test_head_is_get_without_the_body(site: Site) -> None:
    visitor = site.visitor()
    for path in ("/", "/articles/", "/articles/feed/", "/sitemap.xml", "/search/?q=river", "/api/v1/site/"):
        page, head = visitor.get(path), visitor.request("HEAD", path)
        assert (head.status, head.body) == (200, b"")
        assert head.headers["ETag"] == page.headers["ETag"]
        assert head.headers["Content-Type"] == page.headers["Content-Type"]
        known = {"If-None-Match": page.headers["ETag"]}
        assert visitor.request("HEAD", path, headers=known).status == 304


def test_a_cover_is_served_as_a_picture_and_nothing_else(site: Site) -> None:
    listed = site.visitor().get("/api/v1/articles/").json["articles"]
    cover = next(article["cover"] for article in listed if article["cover"])
    answer = site.visitor().get(cover["url"])
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "image/webp"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/articles/?cursor=%%%", 404),
        ("/articles/?cursor=AAAA", 404),
        ("/articles/%ff%fe/", 404),
        ("/articles/no-such-article/", 404),
        ("/search/?q=%00", 400),
        ("/search/?q=" + "x" * 3000, 200),
        ("/media/../db.sqlite3", 404),
        ("/media/%2e%2e/site.toml", 404),
        ("/api/v1/articles/?cursor=nonsense", 400),
        ("/api/v1/articles/?limit=1000000", 400),
        ("/api/v1/nothing/", 404),
    ],
)
def test_a_malformed_address_is_answered_in_words(site: Site, path: str, status: int) -> None:
    answer = site.visitor().get(path)
    assert answer.status == status
    assert "Traceback" not in answer.text
    if path.startswith("/api/"):
        assert answer.json["detail"]
    else:
        assert "<h1" in answer.text


def test_an_unknown_host_is_told_which_name_is_missing(site: Site) -> None:
    answer = site.visitor().get("/", headers={"Host": "elsewhere.example"})
    assert answer.status == 400
    assert "elsewhere.example" in answer.text
    assert "ALLOWED_HOSTS" in answer.text


def test_an_oversized_form_is_refused(site: Site) -> None:
    body = {"username": "x" * 3_000_000, "password": "x"}
    answers: list[Answer] = []
    for _ in range(10):
        # The site answers without reading it all: who is still sending then may find the way closed.
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            answers.append(site.visitor().post("/accounts/login/", body))
    assert {answer.status for answer in answers} == {413}
    assert "Traceback" not in answers[0].text


def test_a_form_from_elsewhere_is_refused(site: Site) -> None:
    answer = site.visitor().request("POST", "/accounts/login/", data={"username": "a", "password": "b"})
    assert answer.status == 403


def test_a_slow_client_does_not_keep_the_others_waiting(site: Site) -> None:
    slow = []
    for _ in range(8):
        connection = socket.create_connection(("127.0.0.1", site.port), timeout=5)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        slow.append(connection)
    try:
        started = time.monotonic()
        assert site.visitor().get("/").status == 200
        assert time.monotonic() - started < 3
    finally:
        for connection in slow:
            connection.close()


def test_the_site_runs_on_two_workers_and_redis(site: Site) -> None:
    ready = site.readiness()
    assert ready["status"] == "ok"
    assert ready["installed"] is True
    assert ready["cache"]["engine"] == "redis"


def test_ordinary_visits_leave_no_complaint_in_the_log(site: Site) -> None:
    owner, before = site.owner(), len(site.said())
    for path in ("/", "/fr/articles/", "/dashboard/", "/admin/", "/admin/cache/", "/health/ready/"):
        assert owner.get(path).status == 200
    assert COMPLAINT.findall(site.said()[before:]) == []


def test_a_wrong_host_name_is_no_incident(site: Site) -> None:
    before = len(site.said())
    site.visitor().get("/", headers={"Host": "elsewhere.example"})
    assert COMPLAINT.findall(site.said()[before:]) == []
