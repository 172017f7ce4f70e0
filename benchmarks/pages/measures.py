"""What is measured, one figure after the other, and the ratios that are owed."""

from __future__ import annotations

import gzip
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks.pages.front_nginx import nginx
from benchmarks.pages.site import HOST, Site, newest_article, session_cookie
from benchmarks.servers.clients import wrk
from benchmarks.servers.processes import Running, Server
from tests.servers.visitor import Visitor
from tests.servers.web import Nginx

GRANIAN = Server("granian", "", 4)
GUNICORN = Server("gunicorn", "sync", 1)
SHIPPED = "nginx: shipped, {}"
STATIC = SHIPPED.format("static file")
GZIP = {"Accept-Encoding": "gzip"}
# Each engine, beside what Django itself keeps pages in that is most like it.
ENGINES = {"file": "files", "memory": "locmem", "redis": "django-redis"}


@dataclass(frozen=True)
class Figure:
    """One measurement: requests a second, CPU milliseconds of the server for each, and times in ms."""

    name: str
    per_second: float
    cpu_ms: float
    p50: float
    p99: float
    errors: int


@dataclass(frozen=True)
class Target:
    """A ratio that is owed: requests a second of the one to those of the other."""

    what: str
    figure: str
    beside: str
    least: float


def targets() -> list[Target]:
    """What the pages owe."""
    owed = []
    for server, least in ((GRANIAN, 2.5), (GUNICORN, 1.2)):
        for engine, peer in ENGINES.items():
            limit = 1.2 if engine == "redis" else least
            hit = f"{server.program}: hit, {engine}"
            owed.append(Target("hit to the empty view", hit, f"{server.program}: empty view", limit))
            limit = 3.0 if engine == "redis" else 4.0
            owed.append(Target("hit to cache_page", hit, f"{server.program}: cache_page, {peer}", limit))
        owed.append(
            Target("304 to a hit", f"{server.program}: 304, file", f"{server.program}: hit, file", 1.0)
        )
    return [
        *owed,
        Target("hit to nginx's page cache", "granian: hit, file", "nginx: page cache", 0.6),
        Target("nginx's page cache to its static file", "nginx: page cache", "nginx: static file", 0.4),
        Target("shipped page cache to a static file", SHIPPED.format("page cache"), STATIC, 0.4),
        Target("direct serving to a static file", SHIPPED.format("direct"), STATIC, 0.8),
        Target("list, miss", "granian: list, miss", "granian: list, plain", 1.3),
        Target("dashboard", "granian: dashboard", "granian: dashboard, plain", 1.5),
    ]


class Bench:
    """Measures a site.

    Args:
        site: the site, installed.
        seconds: of each measurement.
    """

    def __init__(self, site: Site, seconds: int) -> None:
        self._site = site
        self._seconds = seconds
        # Bytes of the article list, plain and compressed.
        self.sizes = (0, 0)

    def figures(self) -> Iterator[Figure]:
        """Measure everything once."""
        for server in (GRANIAN, GUNICORN):
            with self._site.served(server, "empty", "file") as running:
                yield self._load(running, f"{server.program}: empty view", "/benchmark/tiny/")
            for engine, peer in ENGINES.items():
                yield from self._hits(server, engine)
                with self._site.served(server, peer, engine) as running:
                    path = newest_article(running.port)
                    yield self._load(running, f"{server.program}: cache_page, {peer}", path)
        yield from self._shipped()
        yield from self._made()

    def _shipped(self) -> Iterator[Figure]:
        """What ``deploy/nginx.conf`` makes of the site: its own cache of pages, and pages as files."""
        with self._site.served(GRANIAN, "shipped", "file") as running:
            path = newest_article(running.port)
            page = Visitor(f"http://127.0.0.1:{running.port}").get(path).body
            with Nginx(self._site.web, running.port) as nginx:
                (nginx.directory / "static-page").write_bytes(gzip.compress(page, 6))
                # An address with a port is never a file.
                named = {**GZIP, "Host": HOST}
                self._wait_for_file(nginx, path)
                for name, port, where, headers in (
                    ("shipped, static file", nginx.plain_port, "/static-page", GZIP),
                    ("shipped, page cache", nginx.port, path, GZIP),
                    ("shipped, direct", nginx.port, path, named),
                ):
                    wrk(port, where, seconds=1, headers=headers)
                    load = wrk(port, where, seconds=self._seconds, headers=headers)
                    yield Figure(f"nginx: {name}", load.per_second, 0.0, load.median, load.p99, load.errors)

    def _wait_for_file(self, nginx: Nginx, path: str) -> None:
        """Have the page made, and wait until nginx sends it by itself: its ETag is a shorter one.

        Raises:
            RuntimeError: it never does.
        """
        request = urllib.request.Request(f"http://127.0.0.1:{nginx.port}{path}", headers={"Host": HOST})
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with urllib.request.urlopen(request) as answer:
                if len(answer.headers["ETag"]) < 24:
                    return
            time.sleep(0.2)
        raise RuntimeError(f"nginx finds no file for {path} in {nginx.pages}")

    def _hits(self, server: Server, engine: str) -> Iterator[Figure]:
        with self._site.served(server, "ours", engine) as running:
            path = newest_article(running.port)
            yield self._load(running, f"{server.program}: hit, {engine}", path)
            if engine != "file":
                return
            tag = Visitor(f"http://127.0.0.1:{running.port}").get(path).headers["ETag"]
            yield self._load(running, f"{server.program}: 304, {engine}", path, {"If-None-Match": tag})
            if server is GRANIAN:
                yield from self._nginx(running, path)

    def _nginx(self, running: Running, path: str) -> Iterator[Figure]:
        page = Visitor(f"http://127.0.0.1:{running.port}").get("/articles/").body
        self.sizes = (len(page), len(gzip.compress(page, 6)))
        article = Visitor(f"http://127.0.0.1:{running.port}").get(path).body
        with nginx(self._site.directory / "nginx", running.port, gzip.compress(article, 6)) as port:
            for name, where in (("static file", "/static-page"), ("page cache", path)):
                wrk(port, where, seconds=1, headers=GZIP)
                load = wrk(port, where, seconds=self._seconds, headers=GZIP)
                yield Figure(f"nginx: {name}", load.per_second, 0.0, load.median, load.p99, load.errors)

    def _made(self) -> Iterator[Figure]:
        """What Django makes each time: a page that is not kept, and one that is somebody's own."""
        # A parameter that no view reads: looked up, made, not kept.
        for peer, path, name in (("ours", "/articles/?x=1", "miss"), ("plain", "/articles/", "plain")):
            engine = "off" if peer == "plain" else "file"
            with self._site.served(GRANIAN, peer, engine) as running:
                cookie = {"Cookie": session_cookie(running.port)}
                yield self._load(running, f"granian: list, {name}", path)
                suffix = "" if peer == "ours" else ", plain"
                yield self._load(running, f"granian: dashboard{suffix}", "/dashboard/", cookie)

    def _load(
        self, running: Running, name: str, path: str, headers: Mapping[str, str] | None = None
    ) -> Figure:
        sent = {**GZIP, **(headers or {})}
        wrk(running.port, path, seconds=1, headers=sent)
        before = running.cpu_seconds()
        load = wrk(running.port, path, seconds=self._seconds, headers=sent)
        cpu = 1000 * (running.cpu_seconds() - before) / max(load.requests, 1)
        return Figure(name, load.per_second, cpu, load.median, load.p99, load.errors)
