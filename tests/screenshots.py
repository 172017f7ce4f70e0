"""``make screenshots``: the pictures of the cache page in ``docs/images``, taken of a real site.

The site runs on its production server and a real Redis, and is visited for real. Nobody waits a week for
the week before, though: its hours are written into the statistics, by days and nights, with an outage.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.watched import PHONE, WatchedPage, open_page
from tests.servers import chromium
from tests.servers.redis import RedisServer
from tests.servers.site import CHECKOUT, Site

IMAGES = CHECKOUT / "docs" / "images"
# A README is loaded over slow lines, too.
LARGEST = 300_000
ROUNDS, PAGES = 12, ("/", "/articles/", "/articles/?page=2", "/search/?q=the", "/fr/", "/fr/articles/")
WEEK_BEFORE = """
import math, random
from datetime import UTC, datetime, timedelta
from cacheadmin.models import CacheEvent, HourlyCount, HourlyLatency
from cacheadmin.stats.histogram import bucket_of
random.seed(7)
now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
shares = {"content": (0.95, 9), "lists": (0.9, 6), "settings": (0.99, 12), "users": (0.86, 2)}
counts, latencies = [], []
for back in range(1, 168):
    hour = now - timedelta(hours=back)
    busy = 0.25 + 0.75 * math.sin(math.pi * ((hour.hour - 5) % 24) / 24) ** 2
    cold = 0.55 if back in (61, 62) else 0.8 if back in (63, 20) else 1
    for group, (rate, weight) in shares.items():
        reads = int(400 * weight * busy * random.uniform(0.85, 1.15))
        hits = int(reads * rate * cold * random.uniform(0.985, 1))
        counts.append(HourlyCount(cache="default", hour=hour, group=group, hits=hits, misses=reads - hits,
                                  writes=reads - hits, fallbacks=reads if cold == 0.55 else 0))
        latencies.append(HourlyLatency(cache="default", hour=hour, group=group, bucket=bucket_of(210_000),
                                       number=reads // 8))
HourlyCount.objects.bulk_create(counts)
HourlyLatency.objects.bulk_create(latencies)
lost = now - timedelta(hours=62, minutes=-10)
back = lost + timedelta(hours=1, minutes=12)
CacheEvent.objects.create(kind="outage", alias="default", at=lost, ended_at=back, machine="web",
                          details={"was": "redis", "engine": "file", "detail": "timed out"})
CacheEvent.objects.create(kind="return", alias="default", at=back, machine="web", details={"engine": "redis"})
CacheEvent.objects.create(kind="clear", alias="default", at=now - timedelta(hours=20), machine="web",
                          actor_name="owner", details={"groups": ["content", "lists"]})
"""


def main() -> int:
    """Take them all; return 1 if one is too large."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, RedisServer(options=("maxmemory", "64mb")) as redis:
        site = visited_site(Path(directory), redis)
        try:
            taken = _take_all(site)
        finally:
            site.stop()
    for path in taken:
        print(f"{path.relative_to(CHECKOUT)}: {path.stat().st_size // 1000} KB")
    return 0 if all(path.stat().st_size < LARGEST for path in taken) else 1


def visited_site(directory: Path, redis: RedisServer) -> Site:
    """A site on *redis* with four workers and a week behind it, just visited."""
    site = Site(directory / "var", workers=4)
    site.install(cache="auto", samples=200, site_name="The Reading Room", redis_url=redis.url())
    site.manage("shell", "-c", WEEK_BEFORE)
    site.start()
    for _round in range(ROUNDS):
        visitor = site.visitor()
        for path in PAGES:
            visitor.get(path)
    site.manage("cache", "warm")
    return site


def _take_all(site: Site) -> list[Path]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.find_chromium(), args=chromium.arguments()
        )
        login = open_page(browser, site).log_in_as_owner()
        light = open_page(browser, site, login=login)
        dark = open_page(browser, site, login=login, dark=True, language="fr")
        phone = open_page(browser, site, login=login, width=PHONE)
        return [
            _take(light, "cache-page.png", part="", height=1150),
            _take(dark, "cache-page-dark.png", part="statistics", height=900),
            _take(phone, "cache-page-phone.png", part="", height=844),
        ]


def _take(watched: WatchedPage, name: str, *, part: str, height: int) -> Path:
    """Take the window, scrolled to a section of the cache page."""
    page, width = watched.page, watched.page.viewport_size or {"width": 1280}
    page.set_viewport_size({"width": width["width"], "height": height})
    watched.visit("/admin/cache/" + (f"#{part}" if part else ""))
    page.wait_for_function("() => !document.querySelector('[data-chart]')?.hidden")
    path = IMAGES / name
    page.screenshot(path=path)
    return path


if __name__ == "__main__":
    sys.exit(main())
