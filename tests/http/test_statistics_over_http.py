"""A run of known size against the real server with two workers: what is counted is what was done."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.cacheadmin.waiting import wait_until
from tests.servers.site import Site
from tests.sites import METRICS_TOKEN

pytestmark = [pytest.mark.server, pytest.mark.slow]

PATHS = ("/", "/articles/", "/articles/?page=none", "/fr/articles/", "/articles/feed/")
# What the whole-page cache says of itself, and how the statistics call it.
KINDS = {"cacheadmin; hit": "hits", "cacheadmin; fwd=miss": "misses"}
ROUNDS = 60


def samples(site: Site) -> dict[tuple[str, ...], float]:
    """What Prometheus reads at this site."""
    headers = {"Authorization": f"Bearer {METRICS_TOKEN}"}
    answer = site.visitor().get("/metrics/", headers=headers)
    assert answer.status == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def counted_pages(site: Site) -> Counter[str]:
    """What ``/metrics/`` says of whole pages."""
    found = samples(site)
    return Counter(
        {
            kind: int(found.get((f"cacheadmin_{kind}_total", "default", "pages"), 0))
            for kind in ("hits", "misses")
        }
    )


def shown_pages(site: Site) -> Counter[str]:
    """The same, as the command says it."""
    group = json.loads(site.manage("cache", "stats", "--days", "7", "--json"))["groups"]["pages"]
    return Counter({kind: group[kind] for kind in ("hits", "misses")})


def test_sums_over_the_workers_are_exact(site: Site) -> None:
    site.visitor().get("/")
    # Workers that end hand over what others have left them with: these sums are whole.
    site.restart()
    before = counted_pages(site)

    def visit(number: int) -> str:
        said = site.visitor().get(PATHS[number % len(PATHS)]).headers["Cache-Status"]
        return KINDS.get(said, said)

    # One after the other at first: whoever waits for a page that is being made counts as a miss.
    seen = Counter(map(visit, range(len(PATHS))))
    with ThreadPoolExecutor(8) as pool:
        seen.update(pool.map(visit, range(ROUNDS * len(PATHS))))
    assert set(seen) <= {"hits", "misses"}
    assert seen["hits"] > ROUNDS
    wait_until(lambda: counted_pages(site) == before + seen, seconds=30)
    assert shown_pages(site) == before + seen
    # Both have answered, so these are sums.
    assert len(json.loads(site.manage("cache", "status", "--json"))["workers"]) == 2


def test_what_is_held_is_told_alike_by_metrics_and_command(site: Site) -> None:
    for path in PATHS:
        site.visitor().get(path)
    found = json.loads(site.manage("cache", "stats", "--json"))["holdings"]
    told = samples(site)
    assert found["engine"] == "redis"
    assert found["complete"] is True
    assert found["groups"]["pages"]["entries"] >= len(PATHS) - 1
    for group, held in found["groups"].items():
        assert told["cacheadmin_entries", "default", group] == held["entries"], group
    assert told["cacheadmin_redis_used_memory_bytes", "default"] > found["size"] > 0
    assert told["cacheadmin_keys_all_looked_at", "default"] == 1
