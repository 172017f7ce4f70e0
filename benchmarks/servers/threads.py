"""How many threads a worker should have: real pages, read while others wait for something."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.servers.clients import Crowd, Load, get, wrk
from benchmarks.servers.processes import BASE_DIR, Running, Server, running

SERVERS = [Server("granian", "", threads) for threads in (1, 2, 3, 4, 8)]
PAGES = [
    "/", "/articles/", "/articles/feed/", "/search/?q=winter", "/accounts/login/",
    "/fr/", "/fr/articles/", "/api/v1/articles/", "/api/v1/site/",
]  # fmt: skip


@dataclass(frozen=True)
class Mixed:
    """Readers alone, then readers beside four visitors who wait and one who logs in."""

    alone: Load
    beside: Load
    waits_per_second: float
    slowest_wait: float
    memory: float


def thread_table(directory: Path, rounds: int, seconds: int) -> str:
    """One row for each number of threads (the median of *rounds*), as Markdown."""
    environment = installed_site(directory)
    found: dict[Server, list[Mixed]] = {server: [] for server in SERVERS}
    for turn in range(rounds):
        for server in SERVERS:
            print(f"… mixed pages, round {turn + 1}: {server.name}", file=sys.stderr, flush=True)
            found[server].append(_one_round(server, environment, directory, seconds))
    heads = [
        "threads per worker", "pages/s", "p99 ms", "pages/s beside waiting visitors", "p50 ms", "p99 ms",
        "waits/s (4 visitors)", "slowest wait s", "errors", "memory per worker, MiB (PSS)",
    ]  # fmt: skip
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    lines += ["| " + " | ".join([str(server.threads), *_cells(found[server])]) + " |" for server in SERVERS]
    return "\n".join(lines) + "\n"


def _one_round(server: Server, environment: dict[str, str], directory: Path, seconds: int) -> Mixed:
    script = directory / "pages.lua"
    with running(server, environment, directory / "server.log") as site:
        script.write_text(_lua(_pages(site)))
        return _measure(site, script, seconds)


def _cells(rounds: list[Mixed]) -> list[str]:
    def median(of: Callable[[Mixed], float], digits: int = 0) -> str:
        return f"{statistics.median(of(one) for one in rounds):,.{digits}f}"

    return [
        median(lambda one: one.alone.per_second),
        median(lambda one: one.alone.p99),
        median(lambda one: one.beside.per_second),
        median(lambda one: one.beside.median),
        median(lambda one: one.beside.p99),
        median(lambda one: one.waits_per_second, 1),
        median(lambda one: one.slowest_wait, 2),
        str(sum(one.alone.errors + one.beside.errors for one in rounds)),
        median(lambda one: one.memory),
    ]


def installed_site(directory: Path) -> dict[str, str]:
    """Install a site with 2,000 articles on SQLite under *directory*; return the environment it runs in.

    Raises:
        subprocess.CalledProcessError: the installation failed; what it said stands on the console.
    """
    environment = {
        "DJANGO_SETTINGS_MODULE": "benchmarks.servers.site_settings",
        "VAR_DIR": str(directory / "installed"),
        "ADMIN_PASSWORD": os.urandom(12).hex(),
    }
    command = [
        sys.executable, "manage.py", "install", "--noinput", "--site-name", "Benchmark", "--language", "en",
        "--admin-username", "admin", "--admin-email", "admin@example.org", "--cache", "file",
        "--sample-content", "2000",
    ]  # fmt: skip
    subprocess.run(command, cwd=BASE_DIR, env={**os.environ, **environment}, stdout=sys.stderr, check=True)
    return environment


def _measure(site: Running, script: Path, seconds: int) -> Mixed:
    wrk(site.port, "/", seconds=2, connections=8, script=script)
    alone = wrk(site.port, "/", seconds=seconds, connections=8, script=script)
    waiting = Crowd(site.port, "/benchmark/wait/", clients=4, timeout=20)
    with ExitStack() as others:
        others.enter_context(waiting.asking())
        others.enter_context(
            Crowd(site.port, "/benchmark/password/", clients=1, timeout=20, pause=0.8).asking()
        )
        beside = wrk(site.port, "/", seconds=seconds, connections=8, script=script)
    return Mixed(alone, beside, waiting.per_second(seconds), waiting.slowest, site.memory_per_worker())


def _pages(site: Running) -> list[str]:
    """The pages to read: the fixed ones, and the articles that the API names.

    Raises:
        RuntimeError: a page does not answer, so that the figures would be of an error page.
    """
    listed = get(site.port, "/api/v1/articles/?limit=20&language=en", timeout=10).body
    slugs = sorted(set(_slugs(listed)))
    pages = [*PAGES, *(f"/articles/{slug}/" for slug in slugs)]
    for page in pages:
        answer = get(site.port, page, timeout=10)
        if not answer.ok:
            raise RuntimeError(f"{page}: {answer.reason} {answer.body[:200]}")
    return pages


def _slugs(listed: str) -> list[str]:
    return [article["slug"] for article in json.loads(listed)["articles"]]


def _lua(pages: list[str]) -> str:
    quoted = ", ".join(f'"{page}"' for page in pages)
    return (
        f"local pages = {{{quoted}}}\nlocal turn = 0\n"
        'request = function()\n  turn = turn % #pages + 1\n  return wrk.format("GET", pages[turn])\nend\n'
    )
