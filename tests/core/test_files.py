"""Uploaded files, and robots.txt."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from core.compression import is_textual
from tests.core.conftest import SettingsMaker

pytestmark = pytest.mark.django_db

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def media(settings: Settings, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path / "media"
    (tmp_path / "media" / "covers").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("not yours")
    return tmp_path / "media"


def test_an_uploaded_picture_is_shown_and_kept_for_a_day(client: Client, media: Path) -> None:
    (media / "covers" / "hill.png").write_bytes(PNG)
    answer = client.get("/media/covers/hill.png")
    assert answer.getvalue() == PNG
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "public, max-age=86400"
    assert answer.headers["Content-Disposition"].startswith("inline")
    again = client.get(
        "/media/covers/hill.png", headers={"If-Modified-Since": answer.headers["Last-Modified"]}
    )
    assert again.status_code == 304


@pytest.mark.parametrize("name", ["page.html", "drawing.svg", "script.js", "unknown"])
def test_a_file_that_could_run_something_is_only_offered_for_download(
    client: Client, media: Path, name: str
) -> None:
    (media / name).write_text("<script>alert(1)</script>")
    answer = client.get(f"/media/{name}")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.getvalue() == b"<script>alert(1)</script>"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "covers/",
        "none.png",
        "../secret.txt",
        "..%2fsecret.txt",
        "x" * 5000,
        "covers/../../secret.txt",
    ],
)
def test_nothing_else_can_be_read(client: Client, media: Path, name: str) -> None:
    answer = client.get(f"/media/{name}")
    assert answer.status_code == 404
    assert str(media) not in answer.content.decode()


def test_files_are_only_read(client: Client, media: Path) -> None:
    assert client.post("/media/covers/hill.png").status_code == 405


def test_robots_are_kept_out_of_private_pages_in_both_languages(
    client: Client, site_settings: SettingsMaker
) -> None:
    site_settings(language="fr")
    lines = client.get("/robots.txt").content.decode().splitlines()
    assert lines[0] == "User-agent: *"
    assert {"Disallow: /admin/", "Disallow: /dashboard/", "Disallow: /en/dashboard/"} <= set(lines)
    assert "Sitemap: http://testserver/sitemap.xml" in lines


def test_a_picture_is_not_compressed_once_more_but_a_page_is(client: Client, media: Path) -> None:
    (media / "covers" / "hill.webp").write_bytes(b"\0" * 5000)
    picture = client.get("/media/covers/hill.webp", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in picture.headers
    assert "Vary" not in picture.headers
    assert picture.headers["Content-Length"] == "5000"
    # Read to the end, which the client does not take for the end of the request and its connections.
    assert len(picture.getvalue()) == 5000
    page = client.get("/", headers={"Accept-Encoding": "gzip"})
    assert page.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in page.headers["Vary"]


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("text/html; charset=utf-8", True),
        ("application/json", True),
        ("Application/RSS+XML; charset=utf-8", True),
        ("image/svg+xml", True),
        ("image/webp", False),
        ("font/woff2", False),
        ("application/zip", False),
        ("", False),
    ],
)
def test_only_what_is_made_of_letters_is_compressed(content_type: str, expected: bool) -> None:
    assert is_textual(content_type) is expected
