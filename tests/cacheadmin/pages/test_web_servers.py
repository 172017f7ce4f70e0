"""What the rules in ``deploy/`` make of real web servers: nginx and Apache in front of the small site."""

from __future__ import annotations

import gzip
import http.client
import os
import socketserver
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from django.core.wsgi import get_wsgi_application
from pytest_django import Settings

from cacheadmin import pagecache
from cacheadmin.pagecache import PageCache, files
from tests.cacheadmin.pages.asking import HOST, Answer
from tests.cacheadmin.pages.urls import made
from tests.servers.web import Apache, Nginx, WebServer, find_nginx

Ask = Callable[..., Answer]


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (its own name)
        """Say nothing."""


class _Threaded(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


@pytest.fixture
def backend(settings: Settings, new_cache: Callable[..., object]) -> Iterator[int]:
    """The port of the small site, in this process."""
    new_cache("file")
    application = PageCache(get_wsgi_application())
    server = make_server("127.0.0.1", 0, application, server_class=_Threaded, handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=[Nginx, Apache], ids=["nginx", "apache"])
def server(
    request: pytest.FixtureRequest, settings: Settings, tmp_path: Path, backend: int
) -> Iterator[WebServer]:
    """Each of them, with the setting that has pages written where it looks."""
    running: WebServer = request.param(tmp_path / "web", backend)
    settings.CACHEADMIN = {"PAGES_DIRECTORY": str(running.pages)}
    # Only in the open a web server's own user could read it; here it is ours.
    with running:
        yield running


@pytest.fixture
def nginx(settings: Settings, tmp_path: Path, backend: int) -> Iterator[Nginx]:
    """Nginx in front of a site that has pages kept for a second, and no files."""
    settings.CACHEADMIN = {"PAGES_NGINX_SECONDS": 1}
    running = Nginx(tmp_path / "web", backend)
    with running:
        yield running


def asker(port: int) -> Ask:
    """Return ``ask(path, method="GET", **headers)``."""

    def ask(path: str, method: str = "GET", **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        sent = {"Host": HOST, "Accept-Encoding": "gzip"}
        sent.update({name.replace("_", "-"): value for name, value in headers.items()})
        try:
            connection.request(method, path, headers=sent)
            answer = connection.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, named, answer.read())
        finally:
            connection.close()

    return ask


def is_file(answer: Answer) -> bool:
    """Whether the web server has answered by itself: a site's tag is longer."""
    return answer.status == 200 and len(answer.headers.get("etag", "-" * 40)) < 30


def test_anonymous_pages_come_from_files(server: WebServer) -> None:
    ask = asker(server.port)
    first = ask("/things/a/")
    assert (first.status, is_file(first)) == (200, False)
    files.sweep()
    second = ask("/things/a/")
    assert is_file(second)
    assert second.text == first.text
    assert second.headers["content-encoding"] == "gzip"
    plain = ask("/things/a/", Accept_Encoding="identity")
    assert is_file(plain)
    assert "content-encoding" not in plain.headers
    assert plain.body.decode() == first.text
    for answer in (second, plain):
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["cache-status"] == "cacheadmin; hit"
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert not {"last-modified", "strict-transport-security", "expires"} & set(answer.headers)
    again = ask("/things/a/", If_None_Match=second.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    assert made["a"] == 1


OTHERS: list[tuple[str, str, dict[str, str]]] = [
    ("/things/a/?page=2", "GET", {}),
    ("/things/a/", "HEAD", {}),
    ("/things/a/", "OPTIONS", {}),
    ("/things/a/", "GET", {"Cookie": "sessionid=x"}),
    ("/things/a/", "GET", {"Cookie": "a=b; member=1"}),
    ("/things/a/", "GET", {"Cookie": "a=b;django_language=fr"}),
    ("/things/a/", "GET", {"Cookie": "messages=x"}),
    ("/things/a/", "GET", {"Authorization": "Bearer x"}),
    ("/things/a/", "GET", {"Host": f"{HOST}:8080"}),
    ("/things/a/", "GET", {"Host": "other.example"}),
    ("/things/a/", "GET", {"Host": f"../{HOST}"}),
    ("/things/a", "GET", {}),
    ("/things/a/index.html", "GET", {}),
    ("/pages/index.sqlite3", "GET", {}),
    ("/index.sqlite3", "GET", {}),
    (f"/pages/pages/http/{HOST}/things/a/index.html", "GET", {}),
    (f"/pages/now/../pages/http/{HOST}/things/a/", "GET", {}),
]


def test_whoever_is_to_get_something_else_does(server: WebServer) -> None:
    ask = asker(server.port)
    ask("/things/a/")
    files.sweep()
    assert is_file(ask("/things/a/"))
    for path, method, headers in OTHERS:
        answer = ask(path, method, **headers)
        assert not is_file(answer), (path, method, headers)
        assert b"SQLite" not in answer.body
    # And it has harmed nobody.
    assert is_file(ask("/things/a/"))


def test_a_change_is_seen_by_the_next_visitor(server: WebServer) -> None:
    ask = asker(server.port)
    before = ask("/things/a/")
    files.sweep()
    assert ask("/things/a/").text == before.text
    tag = ask("/things/a/").headers["etag"]
    pagecache.forget("thing:a")
    after = ask("/things/a/", If_None_Match=tag)
    assert (after.status, is_file(after)) == (200, False)
    assert after.text.startswith("a 2 ")
    # The same size, made within the same second: the tag is another one all the same.
    second = ask("/things/a/", If_None_Match=tag)
    assert is_file(second)
    assert second.text == after.text


def test_without_a_sweep_the_site_is_asked_again(server: WebServer) -> None:
    ask = asker(server.port)
    ask("/things/a/")
    files.sweep()
    assert is_file(ask("/things/a/"))
    for door in os.listdir(server.pages / "now"):
        (server.pages / "now" / door).rename(server.pages / "now" / f"{int(door) - 10}")
    assert not is_file(ask("/things/a/"))


# --- The shipped configuration of nginx, with its own cache of pages ---


def test_the_shipped_configuration_is_one(nginx: Nginx) -> None:
    words = [str(find_nginx()), "-t", "-c", str(nginx.directory / "nginx.conf"), "-p", str(nginx.directory)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


def test_nginx_keeps_pages_briefly_and_for_nobody_of_their_own(nginx: Nginx) -> None:
    ask = asker(nginx.port)
    first = ask("/things/a/")
    assert (first.status, first.cache) == (200, "fwd=miss")
    assert "x-accel-expires" not in first.headers
    # nginx says again what the site said to the first one; the site itself would say "hit".
    deadline = time.monotonic() + 20
    number = 0
    while ask(f"/things/b{number}/").cache != ask(f"/things/b{number}/").cache:
        number += 1
        assert time.monotonic() < deadline
    own = ask("/things/a/", Cookie="sessionid=x")
    assert (own.cache, own.text.startswith("a 2 ")) == ("fwd=bypass", True)
    assert ask("/things/a/").text == first.text
    assert ask("/things/a/", "OPTIONS").cache == "fwd=bypass"
    assert ask("/things/a/", Accept_Encoding="identity").body.decode() == first.text


def test_nothing_is_stale_for_longer_than_it_says(nginx: Nginx) -> None:
    ask = asker(nginx.port)
    ask("/things/a/")
    pagecache.forget("thing:a")
    changed = time.monotonic()
    while ask("/things/a/").text.startswith("a 1 "):
        # Two seconds are said; the rest is for a busy machine.
        assert time.monotonic() - changed < 6
        time.sleep(0.05)


def test_nginx_serves_static_files_and_uploads(nginx: Nginx) -> None:
    static, media = nginx.directory / "site" / "staticfiles", nginx.directory / "site" / "var" / "media"
    for folder in (static, media):
        folder.mkdir(parents=True)
    (static / "site.0123456789ab.css").write_text("a{}")
    (static / "site.0123456789ab.css.gz").write_bytes(gzip.compress(b"a{}"))
    (static / "logo.svg").write_text("<svg/>")
    (media / "a.png").write_bytes(b"picture")
    (media / "a.html").write_text("<script></script>")
    ask = asker(nginx.port)
    hashed = ask("/static/site.0123456789ab.css")
    assert (hashed.text, hashed.headers["cache-control"]) == ("a{}", "max-age=315360000, public, immutable")
    assert hashed.headers["content-encoding"] == "gzip"
    assert ask("/static/logo.svg").headers["cache-control"] == "max-age=60, public"
    picture, page = ask("/media/a.png"), ask("/media/a.html")
    assert (picture.body, picture.headers["content-type"]) == (b"picture", "image/png")
    assert "content-disposition" not in picture.headers
    assert page.headers["content-disposition"] == "attachment"
    for answer in (picture, page):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]
    assert ask("/media/../db.sqlite3").status == 404
    assert ask("/media/missing.png").body == b"nothing here"
